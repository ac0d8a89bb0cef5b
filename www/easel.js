// The main picture: what the model can draw while there is none yet, then each stage over the one before it.

import { canvasOf, element } from "./paint.js";
import { paintLook } from "./spotlight.js";

const $ = (id) => document.getElementById(id);

export class Easel {
  #root = $("easel");
  #wall = $("wall");
  #empty = $("empty");
  #invitation = $("invitation");
  #picture = $("picture");
  #layers = $("layers");
  #heat = $("heat");
  #attention = null;
  /** Where a judge finds the words, shown in place of the attention. */
  #found = null;
  #look = null;
  /** What the picture was called before one that is not there yet. */
  #before = null;
  #invited = false;

  /** A new picture begins: until its first stage, `source` (a canvas or an image) stands for it, blurred. */
  begin(prompt, source = null) {
    for (const other of [this.#wall, this.#empty, this.#invitation]) other.hidden = true;
    this.#picture.hidden = false;
    this.#root.classList.add("waiting");
    this.#heat.classList.remove("shown");
    for (const preview of this.#layers.querySelectorAll(".preview")) preview.remove();
    for (const layer of this.#layers.children) layer.classList.add("old");
    if (source) {
      const copy = element("canvas", "layer shown preview", this.#layers);
      copy.width = copy.height = 128;
      copy.getContext("2d").drawImage(source, 0, 0, 128, 128);
    }
    this.#before ??= this.#picture.getAttribute("aria-label");
    this.#picture.setAttribute("aria-label", `A picture of “${prompt}” is being drawn`);
  }

  /** The picture of a stage. */
  show(image, attention, prompt) {
    const layer = canvasOf(image, "layer");
    this.#layers.append(layer);
    // The style has to be computed once without the class for the fade to run.
    void layer.offsetWidth;
    layer.classList.add("shown");
    while (this.#layers.children.length > 3) this.#layers.firstElementChild.remove();
    this.#attention = attention ?? null;
    this.#before = null;
    this.#invited = false;
    this.#picture.setAttribute("aria-label", `Picture: ${prompt}`);
  }

  /** Whether a picture is on its way, for who does not see it. */
  busy(busy) {
    this.#root.setAttribute("aria-busy", String(busy));
  }

  /** No more is to come; of a picture that never came nothing is left: the one before it is there again, or the empty easel. */
  settle() {
    this.#root.classList.remove("waiting");
    for (const preview of this.#layers.querySelectorAll(".preview")) preview.remove();
    for (const layer of [...this.#layers.children].slice(0, -1)) layer.remove();
    this.#layers.lastElementChild?.classList.remove("old");
    if (this.#before !== null) {
      this.#picture.setAttribute("aria-label", this.#before);
      this.look(this.#look, this.#found);
    }
    this.#before = null;
    if (!this.#layers.childElementCount) this.clear();
  }

  /** No picture. */
  clear() {
    this.#layers.replaceChildren();
    this.#attention = null;
    this.#picture.hidden = true;
    this.empty();
  }

  /** What is there before the first picture: an invitation, else the wall. */
  empty() {
    if (!this.#picture.hidden) return;
    this.#invitation.hidden = !this.#invited;
    this.#wall.hidden = this.#invited || this.#wall.childElementCount === 0;
    this.#empty.hidden = this.#invited || !this.#wall.hidden;
  }

  /** Whether the visitor came by a link whose picture is not drawn yet. */
  set invited(invited) {
    this.#invited = invited;
    this.empty();
  }

  /** Words that stand for the picture: what was asked for and what the model saw in it. */
  describe(prompt, caption) {
    this.#picture.setAttribute("aria-label", caption ? `Picture: ${prompt}. The model describes it as: ${caption}` : `Picture: ${prompt}`);
  }

  /** Shows a look at the words (spotlight.js), by the maps of a judge where these are given; null shows the plain picture. */
  look(look, found = null) {
    [this.#look, this.#found] = [look, found];
    paintLook(this.#heat, found ?? this.#attention, look, 256);
  }

  focus() {
    this.#picture.focus({ preventScroll: true });
  }

  get root() {
    return this.#root;
  }
}
