// The main picture: drawn stage by stage, looked at, described. What is shown stays until the first stage of the next one is there.

import { examplesOf } from "./examples.js";
import { refuseEmpty } from "./form.js";
import { describe } from "./judge.js";
import { linkTo, readLink, sameWish } from "./link.js";
import { tell } from "./notices.js";
import { reveal } from "./paint.js";
import { showSentences } from "./sentences.js";
import { leftOut, seconds, shortened, tellSeed, timings } from "./text.js";
import { closeness, showCaption } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Studio {
  #parts;
  /** What the picture that is shown was asked for, `{ prompt, seed, noise, model }`; null while there is none. */
  last = null;
  /** What is known of the chosen model (models.js `lookAt`); null while nothing is. */
  known = null;
  /** Its tokens and what the engine gave, as far as it is there. */
  tokens = [];
  stagesOf = [];
  result = null;

  /**
   * `parts`: engine, work, easel, stages, looking, form; `onBegin()` hears of each first stage, `onDrawn(caption, info)` of each
   * whole picture, `onSentence(text, canvas)` of the wish to draw a sentence that could be said of it.
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Draws `{ prompt, seed, noise, model }`; gives whether it was drawn to its end. A picture that was `offered` on the page is begun at
   * once, with `source`, its small picture, until its first stage is there.
   */
  async draw(asked, { source = null, offered = false } = {}) {
    const { work, easel, stages } = this.#parts;
    if (offered) {
      easel.begin(asked.prompt, source);
      easel.focus();
      reveal(easel.root);
    }
    // In the moment of the click, when nobody minds that things move.
    if (!this.last && this.known) {
      stages.clear(this.known.sizes);
      this.#show(true);
    }
    return work.run((signal) => this.#draw(asked, offered, signal));
  }

  async #draw(asked, offered, signal) {
    const { engine, easel, stages, looking, form } = this.#parts;
    const { prompt, seed, noise, model } = asked;
    refuseEmpty(prompt);
    const gan = await engine.get(model, form.device, signal);
    const tokens = await gan.tokenize(prompt, { signal });
    const { sizes, maxWords, captions } = gan.info;
    if (!offered && tokens.some(({ known }) => known)) easel.begin(prompt);
    tell("Drawing…");
    const caption = form.describes && captions;
    const onStage = (stage) => {
      if (stage.stage === 0) {
        // From here on it is this picture that can be saved, whatever becomes of its later stages.
        [this.last, this.tokens, this.stagesOf, this.result] = [asked, tokens, [], null];
        this.#parts.onBegin();
        stages.clear(sizes);
        looking.begin(tokens, maxWords);
        $("timings").textContent = "";
        $("caption-block").hidden = !caption;
        $("caption-block").classList.add("waiting");
        $("plate-prompt").textContent = `“${prompt.split(" ").map(shortened).join(" ")}”, ${tellSeed(asked)}`;
        this.#show(true);
        if (!offered) reveal(easel.root);
      }
      this.stagesOf.push(stage);
      stages.draw(stage, prompt);
      easel.show(stage.image, stage.attention, prompt);
      looking.stage(stage.attention);
    };
    const result = await gan.generate(prompt, { seed, noise, signal, onStage });
    remember(asked);
    let said = null;
    const began = performance.now();
    try {
      if (caption) {
        if (!engine.describes) tell("Drawn; now describing it…");
        said = await describe(gan, stages.last, examplesOf(model).prompts, { prompt, signal, onProgress: engine.onProgress });
        engine.describes = true;
      }
    } finally {
      // A picture that could not be described is one all the same.
      this.#finish(gan, result, said, performance.now() - began);
    }
  }

  #finish(gan, result, said, took) {
    const caption = said?.captions[0] ?? null;
    this.result = { ...result, caption, described: took };
    $("caption-block").hidden = !caption;
    $("caption-block").classList.remove("waiting");
    this.#parts.looking.found(said?.found ?? null);
    if (caption) {
      showCaption($("caption"), caption, result.tokens);
      showSentences($("sentences"), $("verdict"), said, (text) => this.#parts.onSentence(text, this.#parts.stages.last));
      const { share, text } = closeness(caption, result.tokens);
      $("closeness").hidden = share === null;
      $("closeness").value = share ?? 0;
      $("agreement").textContent = text;
    }
    this.#parts.easel.describe(this.last.prompt, caption?.text);
    $("timings").textContent = timings(result, gan.info);
    tell(`Done in ${seconds(result.milliseconds)}.${leftOut(result.tokens, gan.info.maxWords)}`);
    this.#parts.onDrawn(caption, gan.info);
  }

  /** The work has ended, however it did. */
  settle() {
    this.#parts.stages.settle();
    this.#parts.easel.settle();
    if ($("caption-block").classList.contains("waiting")) $("caption-block").hidden = true;
    this.#show(this.last !== null);
  }

  /** Back to the wall. */
  clear() {
    [this.last, this.tokens, this.stagesOf, this.result] = [null, [], [], null];
    $("plate-prompt").textContent = "";
    this.#parts.looking.begin([], 0);
    this.#parts.easel.clear();
    this.#show(false);
    tell("");
  }

  #show(shown) {
    $("result").hidden = $("steps").hidden = !shown;
    document.body.classList.toggle("drawn", shown);
  }
}

/** Makes the address that of the picture: a new one, so that Back leads to the picture before. */
function remember(wish) {
  const now = readLink();
  const same = sameWish({ ...now, model: now.model ?? wish.model }, wish);
  history[same ? "replaceState" : "pushState"](null, "", linkTo(wish));
}
