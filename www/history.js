// What was drawn in this browser: prompt, seed, noise, model, description and a small picture of each; a click brings it back.

import { LONGEST_PROMPT, LARGEST_SEED, checkedNoise, isModelName, sameWish } from "./link.js";
import { element, thumbnail } from "./paint.js";
import { tellSeed } from "./text.js";

const KEY = "mirrorgan.history";
/** With pictures of a few kilobytes each, far below what a browser lets a page keep. */
export const MOST = 24;
const SIDE = 112;

/** An entry as it was kept, or null: what is in the store may be from another version, or from anyone. */
function checked(entry) {
  const { prompt, seed, noise, model, caption, picture } = entry ?? {};
  const whole =
    typeof prompt === "string" &&
    prompt.length <= LONGEST_PROMPT &&
    Number.isSafeInteger(seed) &&
    seed >= 0 &&
    seed <= LARGEST_SEED &&
    isModelName(model) &&
    typeof picture === "string" &&
    /^data:image\/(webp|png|jpeg);base64,/.test(picture);
  return whole ? { prompt, seed, noise: checkedNoise(noise), model, picture, caption: typeof caption === "string" ? caption : "" } : null;
}

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.map(checked).filter(Boolean).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function write(entries) {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries));
    return true;
  } catch {
    // Private windows may refuse, a full store too: then it lasts as long as the page.
    return false;
  }
}

export class History {
  #section = document.getElementById("history");
  #list = document.getElementById("history-list");
  #entries = read();
  #onChoice;

  /** `onChoice(entry, image)` hears of a click. */
  constructor(onChoice) {
    this.#onChoice = onChoice;
    document.getElementById("history-clear").addEventListener("click", () => {
      this.#entries = [];
      write([]);
      this.#show();
      document.getElementById("prompt").focus();
    });
    // Another tab of the same page.
    addEventListener("storage", ({ key }) => {
      if (key !== KEY && key !== null) return;
      this.#entries = read();
      this.#show();
    });
    this.#show();
  }

  /** Keeps a picture; the newest first, each once. */
  add({ prompt, seed, noise, model, caption }, canvas) {
    const entry = checked({ prompt, seed, noise, model, caption, picture: thumbnail(canvas, SIDE) });
    if (!entry) return;
    this.#entries = [entry, ...this.#entries.filter((other) => !sameWish(entry, other))].slice(0, MOST);
    // Where there is little room, fewer are kept rather than none.
    for (let count = this.#entries.length; count > 0 && !write(this.#entries.slice(0, count)); count >>= 1);
    this.#show();
  }

  #show() {
    this.#section.hidden = this.#entries.length === 0;
    const at = [...this.#list.children].findIndex((item) => item.contains(document.activeElement));
    this.#list.replaceChildren(...this.#entries.map((entry) => this.#item(entry)));
    // A picture that was brought back moves to the front, and the focus with it.
    if (at >= 0) this.#list.querySelector("button")?.focus({ preventScroll: true });
  }

  #item(entry) {
    const item = element("li");
    const button = element("button", "tile", item);
    button.type = "button";
    button.title = `${entry.prompt} (${tellSeed(entry)}, ${entry.model})`;
    const image = element("img", "", button);
    image.width = image.height = SIDE;
    image.src = entry.picture;
    image.alt = `${entry.prompt}, ${tellSeed(entry)}${entry.caption ? `. Described as: ${entry.caption}` : ""}`;
    button.addEventListener("click", () => this.#onChoice(entry, image));
    return item;
  }
}
