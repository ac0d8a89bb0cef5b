// Two pictures of one noise, before and after a word was changed: one over the other with a wiper, and where they differ.

import { canvasOf, element } from "./paint.js";
import { paintVeil } from "./spotlight.js";

/** Differences, in 255ths of the mean over the colours, that are not seen and that are seen well. */
const [UNSEEN, SEEN] = [10, 48];

/** For each pixel of two pictures of one size the mean difference of its colours, in 255ths. */
export function differences(a, b) {
  return Float32Array.from({ length: a.length / 4 }, (_, pixel) => {
    let sum = 0;
    for (let channel = 0; channel < 3; channel++) sum += Math.abs(a[4 * pixel + channel] - b[4 * pixel + channel]);
    return sum / 3;
  });
}

/** Means over squares of 2 × reach + 1 pixels, by sums along rows and then along columns: single pixels do not count. */
function softened(map, size, reach = 3) {
  const along = (from, step, across) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < size; line++) {
      for (let at = 0; at < size; at++) {
        const [low, high] = [Math.max(0, at - reach), Math.min(size - 1, at + reach)];
        let sum = 0;
        for (let near = low; near <= high; near++) sum += from[line * across + near * step];
        to[line * across + at * step] = sum / (high - low + 1);
      }
    }
    return to;
  };
  return along(along(map, 1, size), size, 1);
}

export class Compare {
  #root;
  #parts = {};
  #after = null;
  summary = "";

  constructor(root) {
    this.#root = root;
    const made = (name, tag, className, parent) => (this.#parts[name] = element(tag, className, parent));
    made("title", "h2", "", root).id = "compare-title";
    made("hint", "p", "hint", root);
    const pair = element("div", "compare-pair", root);
    const left = element("figure", "", pair);
    const wiper = made("wiper", "div", "wiper", left);
    made("under", "div", "wiper-picture", wiper);
    made("over", "div", "wiper-picture wiper-before", wiper);
    made("line", "span", "wiper-line", wiper).setAttribute("aria-hidden", "true");
    made("from", "span", "tag tag-before", wiper);
    made("to", "span", "tag tag-after", wiper);
    const slider = made("slider", "input", "", left);
    Object.assign(slider, { type: "range", min: 0, max: 100, step: 1, value: 50 });
    slider.addEventListener("input", () => this.#wipe());
    const drag = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const box = wiper.getBoundingClientRect();
      slider.value = (100 * (event.clientX - box.left)) / box.width;
      this.#wipe();
    };
    wiper.addEventListener("pointerdown", drag);
    wiper.addEventListener("pointermove", drag);
    const right = element("figure", "", pair);
    const frame = made("changed", "div", "wiper", right);
    frame.setAttribute("role", "img");
    element("figcaption", "hint", right).textContent = "Where they differ: the rest fades.";
    const side = element("div", "compare-side", pair);
    made("share", "p", "", side);
    made("keep", "button", "", element("div", "row", side));
    Object.assign(this.#parts.keep, { type: "button", textContent: "Make it the main picture" });
  }

  /** Shows two pictures (ImageData), the first of `from`, the second, whose stages come one by one, of `to`. */
  show({ before, after, from, to }) {
    const { title, hint, under, over, slider, wiper } = this.#parts;
    const fresh = this.#root.hidden || this.#parts.to.textContent !== to;
    this.#root.hidden = false;
    title.textContent = `“${from}” became “${to}”`;
    hint.textContent = "The same noise and all other words as they were.";
    [this.#parts.from.textContent, this.#parts.to.textContent] = [from, to];
    slider.setAttribute("aria-label", `Wiper between “${from}” on its left and “${to}” on its right`);
    wiper.setAttribute("role", "group");
    wiper.setAttribute("aria-label", `The picture with “${from}” and the one with “${to}”`);
    this.#after = canvasOf(after);
    under.replaceChildren(this.#after);
    over.replaceChildren(canvasOf(before));
    this.#parts.keep.disabled = true;
    if (fresh) slider.value = 50;
    this.#wipe();
    this.#differ(before, after, to);
  }

  /** Offers to make the second one the main picture. */
  offer(onKeep) {
    this.#parts.keep.disabled = false;
    this.#parts.keep.onclick = onKeep;
  }

  hide() {
    this.#root.hidden = true;
  }

  /** The second picture. */
  get canvas() {
    return this.#after;
  }

  #wipe() {
    const { wiper, slider } = this.#parts;
    wiper.style.setProperty("--wiped", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % of the picture before the change`);
  }

  #differ(before, after, to) {
    const size = after.width;
    const same = before.width === size ? before.data : scaled(before, size).data;
    const map = softened(differences(same, after.data), size);
    const changed = map.reduce((count, value) => count + (value > (UNSEEN + SEEN) / 2), 0) / map.length;
    this.summary = `${Math.round(100 * changed)} % of the picture changed.`;
    const veil = element("canvas", "heat shown");
    paintVeil(veil, size, (pixel) => Math.min(1, Math.max(0, (map[pixel] - UNSEEN) / (SEEN - UNSEEN))));
    this.#parts.changed.replaceChildren(canvasOf(after), veil);
    this.#parts.changed.setAttribute("aria-label", `Where “${to}” changed the picture: ${this.summary}`);
    this.#parts.share.textContent = this.summary;
  }
}

/** Pixels of a picture at another size. */
function scaled(image, size) {
  const canvas = element("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvasOf(image), 0, 0, size, size);
  return context.getImageData(0, 0, size, size);
}
