// The same prompt with other seeds, side by side; a click makes one the main picture.

import { LARGEST_SEED } from "./link.js";
import { element, paintOn } from "./paint.js";

const COUNT = 6;

export class Variations {
  #section = document.getElementById("variations");
  #grid = document.getElementById("variation-grid");
  #onChoice;

  /** `onChoice(seed, canvas)` hears of a click. */
  constructor(onChoice) {
    this.#onChoice = onChoice;
  }

  hide() {
    this.#section.hidden = true;
    this.#grid.replaceChildren();
  }

  get shown() {
    return !this.#section.hidden;
  }

  /** Draws the variations of a prompt one after another, each through its stages. */
  async draw(gan, { prompt, seed }, signal) {
    const first = seed > LARGEST_SEED - COUNT ? 0 : seed + 1;
    const seeds = Array.from({ length: COUNT }, (_, index) => first + index);
    const tiles = seeds.map((each) => this.#tile(each, prompt));
    this.#grid.replaceChildren(...tiles.map((tile) => tile.button));
    this.#section.hidden = false;
    try {
      for (const { button, picture, seed: each } of tiles) {
        button.classList.add("waiting");
        await gan.generate(prompt, {
          seed: each,
          signal,
          onStage: ({ image }) => {
            paintOn(picture, image);
            button.classList.add("drawn");
          },
        });
        button.classList.remove("waiting");
        button.disabled = false;
      }
    } finally {
      // What was cut short is taken away: a frame that stays empty says nothing.
      for (const { button } of tiles) if (button.disabled) button.remove();
      if (!this.#grid.childElementCount) this.hide();
    }
  }

  #tile(seed, prompt) {
    const button = element("button", "tile");
    button.type = "button";
    button.disabled = true;
    button.setAttribute("aria-label", `Seed ${seed}: ${prompt}. Make it the main picture`);
    const picture = element("canvas", "", button);
    const note = element("span", "seed", button);
    note.textContent = seed;
    button.addEventListener("click", () => {
      for (const other of this.#grid.children) other.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      this.#onChoice(seed, picture);
    });
    return { button, picture, seed };
  }
}
