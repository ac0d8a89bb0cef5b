// Drawing while the visitor types: a sketch follows the prompt, and becomes finer when typing pauses. It costs no download: it waits until
// the visitor has asked for a picture, and one sketch at a time is drawn, of what is written then.

import { isEmpty } from "./form.js";
import { calm, paintOn } from "./paint.js";
import { isOn, remember } from "./remembered.js";

const $ = (id) => document.getElementById(id);

/** Milliseconds without a key after which the sketch becomes finer. */
const PAUSE = 700;
const KEY = "mirrorgan.sketch";

export class Sketch {
  #root = $("sketch");
  #picture = $("sketch-picture");
  #allowed = $("sketches");
  #ready;
  #wish;
  #timer = 0;
  /** What is being drawn now, and what shall be then: `{ stages }`. */
  #drawing = null;
  #next = null;
  #shown = null;

  /**
   * `ready()` gives the engine if it is loaded, idle and of what is chosen, else null; `wish()` what is asked for as it stands;
   * `onTake(wish, canvas)` hears of the wish to have the sketch as the picture.
   */
  constructor({ ready, wish, onTake }) {
    this.#ready = () => (this.#allowed.checked ? ready() : null);
    this.#wish = wish;
    this.#allowed.checked = isOn(KEY, isWelcome);
    this.#allowed.addEventListener("change", () => {
      remember(KEY, this.#allowed.checked);
      if (this.#allowed.checked) this.#write();
      else this.stop();
    });
    for (const id of ["prompt", "seed"]) $(id).addEventListener("input", () => this.#write());
    this.#root.addEventListener("click", () => onTake(this.#shown, this.#picture));
  }

  /** The visitor has something else drawn. */
  stop() {
    clearTimeout(this.#timer);
    this.#next = null;
    this.#drawing?.abort();
    this.#root.hidden = true;
  }

  #write() {
    clearTimeout(this.#timer);
    if (!this.#ready()) return void (this.#root.hidden = true);
    this.#timer = setTimeout(() => this.#draw(undefined), PAUSE);
    this.#draw(1);
  }

  /** Draws what is written; while something is being drawn, remembers what shall be drawn then. A finer one gives way at once. */
  async #draw(stages) {
    if (this.#drawing) {
      this.#next = { stages };
      if (this.#drawing.finer) this.#drawing.abort();
      return;
    }
    const gan = this.#ready();
    const wish = this.#wish();
    if (!gan || isEmpty(wish.prompt)) {
      this.#root.hidden = true;
      return;
    }
    const drawing = Object.assign(new AbortController(), { finer: stages === undefined });
    this.#drawing = drawing;
    const onStage = ({ image }) => !drawing.signal.aborted && this.#show(image, wish);
    try {
      await gan.generate(wish.prompt, { seed: wish.seed, noise: wish.noise, stages, signal: drawing.signal, onStage });
    } catch (error) {
      // No word that the model knows yet, or something else came: there is nothing to tell about a sketch.
      if (error.code === "empty-prompt") this.#root.hidden = true;
    } finally {
      this.#drawing = null;
    }
    const next = this.#next;
    this.#next = null;
    if (next) this.#draw(next.stages);
  }

  #show(image, wish) {
    paintOn(this.#picture, image);
    this.#picture.classList.toggle("coarse", image.width < 128);
    this.#root.setAttribute("aria-label", `Sketch of “${wish.prompt}”: draw it`);
    this.#shown = wish;
    this.#root.hidden = false;
  }
}

/** Not where motion or data shall be saved. */
const isWelcome = () => !calm() && !matchMedia("(prefers-reduced-data: reduce)").matches && !navigator.connection?.saveData;
