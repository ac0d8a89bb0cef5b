// The model that is chosen: its examples, wall, vocabulary and sizes. Nothing big is downloaded.

import { examplesOf, showExamples } from "./examples.js";
import { clearWall, hangWall } from "./gallery.js";
import { ModelPicker, lookAt, sizesOf } from "./models.js";
import { clearError, tellError } from "./notices.js";
import { loadVocabulary } from "./suggest.js";

const $ = (id) => document.getElementById(id);

export class Choice {
  #parts;
  #picker = new ModelPicker((name) => {
    clearError();
    return this.choose(name);
  });
  /** The name of its folder, and those of all that are offered. */
  name = null;
  names = [];
  /** Its words, a Set; null while they are not known. */
  vocabulary = null;

  /** `parts`: engine, easel, form, blend, suggestions, studio; `onExample(prompt)` and `onTile(tile, canvas)` hear of clicks. */
  constructor(parts) {
    this.#parts = parts;
    $("device").addEventListener("change", () => this.#tellCost());
  }

  /** Offers these models; `first` is chosen. */
  offer(names, first) {
    this.names = names.includes(first) ? names : [first, ...names];
    this.#picker.show(this.names, first);
  }

  /** Chooses a model, and tells where it cannot be had: then null. */
  async choose(name) {
    try {
      return await this.#show(name);
    } catch (error) {
      if (this.name === name) tellError(error);
      return null;
    }
  }

  async #show(name) {
    const { easel, form, blend, suggestions, studio, onExample, onTile } = this.#parts;
    this.name = name;
    $("note").textContent = "";
    clearWall();
    easel.invited = false;
    this.#picker.choose(name);
    suggestions.vocabulary = this.vocabulary = null;
    const { kind, prompts, blend: ends } = examplesOf(name);
    $("kind").textContent = kind;
    form.offer(prompts[0]);
    blend.suggest(ends);
    showExamples($("examples"), prompts, onExample);
    const known = await lookAt(name);
    if (this.name !== name) return null;
    studio.known = known;
    this.#tellCost(known);
    loadVocabulary(known.vocabulary.url, known.vocabulary.size).then((words) => {
      if (this.name === name) suggestions.vocabulary = this.vocabulary = words;
    });
    await hangWall(known, () => this.name === name, onTile);
    easel.empty();
    return known;
  }

  /** What drawing with it would download. */
  async #tellCost(known = null) {
    const name = this.name;
    known ??= await lookAt(name).catch(() => null);
    if (!known || this.name !== name) return;
    $("note").textContent = this.#parts.engine.info?.name === known.title ? "" : sizesOf(known);
  }
}
