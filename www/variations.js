// The same prompt with other noise, side by side: more or less far on the way to other seeds. A click makes one the main picture.

import { LARGEST_SEED, between } from "./link.js";
import { element, paintOn } from "./paint.js";
import { tellSeed } from "./text.js";

const COUNT = 6;

/** How far the noise goes, from nearly this picture's to the other seed's own. */
export const STRENGTHS = [
  { name: "nearly the same", share: 0.12 },
  { name: "alike", share: 0.25 },
  { name: "related", share: 0.45 },
  { name: "far off", share: 0.7 },
  { name: "another", share: 1 },
];

/** The six wishes for a picture's variations: `{ prompt, seed, noise }`. */
export function wishesFor({ prompt, seed }, share) {
  const first = seed > LARGEST_SEED - COUNT ? 0 : seed + 1;
  return Array.from({ length: COUNT }, (_, index) => ({ prompt, ...between(seed, first + index, share) }));
}

export class Variations {
  #section = document.getElementById("variations");
  #grid = document.getElementById("variation-grid");
  #slider = document.getElementById("strength");
  #onChoice;

  /** `onChoice(wish, canvas)` hears of a click, `onStrength()` of another strength. */
  constructor(onChoice, onStrength) {
    this.#onChoice = onChoice;
    this.#slider.addEventListener("input", () => this.#tellStrength());
    this.#slider.addEventListener("change", onStrength);
    this.#tellStrength();
  }

  #tellStrength() {
    const { name } = STRENGTHS[this.#slider.value];
    this.#slider.setAttribute("aria-valuetext", name);
    document.getElementById("strength-name").textContent = name;
  }

  hide() {
    this.#section.hidden = true;
    this.#grid.replaceChildren();
  }

  get shown() {
    return !this.#section.hidden;
  }

  /** Draws the variations of a picture: sketches of all first, then each through its stages. */
  async draw(gan, picture, signal) {
    const tiles = wishesFor(picture, STRENGTHS[this.#slider.value].share).map((wish) => this.#tile(wish));
    this.#grid.replaceChildren(...tiles.map(({ button }) => button));
    this.#section.hidden = false;
    const draw = ({ wish, button, picture }, stages) =>
      gan.generate(wish.prompt, {
        seed: wish.seed,
        noise: wish.noise,
        stages,
        signal,
        onStage: ({ image }) => {
          paintOn(picture, image);
          button.classList.add("drawn");
        },
      });
    try {
      for (const tile of tiles) await draw(tile, 1);
      for (const tile of tiles) {
        tile.button.classList.add("waiting");
        await draw(tile);
        tile.button.classList.remove("waiting");
        tile.button.disabled = false;
      }
    } finally {
      // A sketch can be chosen as well; a frame that stays empty says nothing.
      for (const { button } of tiles) {
        button.classList.remove("waiting");
        if (button.classList.contains("drawn")) button.disabled = false;
        else button.remove();
      }
      if (!this.#grid.childElementCount) this.hide();
    }
  }

  #tile(wish) {
    const button = element("button", "tile");
    button.type = "button";
    button.disabled = true;
    button.setAttribute("aria-label", `${wish.prompt}, ${tellSeed(wish)}. Make it the main picture`);
    const picture = element("canvas", "", button);
    const note = element("span", "seed", button);
    note.textContent = wish.noise ? `→ ${wish.noise.towards}` : wish.seed;
    button.addEventListener("click", () => {
      for (const other of this.#grid.children) other.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      this.#onChoice({ seed: wish.seed, noise: wish.noise }, picture);
    });
    return { wish, button, picture };
  }
}
