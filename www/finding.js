// A picture of the visitor's own: where a judge finds the words that were said of it.

import { foundMaps, paintLook, peak, ratios, tellFound } from "./spotlight.js";
import { list } from "./text.js";
import { showWords } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Finding {
  #root = $("finding");
  #heat = $("dropped-heat");
  #spot = $("finding-spot");
  #maps = null;
  #words = [];
  /** What is said while no word is looked at. */
  #rest = "";
  #kept = null;

  /** Shows the words of what `match` of the package gives; null: there is no judge, or it had nothing to look for. */
  show(match) {
    this.#maps = match && foundMaps(match);
    this.#root.hidden = !match;
    if (!match) return this.#look(null);
    const { tokens } = match;
    this.#words = tokens.filter(({ known }) => known).map(({ word }) => word);
    const unknown = [...new Set(tokens.filter(({ known }) => !known).map(({ word }) => word))];
    this.#rest = unknown.length ? `It cannot place ${list(unknown.slice(0, 5))}: it does not know ${unknown.length > 1 ? "these words" : "this word"}.` : "";
    const chips = showWords($("finding-words"), tokens, this.#maps.words, {
      spot: "finding-spot",
      point: (index) => this.#look(index ?? this.#kept),
      pin: (index) => {
        this.#kept = index;
        chips.press(index);
        this.#look(index);
      },
    });
    chips.ratios(Array.from({ length: this.#maps.words }, (_, index) => peak(ratios(this.#maps, index))));
    this.#kept = null;
    this.#look(null);
  }

  #look(index) {
    paintLook(this.#heat, this.#maps, index === null ? null : { word: index }, 256);
    this.#spot.textContent = index === null ? this.#rest : tellFound(this.#words[index], this.#maps, index);
  }
}
