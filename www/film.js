// A row of pictures shown as a film: a cross-fade between two of them, a slider, Play, a strip. Each is drawn once, coarse or fine.

import { calm, canvasOf, element } from "./paint.js";

/** Milliseconds from one end to the other when it plays. */
const JOURNEY = 5000;

export class Film {
  #parts;
  #name;
  #frames = [];
  #count = 0;
  #playing = 0;

  /**
   * `parts`: elements canvas, slider, strip, play, place. `name(percent)` gives what the picture at a place is called, and what the
   * place is called: `{ picture, place }`.
   */
  constructor(parts, name) {
    [this.#parts, this.#name] = [parts, name];
    parts.slider.addEventListener("input", () => {
      this.stop();
      this.show();
    });
    parts.play.addEventListener("click", () => (this.#playing ? this.stop() : this.play()));
  }

  /** An empty film of `count` pictures. */
  clear(count) {
    this.stop();
    [this.#frames, this.#count] = [[], count];
    this.#parts.strip.replaceChildren(...Array.from({ length: count }, () => element("span", "waiting")));
    this.#parts.play.disabled = true;
  }

  /** Picture `index`, in place of a coarser one if there is one. */
  set(index, image) {
    const canvas = canvasOf(image);
    this.#frames[index] = canvas;
    const place = this.#parts.strip.children[index];
    place?.replaceChildren(canvasOf(image));
    place?.classList.remove("waiting");
    this.#parts.play.disabled = !this.whole;
    this.show();
  }

  /** No more is to come. */
  settle() {
    for (const place of this.#parts.strip.children) place.classList.remove("waiting");
  }

  /** Whether every picture is there. */
  get whole() {
    return this.#count > 0 && this.#drawn === this.#count;
  }

  get empty() {
    return this.#drawn === 0;
  }

  /** The pictures from the first one on, without a gap. */
  get #drawn() {
    const gap = this.#frames.findIndex((frame) => !frame);
    return gap < 0 ? this.#frames.length : gap;
  }

  get count() {
    return this.#count;
  }

  /** The side of its finest picture. */
  get size() {
    return Math.max(...this.#frames.map((frame) => frame?.width ?? 0));
  }

  /** The place on the way, from 0 to 1; a film that was cut short has its beginning only. */
  get share() {
    const { slider } = this.#parts;
    return Math.min(slider.value / slider.max, Math.max(0, this.#drawn - 1) / Math.max(1, this.#count - 1));
  }

  set share(share) {
    this.#parts.slider.value = this.#parts.slider.max * share;
    this.show();
  }

  /** Paints the picture at a place: two neighbours, the second over the first by what is between them. */
  paint(context, share) {
    const { width, height } = context.canvas;
    const position = share * (this.#count - 1);
    const rest = position % 1;
    context.globalAlpha = 1;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#frames[Math.floor(position)], 0, 0, width, height);
    context.globalAlpha = rest;
    if (rest) context.drawImage(this.#frames[Math.ceil(position)], 0, 0, width, height);
    context.globalAlpha = 1;
  }

  /** Shows the picture at the slider. */
  show() {
    if (this.empty) return;
    const { canvas, slider, place } = this.#parts;
    if (canvas.width !== this.size) canvas.width = canvas.height = this.size;
    this.paint(canvas.getContext("2d"), this.share);
    const percent = Math.round(100 * this.share);
    const name = this.#name(percent);
    slider.setAttribute("aria-valuetext", name.place);
    canvas.setAttribute("aria-label", name.picture);
    place.textContent = `${percent} %`;
  }

  /** There and back again; `once` ends where it began. */
  play({ once = false } = {}) {
    const began = performance.now();
    const offset = this.share;
    this.#parts.play.textContent = "Pause";
    const step = (now) => {
      const way = offset + (now - began) / JOURNEY;
      if (once && way - offset >= 2) {
        this.share = offset;
        return this.stop();
      }
      const share = way % 2 > 1 ? 2 - (way % 2) : way % 2;
      // Who asked for less motion sees the pictures themselves, without the fades.
      this.share = calm() ? Math.round(share * (this.#count - 1)) / (this.#count - 1) : share;
      this.#playing = requestAnimationFrame(step);
    };
    cancelAnimationFrame(this.#playing);
    this.#playing = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    this.#parts.play.textContent = "Play";
  }
}
