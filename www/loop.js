// The mirror as a show: what is said of a picture is drawn, what is said of that is drawn in turn, and so on.

import { describe } from "./judge.js";
import { canvasOf, element, paintOn } from "./paint.js";

/** Pictures of a show, the one it begins with included. */
const ROUNDS = 4;

export class Loop {
  #list;
  #onChoice;

  /** `onStart()` hears of the wish to see it; `onChoice(wish, canvas)` of a click on a picture. */
  constructor(root, { onStart, onChoice }) {
    this.#onChoice = onChoice;
    const start = element("button", "", element("div", "row", root));
    Object.assign(start, { type: "button", id: "loop-start", textContent: "Hold two mirrors face to face" });
    start.addEventListener("click", onStart);
    this.#list = element("ol", "loop", root);
    this.#list.setAttribute("aria-label", "Pictures and what was said of each");
  }

  /** Draws round after round with one seed until a sentence comes again; says how many pictures there are. */
  async draw(gan, { prompt, seed, noise, model }, signal, onProgress) {
    this.#list.replaceChildren();
    const said = new Set();
    let text = prompt;
    while (this.#list.childElementCount < ROUNDS && !said.has(text)) {
      said.add(text);
      const asked = text;
      const item = element("li", "", this.#list);
      const button = element("button", "tile waiting", item);
      Object.assign(button, { type: "button", disabled: true });
      button.setAttribute("aria-label", `Draw “${asked}” as the main picture`);
      const picture = element("canvas", "", button);
      const words = element("p", "", item);
      words.textContent = `“${asked}”`;
      try {
        const { pictures } = await gan.generate(asked, { seed, noise, signal, onStage: ({ image }) => paintOn(picture, image) });
        const { captions } = await describe(gan, canvasOf(pictures[0].stages.at(-1).image), [], { signal, onProgress });
        [{ text }] = captions;
      } catch (error) {
        // What was cut short says nothing.
        item.remove();
        throw error;
      }
      button.classList.remove("waiting");
      button.disabled = false;
      button.addEventListener("click", () => this.#onChoice({ prompt: asked, seed, noise, model }, picture));
      if (!text) break;
    }
    return { pictures: this.#list.childElementCount, text, again: said.has(text) };
  }
}
