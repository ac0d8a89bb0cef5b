// The pictures, one a stage, and over them where a word was attended to.

import { seconds } from "./text.js";

function element(tag, className, parent) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  parent?.append(made);
  return made;
}

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
      picture.setAttribute("aria-label", `Picture of ${size} by ${size} pixels, not drawn yet`);
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
    shown.picture.setAttribute("aria-label", `${prompt}, ${size} by ${size} pixels`);
    shown.figure.className = "drawn";
    shown.note.textContent = `${size} px after ${seconds(milliseconds)}`;
    shown.attention = attention ?? null;
    const next = this.#stages[stage + 1];
    if (next) next.figure.className = "waiting";
  }

  /** No more is to come. */
  settle() {
    for (const { figure } of this.#stages) figure.classList.remove("waiting");
  }

  /** Shows where word `index` of the known ones was attended to; null shows the plain pictures. */
  highlight(index) {
    for (const { attention, heat } of this.#stages) {
      const there = index !== null && attention !== null && index < attention.words;
      heat.classList.toggle("shown", there);
      if (there) paintHeat(heat, attention, index);
    }
  }

  /** The last picture that is there. */
  get last() {
    return this.#stages.findLast(({ figure }) => figure.className === "drawn")?.picture ?? null;
  }
}

/** Darkens what was not looked at: full where the word had the most weight. */
function paintHeat(canvas, { size, weights }, index) {
  const map = weights.subarray(index * size * size, (index + 1) * size * size);
  let [low, high] = [Infinity, -Infinity];
  for (const weight of map) {
    low = Math.min(low, weight);
    high = Math.max(high, weight);
  }
  const range = high - low || 1;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  map.forEach((weight, pixel) => {
    const warmth = (weight - low) / range;
    image.data.set([Math.round(255 * warmth), Math.round(90 * warmth), 20, Math.round(205 - 120 * warmth)], 4 * pixel);
  });
  context.putImageData(image, 0, 0);
}
