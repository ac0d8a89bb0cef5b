// A walk: the same words drawn with noise on the way from one seed to another. Sketches of all places first, then each is refined.

import { Film } from "./film.js";
import { between, parseSeed } from "./link.js";
import { calm, element } from "./paint.js";
import { shortened } from "./text.js";

const FRAMES = 17;

/** The places in the order in which they are refined: the ends, then always the middle of what is widest. */
export function refining(count) {
  const order = [0, count - 1];
  for (let step = count - 1; step > 1; step /= 2) {
    for (let at = step / 2; at < count - 1; at += step) if (!order.includes(Math.round(at))) order.push(Math.round(at));
  }
  for (let at = 0; at < count; at++) if (!order.includes(at)) order.push(at);
  return order;
}

export class Walk {
  #parts = {};
  #base = null;
  #walked = null;
  film;

  /** `onStart()` hears of the wish to walk, `onSave("gif" or "webm")` to take the film away, `onChoice(wish, canvas)` to have a place. */
  constructor(root, { onStart, onSave, onChoice }) {
    const made = (name, tag, parent, properties = {}) => (this.#parts[name] = Object.assign(element(tag, "", parent), properties));
    const form = element("form", "walk-form", root);
    form.noValidate = true;
    made("of", "p", form).className = "hint";
    made("label", "label", form, { textContent: "To seed", htmlFor: "walk-to" });
    made("to", "input", form, { id: "walk-to", type: "number", inputMode: "numeric", min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 });
    made("start", "button", form, { id: "walk-start", textContent: "Walk" });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onStart();
    });
    const result = made("result", "div", root, { className: "walk-result", hidden: true });
    const canvas = element("canvas", "film-picture", result);
    canvas.setAttribute("role", "img");
    const side = element("div", "walk-side", result);
    const strip = element("div", "strip walk-strip", side);
    strip.setAttribute("aria-hidden", "true");
    const slide = element("div", "slide", side);
    const slider = Object.assign(element("input", "", slide), { type: "range", id: "walk-slider", min: 0, max: 50 * (FRAMES - 1), step: 1, value: 0 });
    slider.setAttribute("aria-label", "Place on the way from the first seed to the second");
    const place = element("output", "", slide);
    place.setAttribute("aria-hidden", "true");
    const play = Object.assign(element("button", "", slide), { type: "button", id: "walk-play", textContent: "Play" });
    const row = element("div", "row walk-row", side);
    made("keep", "button", row, { type: "button", textContent: "Make it the main picture" });
    this.#parts.keep.addEventListener("click", () => onChoice(this.#here, canvas));
    for (const [kind, text] of [["gif", "Save as GIF"], ["webm", "Save as video"]]) {
      made(kind, "button", row, { type: "button", id: `walk-${kind}`, textContent: text, hidden: true });
      this.#parts[kind].addEventListener("click", () => onSave(kind));
    }
    this.film = new Film({ canvas, slider, strip, play, place }, (percent) => ({
      place: `${percent} % of the way to seed ${this.#walked.towards}`,
      picture: `“${this.#walked.prompt}”, ${percent} % of the way from seed ${this.#walked.seed} to seed ${this.#walked.towards}`,
    }));
  }

  /** Makes a picture the one that the next walk begins with. */
  offer(wish) {
    const { of, to } = this.#parts;
    this.#base = wish;
    of.textContent = `“${wish.prompt.split(" ").map(shortened).join(" ").slice(0, 120)}”, from seed ${wish.seed}`;
    if (!to.value || to.value === to.dataset.offered) to.value = to.dataset.offered = wish.seed < Number.MAX_SAFE_INTEGER ? wish.seed + 1 : 0;
  }

  /** Another seed to go to. */
  set towards(seed) {
    this.#parts.to.value = seed;
  }

  /** What the form asks for: `{ prompt, seed, model, towards }`. */
  read() {
    const { prompt, seed, model } = this.#base;
    const towards = parseSeed(this.#parts.to.value);
    const refusal = (message) => Object.assign(new Error(message), { code: "bad-input" });
    if (towards === null) throw refusal("a walk needs a seed to go to: a whole number");
    if (towards === seed) throw refusal(`a walk from seed ${seed} needs another seed to go to`);
    return { prompt, seed, model, towards };
  }

  /** Draws what `read` gave. */
  async draw(gan, walked, signal) {
    const { film } = this;
    const { prompt, seed, towards } = walked;
    this.#walked = walked;
    film.clear(FRAMES);
    film.share = 0;
    this.#parts.result.hidden = false;
    this.#offerSaving(false);
    const draw = async (index, stages) => {
      const { seed: from, noise } = between(seed, towards, index / (FRAMES - 1));
      const { pictures } = await gan.generate(prompt, { seed: from, noise, stages, signal });
      film.set(index, pictures[0].stages.at(-1).image);
    };
    try {
      for (let index = 0; index < FRAMES; index++) await draw(index, 1);
      if (!calm()) film.play({ once: true });
      for (const index of refining(FRAMES)) await draw(index);
    } finally {
      film.settle();
      this.#offerSaving(film.whole);
      if (film.empty) this.#parts.result.hidden = true;
    }
  }

  #offerSaving(offered) {
    this.#parts.gif.hidden = !offered;
    this.#parts.webm.hidden = !offered || !globalThis.MediaRecorder?.isTypeSupported("video/webm");
  }

  /** The wish for the picture at the slider. */
  get #here() {
    const { prompt, seed, towards, model } = this.#walked;
    return { prompt, model, ...between(seed, towards, this.film.share) };
  }

  /** What it was drawn from. */
  get facts() {
    return this.#walked;
  }
}
