// The pictures, one a stage, and over them where a word was attended to.

import { element } from "./paint.js";
import { paintLook } from "./spotlight.js";
import { seconds } from "./text.js";

export class Stages {
  #root = document.getElementById("stages");
  #stages = [];

  /** Empty frames for pictures of these sizes. */
  clear(sizes) {
    this.#root.replaceChildren();
    this.#stages = sizes.map((size, index) => {
      const figure = element("figure", index ? "" : "waiting", this.#root);
      const frame = element("div", "frame", figure);
      const picture = element("canvas", "picture", frame);
      picture.width = picture.height = size;
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `Stage ${index + 1} of ${sizes.length}, not drawn yet`);
      const heat = element("canvas", "heat", frame);
      heat.setAttribute("aria-hidden", "true");
      const note = element("figcaption", "", figure);
      note.textContent = `${size} px`;
      return { size, figure, picture, heat, note, attention: null };
    });
  }

  /** A stage event of the package. */
  draw({ stage, size, image, attention, milliseconds }, prompt) {
    const shown = this.#stages[stage];
    if (!shown) return;
    shown.picture.getContext("2d").putImageData(image, 0, 0);
    shown.picture.setAttribute("aria-label", `Stage ${stage + 1} of ${this.#stages.length}, ${size} by ${size} pixels: ${prompt}`);
    shown.figure.className = "drawn";
    shown.note.replaceChildren(`${size} px`, Object.assign(element("span", "time"), { textContent: seconds(milliseconds) }));
    shown.attention = attention ?? null;
    const next = this.#stages[stage + 1];
    if (next && next.figure.className !== "drawn") next.figure.className = "waiting";
  }

  /** No more is to come. */
  settle() {
    for (const { figure } of this.#stages) figure.classList.remove("waiting");
  }

  /** Shows a look at the words (spotlight.js); null shows the plain pictures. */
  look(look) {
    for (const { attention, heat } of this.#stages) paintLook(heat, attention, look);
  }

  /** The pictures that are drawn, the smallest first. */
  get drawn() {
    return this.#stages.filter(({ figure }) => figure.className === "drawn").map(({ picture }) => picture);
  }

  /** The last picture that is there. */
  get last() {
    return this.drawn.at(-1) ?? null;
  }
}
