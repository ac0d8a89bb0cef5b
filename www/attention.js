// Attention switched off: the picture of "How it works" once more, with each of its places looking at all words alike, beside the picture itself.

import { differences } from "./compare.js";
import { canvasOf, element, reveal } from "./paint.js";

/** Mean differences, in 255ths, below which nobody sees one, and below which it takes both pictures side by side. */
const [UNSEEN, FAINT] = [1, 6];

/** The mean difference of two pictures of one size over pixels and colours, in 255ths. */
export function meanDifference(a, b) {
  const map = differences(a, b);
  return map.reduce((sum, value) => sum + value, 0) / map.length;
}

/** What is seen of a picture that was drawn without attention: `words` words had a share in it, and by `mean` of 255 it differs. */
export function verdict(words, mean) {
  if (words < 2) return "The model knows one word of this prompt, so there is nothing to choose between: with and without attention the picture is the same.";
  const seen = mean < UNSEEN ? "too little to be seen: nearly all" : `${mean < FAINT ? "a little, in some places" : "plain to see"}: what they share`;
  return `They differ by ${mean < 0.05 ? "less than 0.1" : mean.toFixed(1)} of 255 on average, ${seen} comes from the sentence and the noise.`;
}

/** What the network looked at in a picture: the attention of its last stage that has one; null where no stage looks at words. */
const attentionOf = ({ stagesOf }) => stagesOf.findLast(({ attention }) => attention)?.attention ?? null;

export class Attention {
  #root;
  #switch;
  #pair;
  #parts = {};
  #hooks;
  #picture = null;
  /** Whose two pictures are shown. */
  #shown = null;
  /** What is being drawn: of two presses in a row the second one counts. */
  #drawing = null;

  /**
   * `root` has the switch, two radio buttons, and `.attention-pair` to be filled. `hooks.onOff(wish, draw)` runs `draw(gan, signal)`, and
   * gives whether it came to its end; `hooks.onBack()` ends it.
   */
  constructor(root, hooks) {
    [this.#root, this.#hooks] = [root, hooks];
    this.#switch = root.querySelector("fieldset");
    this.#pair = root.querySelector(".attention-pair");
    for (const name of ["with", "without"]) {
      const figure = element("figure", "", this.#pair);
      const frame = (this.#parts[name] = element("div", "wiper", figure));
      frame.setAttribute("role", "img");
      element("figcaption", "hint", figure).textContent = `${name === "with" ? "With" : "Without"} attention`;
    }
    this.#parts.told = element("p", "", element("div", "compare-side", this.#pair));
    this.#parts.told.setAttribute("aria-live", "polite");
    this.#switch.addEventListener("change", () => this.#turn());
  }

  /** Offers the switch for a picture, `{ last, result, stagesOf }`; for none, or where the model never looks at words, no switch. */
  offer(picture) {
    // The part was closed and opened.
    if (picture && this.#picture?.result === picture.result) return;
    this.#picture = picture && attentionOf(picture) ? picture : null;
    this.#root.hidden = !this.#picture;
    this.#drawing = null;
    // Another picture begins with attention: nothing is drawn that was not asked for.
    this.#turnOn();
  }

  #turnOn() {
    this.#switch.querySelector('[value="on"]').checked = true;
    this.#pair.hidden = true;
  }

  async #turn() {
    if (this.#switch.querySelector(":checked").value === "on") {
      this.#pair.hidden = true;
      if (this.#drawing) this.#hooks.onBack();
      this.#drawing = null;
      return;
    }
    const picture = this.#picture;
    this.#pair.hidden = false;
    if (this.#shown !== picture) this.#begin(picture);
    reveal(this.#pair);
    if (this.#shown === picture) return;
    const drawing = (this.#drawing = {});
    const done = await this.#hooks.onOff(picture.last, (gan, signal) => this.#draw(gan, picture, signal));
    if (this.#drawing !== drawing) return;
    this.#drawing = null;
    if (!done) this.#turnOn();
  }

  /** The frames, in the moment of the press: nothing moves when the picture comes. */
  #begin({ last, stagesOf }) {
    const { told, without } = this.#parts;
    this.#shown = null;
    this.#parts.with.replaceChildren(canvasOf(stagesOf.at(-1).image));
    this.#parts.with.setAttribute("aria-label", `With attention: ${last.prompt}`);
    without.replaceChildren();
    without.setAttribute("aria-label", "Without attention: not drawn yet");
    told.textContent = "";
  }

  async #draw(gan, picture, signal) {
    const { last, stagesOf } = picture;
    const { told, without } = this.#parts;
    let image = null;
    const onStage = (stage) => {
      ({ image } = stage);
      if (this.#picture === picture) without.replaceChildren(canvasOf(image));
    };
    await gan.generate(last.prompt, { seed: last.seed, noise: last.noise, attention: false, signal, onStage });
    // Another picture was drawn meanwhile.
    if (this.#picture !== picture) return;
    without.setAttribute("aria-label", `Without attention: ${last.prompt}`);
    told.textContent = verdict(attentionOf(picture).words, meanDifference(stagesOf.at(-1).image.data, image.data));
    this.#shown = picture;
  }
}
