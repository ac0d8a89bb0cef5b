// The way from one prompt to another: pictures drawn with one noise.

import { Film } from "./film.js";

const FRAMES = 9;

const $ = (id) => document.getElementById(id);

export class Blend {
  #ends = ["", ""];
  #drawnBy = {};
  film;

  /** `onStart([from, to])` hears of the form, `onSave("gif" or "webm")` of the wish to take it away. */
  constructor(onStart, onSave) {
    const parts = { canvas: $("blend-picture"), slider: $("blend-slider"), strip: $("blend-strip"), play: $("blend-play"), place: $("blend-place") };
    this.film = new Film(parts, (percent) => ({
      place: `${percent} % of the way`,
      picture: `Picture ${percent} % of the way from “${this.#ends[0]}” to “${this.#ends[1]}”`,
    }));
    $("blend-form").addEventListener("submit", (event) => {
      event.preventDefault();
      onStart([$("blend-from").value.trim(), $("blend-to").value.trim()]);
    });
    for (const kind of ["gif", "webm"]) $(`blend-${kind}`).addEventListener("click", () => onSave(kind));
  }

  /** The prompts that the form begins with; what the visitor wrote stays. */
  suggest([from, to]) {
    for (const [id, text] of [["blend-from", from], ["blend-to", to]]) {
      const input = $(id);
      if (!input.value || input.value === input.dataset.offered) input.value = input.dataset.offered = text;
    }
  }

  /** The prompts of a blend that was saved. */
  fill([from, to]) {
    [$("blend-from").value, $("blend-to").value] = [from, to];
  }

  /** Draws it with `{ seed, model }`. */
  async draw(gan, [from, to], drawnBy, signal) {
    const { film } = this;
    film.clear(FRAMES);
    [this.#ends, this.#drawnBy] = [[from, to], drawnBy];
    $("blend-result").hidden = false;
    $("blend-empty").hidden = true;
    $("blend-save").hidden = true;
    const onFrame = ({ frame, image }) => {
      film.set(frame, image);
      // The picture goes along with what arrives.
      film.share = frame / (FRAMES - 1);
    };
    try {
      await gan.blend(from, to, { steps: FRAMES, seed: drawnBy.seed, signal, onFrame });
      $("blend-save").hidden = false;
      $("blend-webm").hidden = !globalThis.MediaRecorder?.isTypeSupported("video/webm");
    } finally {
      film.settle();
      if (film.empty) {
        $("blend-result").hidden = true;
        $("blend-empty").hidden = false;
      }
    }
  }

  /** What it was drawn from. */
  get facts() {
    const [from, to] = this.#ends;
    return { from, to, ...this.#drawnBy };
  }
}
