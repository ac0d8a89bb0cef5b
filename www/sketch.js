// Drawing while the visitor types: a sketch follows the prompt, and becomes finer when typing pauses. It costs no download: it waits until
// the visitor has asked for a picture, and one sketch at a time is drawn, of what is written then.

import { isEmpty } from "./form.js";

const $ = (id) => document.getElementById(id);

/** Milliseconds without a key after which the sketch becomes finer. */
const PAUSE = 700;
const KEY = "mirrorgan.sketch";

export class Sketch {
  #root = $("sketch");
  #picture = $("sketch-picture");
  #allowed = $("sketches");
  #ready;
  #timer = 0;
  /** What is being drawn now, and whether what is written has changed since. */
  #drawing = null;
  #changed = false;
  #shown = null;

  /**
   * `ready()` gives the engine if it is loaded, idle and of what is chosen, else null; `wish()` what the form asks for as it stands;
   * `onTake(wish, canvas)` hears of the wish to have the sketch as the picture.
   */
  constructor({ ready, wish, onTake }) {
    this.#ready = () => (this.#allowed.checked ? ready() : null);
    this.wish = wish;
    this.#allowed.checked = isOn();
    this.#allowed.addEventListener("change", () => {
      remember(this.#allowed.checked);
      if (this.#allowed.checked) this.#write();
      else this.stop();
    });
    for (const id of ["prompt", "seed"]) $(id).addEventListener("input", () => this.#write());
    this.#root.addEventListener("click", () => {
      const { prompt, seed } = this.#shown;
      onTake({ prompt, seed }, this.#picture);
    });
  }

  /** The visitor has something else drawn. */
  stop() {
    clearTimeout(this.#timer);
    this.#changed = false;
    this.#drawing?.abort();
    this.#root.hidden = true;
  }

  #write() {
    clearTimeout(this.#timer);
    if (!this.#ready()) return void (this.#root.hidden = true);
    this.#timer = setTimeout(() => this.#draw(undefined), PAUSE);
    this.#draw(1);
  }

  /** Draws what is written; while something is being drawn, remembers that it has to be drawn again. A finer one gives way at once. */
  async #draw(stages) {
    if (this.#drawing) {
      this.#changed = true;
      if (this.#drawing.finer) this.#drawing.abort();
      return;
    }
    const gan = this.#ready();
    const wish = this.wish();
    if (!gan || isEmpty(wish.prompt)) {
      this.#root.hidden = true;
      return;
    }
    const drawing = Object.assign(new AbortController(), { finer: stages === undefined });
    this.#drawing = drawing;
    const onStage = ({ image }) => !drawing.signal.aborted && this.#show(image, wish);
    try {
      await gan.generate(wish.prompt, { seed: wish.seed, stages, signal: drawing.signal, onStage });
    } catch (error) {
      // No word that the model knows yet, or something else came: there is nothing to tell about a sketch.
      if (error.code === "empty-prompt") this.#root.hidden = true;
    } finally {
      this.#drawing = null;
    }
    if (this.#changed) {
      this.#changed = false;
      this.#draw(1);
    }
  }

  #show(image, wish) {
    [this.#picture.width, this.#picture.height] = [image.width, image.height];
    this.#picture.getContext("2d").putImageData(image, 0, 0);
    this.#picture.classList.toggle("coarse", image.width < 128);
    this.#root.setAttribute("aria-label", `Sketch of “${wish.prompt}”: draw it`);
    this.#shown = wish;
    this.#root.hidden = false;
  }
}

/** As the visitor has chosen; else where neither motion nor data shall be saved. */
function isOn() {
  try {
    const chosen = localStorage.getItem(KEY);
    if (chosen !== null) return chosen === "on";
  } catch {
    // A private mode.
  }
  const saves = matchMedia("(prefers-reduced-motion: reduce)").matches || matchMedia("(prefers-reduced-data: reduce)").matches;
  return !saves && !navigator.connection?.saveData;
}

function remember(on) {
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {
    // As above: chosen for this visit.
  }
}
