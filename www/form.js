// The form: what to draw, read with care and filled by examples, links and earlier pictures.

import { cleanPrompt, parseSeed } from "./link.js";
import { forgetLink } from "./notices.js";
import { tellNoise } from "./text.js";

const $ = (id) => document.getElementById(id);

/** Whether there is anything to draw: a letter or a digit. */
export const isEmpty = (prompt) => !/[\p{L}\p{N}]/u.test(prompt);

/** Refuses what is empty, which should cost no download. */
export function refuseEmpty(prompt) {
  if (isEmpty(prompt)) throw Object.assign(new Error("empty"), { code: "empty-prompt", words: [] });
}

export class Form {
  #onFill;
  /** Where the noise is on the way from the seed to another one. */
  #noise = null;

  /** `onDraw()` hears of Draw and Enter; `onFill()` of prompts that were not typed. */
  constructor({ onDraw, onFill }) {
    this.#onFill = onFill;
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      onDraw();
    });
    $("prompt").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      onDraw();
    });
    $("seed").addEventListener("input", () => {
      forgetLink();
      this.#take(null);
    });
    $("between-off").addEventListener("click", () => {
      this.#take(null);
      $("seed").focus();
    });
  }

  #take(noise) {
    this.#noise = noise;
    $("between").hidden = !noise;
    $("between-text").textContent = noise ? tellNoise(noise) : "";
  }

  /** What it asks for, put right where it has to be. */
  read() {
    const { prompt } = cleanPrompt($("prompt").value);
    const { seed, noise } = this.glance();
    if (prompt !== $("prompt").value) $("prompt").value = prompt;
    $("seed").value = seed;
    return { prompt: prompt.trim(), seed, noise };
  }

  /** The same while it is being written, of which nothing is put right yet. */
  glance() {
    const seed = parseSeed($("seed").value) ?? Math.max(0, Math.trunc(Number($("seed").value)) || 0);
    return { prompt: cleanPrompt($("prompt").value).prompt.trim(), seed: parseSeed(seed) ?? 0, noise: this.#noise };
  }

  /** Null leaves a field as it is; a seed comes with its noise. */
  fill({ prompt = null, seed = null, noise = null }) {
    if (prompt) $("prompt").value = prompt;
    if (seed !== null) {
      $("seed").value = seed;
      this.#take(noise);
    }
    this.#onFill();
  }

  /** An example to begin with; what the visitor wrote stays, also while it is being written. */
  offer(prompt = "") {
    const field = $("prompt");
    field.placeholder = prompt;
    const untouched = field.value ? field.value === field.dataset.offered : document.activeElement !== field;
    if (!untouched) return;
    field.dataset.offered = prompt;
    if (prompt) this.fill({ prompt });
  }

  /** Another seed. */
  roll() {
    forgetLink();
    this.fill({ seed: crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000 });
  }

  get describes() {
    return $("describe").checked;
  }

  get device() {
    return $("device").value;
  }
}
