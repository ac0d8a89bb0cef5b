// The way from one prompt to another: frames drawn with one noise, and between two of them a cross-fade.

import { calm, canvasOf, element } from "./paint.js";

const FRAMES = 9;
/** Milliseconds from one end to the other when it plays. */
const JOURNEY = 5000;

const $ = (id) => document.getElementById(id);

export class Blend {
  #canvas = $("blend-picture");
  #slider = $("blend-slider");
  #strip = $("blend-strip");
  #play = $("blend-play");
  #frames = [];
  #ends = ["", ""];
  #playing = 0;

  /** `onStart([from, to])` hears of the form. */
  constructor(onStart) {
    $("blend-form").addEventListener("submit", (event) => {
      event.preventDefault();
      onStart([$("blend-from").value.trim(), $("blend-to").value.trim()]);
    });
    this.#slider.addEventListener("input", () => {
      this.#stop();
      this.#show();
    });
    this.#play.addEventListener("click", () => (this.#playing ? this.#stop() : this.#start()));
  }

  /** The prompts that the form begins with; what the visitor wrote stays. */
  suggest([from, to]) {
    for (const [id, text] of [["blend-from", from], ["blend-to", to]]) {
      const input = $(id);
      if (!input.value || input.value === input.dataset.offered) input.value = input.dataset.offered = text;
    }
  }

  async draw(gan, [from, to], seed, signal) {
    this.#stop();
    this.#frames = [];
    this.#ends = [from, to];
    this.#strip.replaceChildren(...Array.from({ length: FRAMES }, () => element("span", "waiting")));
    $("blend-result").hidden = false;
    $("blend-empty").hidden = true;
    this.#play.disabled = true;
    const onFrame = ({ frame, image }) => {
      const canvas = canvasOf(image);
      this.#frames[frame] = canvas;
      this.#strip.children[frame]?.replaceChildren(canvasOf(image));
      this.#strip.children[frame]?.classList.remove("waiting");
      // The picture goes along with what arrives.
      this.#slider.value = (this.#slider.max * frame) / (FRAMES - 1);
      this.#show();
    };
    try {
      await gan.blend(from, to, { steps: FRAMES, seed, signal, onFrame });
      this.#play.disabled = false;
    } finally {
      for (const place of this.#strip.children) place.classList.remove("waiting");
      if (!this.#frames.length) {
        $("blend-result").hidden = true;
        $("blend-empty").hidden = false;
      }
    }
  }

  /** The picture at the slider: two neighbouring frames, the second over the first by what is between them. */
  #show() {
    if (!this.#frames.length) return;
    const share = this.#slider.value / this.#slider.max;
    const position = Math.min(share * (FRAMES - 1), this.#frames.length - 1);
    const [before, after] = [this.#frames[Math.floor(position)], this.#frames[Math.ceil(position)]];
    const context = this.#canvas.getContext("2d");
    if (this.#canvas.width !== before.width) [this.#canvas.width, this.#canvas.height] = [before.width, before.height];
    context.globalAlpha = 1;
    context.drawImage(before, 0, 0);
    context.globalAlpha = position % 1;
    if (position % 1) context.drawImage(after, 0, 0);
    // Of a blend that was cancelled there is only the beginning.
    const percent = Math.round((100 * position) / (FRAMES - 1));
    const [from, to] = this.#ends;
    this.#slider.setAttribute("aria-valuetext", `${percent} % of the way`);
    this.#canvas.setAttribute("aria-label", `Picture ${percent} % of the way from “${from}” to “${to}”`);
    $("blend-place").textContent = `${percent} %`;
  }

  #start() {
    const began = performance.now();
    const offset = this.#slider.value / this.#slider.max;
    this.#play.textContent = "Pause";
    const step = (now) => {
      // There and back again; who asked for less motion sees the frames themselves, without the fades.
      const way = (offset + (now - began) / JOURNEY) % 2;
      const share = way > 1 ? 2 - way : way;
      this.#slider.value = this.#slider.max * (calm() ? Math.round(share * (FRAMES - 1)) / (FRAMES - 1) : share);
      this.#show();
      this.#playing = requestAnimationFrame(step);
    };
    this.#playing = requestAnimationFrame(step);
  }

  #stop() {
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    this.#play.textContent = "Play";
  }
}
