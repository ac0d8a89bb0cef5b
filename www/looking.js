// Looking at the words of a picture: which one is lit, on which canvases, and what is said of it; where the network looked while it
// drew, or where a judge finds the words in the finished picture.

import { element } from "./paint.js";
import { at, foundMaps, peak, ratioText, ratios, regions, tellFound, tellPeak } from "./spotlight.js";
import { showWords } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Looking {
  #parts;
  #picture = $("picture");
  #all = $("all-words");
  #where = $("where");
  #words = [];
  #attention = null;
  #found = null;
  #chips = null;
  #look = null;
  /** What stays when nothing is pointed at. */
  #kept = null;
  #onPin;

  /** `parts` have `look(look, found)`; `onPin(index or null)` hears which word is chosen. */
  constructor(parts, onPin) {
    [this.#parts, this.#onPin] = [parts, onPin];
    this.#all.addEventListener("click", () => this.#keep(this.#kept?.all ? null : { all: true }));
    this.#where.addEventListener("change", () => {
      this.#turn();
      if (!this.#look && this.#judged) this.#tell("The judge compares words with the finished picture. Choose one to see where it finds it.");
    });
    // Under the mouse, or under a finger that slides: what is there.
    for (const type of ["pointermove", "pointerdown"]) this.#picture.addEventListener(type, (event) => this.#tellPlace(event));
    this.#picture.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && this.#tell());
  }

  /** A new picture with these tokens; its attention comes with its stages. */
  begin(tokens, maxWords) {
    [this.#attention, this.#found] = [null, null];
    this.#where.hidden = true;
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
    this.#turn();
  }

  /** Where a judge finds the words in the finished picture, as `match` of the package gives it; null where there is no judge. */
  found(match) {
    this.#found = match && foundMaps(match);
    this.#where.hidden = !match;
    if (match) this.#turn();
  }

  /** Whether the judge's maps are asked for, and there. */
  get #judged() {
    return Boolean(this.#found) && this.#where.querySelector(":checked").value === "found";
  }

  get #maps() {
    return this.#judged ? this.#found : this.#attention;
  }

  /** Other maps are shown. */
  #turn() {
    const maps = this.#maps;
    // A model of one stage never looked at words.
    if (maps) this.#chips?.ratios(Array.from({ length: maps.words }, (_, index) => peak(ratios(maps, index))));
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
    for (const part of this.#parts) part.look(look, this.#judged ? this.#found : null);
    this.#legend();
    this.#tell();
  }

  #legend() {
    const shown = this.#look?.all && this.#maps;
    $("legend").hidden = !shown;
    if (!shown) return;
    $("legend").replaceChildren(
      ...regions(this.#maps).legend.map(({ index, share, colour }) => {
        const item = element("li");
        element("span", "swatch", item).style.setProperty("background", `rgb(${colour.join(" ")})`);
        item.append(`${this.#words[index]} ${Math.round(100 * share)} %`);
        return item;
      }),
    );
  }

  #tell(text = null) {
    const [look, maps] = [this.#look, this.#maps];
    if (!text && look && maps) {
      const word = this.#words[look.word];
      if (look.all) text = `Each region in the colour of ${this.#judged ? "the word that the judge finds there most" : "its strongest word"}.`;
      else text = this.#judged ? tellFound(word, maps, look.word) : tellPeak(word, peak(ratios(maps, look.word)));
    }
    $("spot").textContent = text ?? "";
    $("plate-prompt").parentElement.classList.toggle("spotting", Boolean(text));
  }

  #tellPlace(event) {
    const maps = this.#maps;
    if (!this.#look || !maps || this.#look.word >= maps.words) return;
    const box = this.#picture.getBoundingClientRect();
    const { word, ratio } = at(maps, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, this.#look);
    const name = this.#words[word];
    const here = `Here “${name}” ${this.#judged ? "is found with" : "has"} ${ratioText(ratio)} of an even share.`;
    this.#tell(this.#look.all ? `Strongest here: “${name}”, ${ratioText(ratio)} of even.` : here);
  }
}
