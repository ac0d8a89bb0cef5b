// Looking at the words of a picture: which one is lit, on which canvases, and what is said of it.

import { element } from "./paint.js";
import { at, peak, ratioText, ratios, regions, tellPeak } from "./spotlight.js";
import { showWords } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Looking {
  #parts;
  #picture = $("picture");
  #all = $("all-words");
  #words = [];
  #attention = null;
  #chips = null;
  #look = null;
  /** What stays when nothing is pointed at. */
  #kept = null;
  #onPin;

  /** `parts` have `look(look)`; `onPin(index or null)` hears which word is chosen. */
  constructor(parts, onPin) {
    [this.#parts, this.#onPin] = [parts, onPin];
    this.#all.addEventListener("click", () => this.#keep(this.#kept?.all ? null : { all: true }));
    // Under the mouse, or under a finger that slides: what is there.
    for (const type of ["pointermove", "pointerdown"]) this.#picture.addEventListener(type, (event) => this.#tellPlace(event));
    this.#picture.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && this.#tell());
  }

  /** A new picture with these tokens; its attention comes with its stages. */
  begin(tokens, maxWords) {
    this.#attention = null;
    this.#keep(null);
    this.#chips = showWords($("words"), tokens, maxWords, {
      point: (index) => this.#point(index === null ? this.#kept : { word: index }),
      pin: (index) => this.#keep(index === null ? null : { word: index }),
    });
    this.#words = tokens.filter(({ known }) => known).map(({ word }) => word);
    this.#all.disabled = true;
  }

  /** The attention of the newest stage. */
  stage(attention) {
    if (!attention) return;
    this.#attention = attention;
    this.#all.disabled = false;
    this.#chips?.ratios(Array.from({ length: attention.words }, (_, index) => peak(ratios(attention, index))));
    this.#show(this.#look);
  }

  /** Chooses a word, as a click would. */
  pin(index) {
    this.#keep(index === null ? null : { word: index });
  }

  #keep(look) {
    this.#kept = look;
    const word = look && !look.all ? look.word : null;
    this.#chips?.press(word);
    this.#all.setAttribute("aria-pressed", String(Boolean(look?.all)));
    this.#onPin(word);
    this.#show(look);
  }

  /** What is shown already stays, with what is said of a place in it. */
  #point(look) {
    if (look !== this.#look) this.#show(look);
  }

  #show(look) {
    this.#look = look;
    for (const part of this.#parts) part.look(look);
    this.#legend();
    this.#tell();
  }

  #legend() {
    const shown = this.#look?.all && this.#attention;
    $("legend").hidden = !shown;
    if (!shown) return;
    $("legend").replaceChildren(
      ...regions(this.#attention).legend.map(({ index, share, colour }) => {
        const item = element("li");
        element("span", "swatch", item).style.setProperty("background", `rgb(${colour.join(" ")})`);
        item.append(`${this.#words[index]} ${Math.round(100 * share)} %`);
        return item;
      }),
    );
  }

  #tell(text = null) {
    const look = this.#look;
    if (!text && look && this.#attention) {
      text = look.all ? "Each region in the colour of its strongest word." : tellPeak(this.#words[look.word], peak(ratios(this.#attention, look.word)));
    }
    $("spot").textContent = text ?? "";
    $("plate-prompt").parentElement.classList.toggle("spotting", Boolean(text));
  }

  #tellPlace(event) {
    if (!this.#look || !this.#attention) return;
    const box = this.#picture.getBoundingClientRect();
    const { word, ratio } = at(this.#attention, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, this.#look);
    const name = this.#words[word];
    this.#tell(this.#look.all ? `Strongest here: “${name}”, ${ratioText(ratio)} of even.` : `Here “${name}” has ${ratioText(ratio)} of an even share.`);
  }
}
