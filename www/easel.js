// The main picture: what the model can draw while there is none yet, then each stage over the one before it.

import { canvasOf, element, paintHeat } from "./paint.js";

export class Easel {
  #root = document.getElementById("easel");
  #wall = document.getElementById("wall");
  #empty = document.getElementById("empty");
  #picture = document.getElementById("picture");
  #layers = document.getElementById("layers");
  #heat = document.getElementById("heat");
  #attention = null;
  /** What the picture was called before one that is not there yet. */
  #before = null;

  /** A new picture begins: until its first stage, `source` (a canvas or an image) stands for it, blurred. */
  begin(prompt, source = null) {
    this.#wall.hidden = true;
    this.#empty.hidden = true;
    this.#picture.hidden = false;
    this.#root.classList.add("waiting");
    this.highlight(null);
    this.#attention = null;
    if (source) {
      const copy = element("canvas", "layer shown preview");
      copy.width = copy.height = 128;
      copy.getContext("2d").drawImage(source, 0, 0, 128, 128);
      this.#layers.replaceChildren(copy);
    } else {
      for (const layer of this.#layers.children) layer.classList.add("old");
    }
    this.#before = this.#picture.getAttribute("aria-label");
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
    this.#picture.setAttribute("aria-label", `Picture: ${prompt}`);
  }

  /** Whether a picture is on its way, for who does not see it. */
  busy(busy) {
    this.#root.setAttribute("aria-busy", String(busy));
  }

  /** No more is to come; a picture that never came leaves the empty easel. */
  settle() {
    this.#root.classList.remove("waiting");
    for (const layer of [...this.#layers.children].slice(0, -1)) layer.remove();
    const last = this.#layers.lastElementChild;
    last?.classList.remove("old", "preview");
    if (this.#before !== null) this.#picture.setAttribute("aria-label", this.#before);
    this.#before = null;
    if (!last) {
      this.#picture.hidden = true;
      this.empty();
    }
  }

  /** What is there before the first picture. */
  empty() {
    if (!this.#picture.hidden) return;
    this.#wall.hidden = this.#wall.childElementCount === 0;
    this.#empty.hidden = !this.#wall.hidden;
  }

  /** Words that stand for the picture: what was asked for and what the model saw in it. */
  describe(prompt, caption) {
    this.#picture.setAttribute("aria-label", caption ? `Picture: ${prompt}. The model describes it as: ${caption}` : `Picture: ${prompt}`);
  }

  /** Shows where word `index` was attended to; null shows the plain picture. */
  highlight(index) {
    const there = index !== null && this.#attention !== null && index < this.#attention.words;
    this.#heat.classList.toggle("shown", there);
    if (there) paintHeat(this.#heat, this.#attention, index);
  }

  get canvas() {
    return this.#layers.lastElementChild;
  }

  focus() {
    this.#picture.focus({ preventScroll: true });
  }

  get root() {
    return this.#root;
  }
}
