// What can be done with a picture beyond drawing it: each tool is loaded when it is first used.

import { refuseEmpty } from "./form.js";
import { flash, tell, tellError } from "./notices.js";
import { element, reveal } from "./paint.js";
import { plain, weightsOf } from "./share.js";

const $ = (id) => document.getElementById(id);

/** The scripts of the tools, for visits without network. */
export const TOOLS = ["attention.js", "change.js", "compare.js", "filmed.js", "films.js", "gif.js", "gif_worker.js", "grid.js", "how.js", "kinds.js", "loop.js", "png.js", "vendor/gifenc.js", "walk.js", "webm.js"];

export class Tools {
  #parts;
  #change = null;
  #compare = null;
  #grid = null;
  #how = null;
  #loop = null;
  #walk = null;
  #chosen = null;

  /** `parts`: studio, choice, engine, work, form; `draw(wish, canvas)` makes something the main picture. */
  constructor(parts) {
    this.#parts = parts;
    $("grid").addEventListener("toggle", () => $("grid").open && this.#openGrid());
    $("how").addEventListener("toggle", () => $("how").open && this.#openHow());
    $("loop").addEventListener("toggle", () => $("loop").open && this.#openLoop());
    $("walk").addEventListener("toggle", () => $("walk").open && this.#openWalk());
  }

  /** Another main picture is being drawn. */
  begin() {
    this.#compare?.hide();
  }

  /** The main picture is whole. */
  drawn() {
    if ($("grid").open) this.#openGrid();
    if ($("how").open) this.#openHow();
    if ($("walk").open) this.#openWalk();
  }

  /** A word of the picture is chosen, by its place among the known ones; null: none. */
  async offerChange(index) {
    this.#chosen = index;
    if (index === null) return void ($("change").hidden = true);
    if (!(await this.#load("words", async () => {
      this.#change ??= new (await import("./change.js")).Change($("change"), (place, word) => this.#changeWord(place, word));
    }))) return;
    if (this.#chosen !== index) return;
    const { studio, choice } = this.#parts;
    this.#change.show(placeOf(studio.tokens, index), studio.tokens, choice.vocabulary);
  }

  #changeWord(place, word) {
    const { studio, choice, engine, work, form } = this.#parts;
    const { last } = studio;
    if (!last) return;
    work.run(async (signal) => {
      const { Compare } = await import("./compare.js");
      const { replaceAt } = await import("./kinds.js");
      if (choice.vocabulary && !choice.vocabulary.has(word.toLowerCase())) {
        throw Object.assign(new Error(`the model does not know “${word.slice(0, 24)}”, so nothing would stand there`), { code: "bad-input" });
      }
      const before = studio.stagesOf.at(-1).image;
      const prompt = replaceAt(last.prompt, place, word);
      const gan = await engine.get(last.model, form.device, signal);
      tell(`Drawing it with “${word}”…`);
      this.#compare ??= new Compare($("compare"));
      let after = null;
      await gan.generate(prompt, {
        seed: last.seed,
        noise: last.noise,
        signal,
        onStage: ({ image }) => {
          after = image;
          this.#compare.show({ before, after, from: studio.tokens[place].word, to: word });
          reveal($("compare"));
        },
      });
      this.#compare.offer(() => this.#parts.draw({ ...last, prompt }, this.#compare.canvas));
      tell(`Drawn with “${word}” in place of “${studio.tokens[place].word}”: ${this.#compare.summary}`);
    }, "words");
  }

  /** What the main picture was asked for or, before there is one, what the form asks for. */
  #wish() {
    const { studio, choice, form } = this.#parts;
    return studio.last ?? { ...form.read(), model: choice.name };
  }

  async #openGrid() {
    const there = await this.#load("grid", async () => {
      const { Grid } = await import("./grid.js");
      this.#grid ??= new Grid($("grid-body"), { onFill: (plan) => this.#fillGrid(plan), onChoice: (cell, canvas) => this.#parts.draw(cell, canvas) });
    });
    if (there) this.#grid.offer({ ...this.#wish() }, this.#parts.choice.vocabulary);
  }

  #fillGrid(plan) {
    const { engine, work, form } = this.#parts;
    work.run(async (signal) => {
      this.#grid.check(plan);
      const gan = await engine.get(plan.model, form.device, signal);
      tell("Filling the grid…");
      await this.#grid.draw(gan, plan, signal);
      tell("The grid is filled.");
    }, "grid");
  }

  async #openHow() {
    const { studio, choice, engine, form } = this.#parts;
    const there = await this.#load("how", async () => {
      const { How } = await import("./how.js");
      const hooks = { onOff: (wish, drawIt) => this.#drawWithout(wish, drawIt), onBack: () => this.#parts.work.cancel() };
      this.#how ??= new How($("how-body"), $("attention"), hooks);
    });
    if (there) await this.#how.show(studio, choice.name, () => engine.get(studio.last.model, form.device, new AbortController().signal));
  }

  /** Draws the picture of "How it works" without attention. */
  #drawWithout({ model }, drawIt) {
    const { engine, form, work } = this.#parts;
    return work.run(async (signal) => {
      const gan = await engine.get(model, form.device, signal);
      tell("Drawing it without attention…");
      await drawIt(gan, signal);
      tell("Drawn without attention.");
    }, "attention");
  }

  async #openLoop() {
    const { engine, form, work } = this.#parts;
    await this.#load("loop", async () => {
      const { Loop } = await import("./loop.js");
      const onStart = () =>
        work.run(async (signal) => {
          const wish = this.#wish();
          refuseEmpty(wish.prompt);
          const gan = await engine.get(wish.model, form.device, signal);
          if (!gan.info.captions) throw Object.assign(new Error("this model does not describe pictures"), { code: "bad-input" });
          tell("Drawing, describing, drawing…");
          const { pictures, text, again } = await this.#loop.draw(gan, wish, signal, engine.onProgress);
          engine.describes = true;
          tell(again ? `After ${pictures} ${pictures === 1 ? "picture" : "pictures"} it says what was said before: “${text}”` : `${pictures} pictures; the last one is described as “${text}”`);
        }, "loop");
      this.#loop ??= new Loop($("loop-body"), { onStart, onChoice: (wish, canvas) => this.#parts.draw(wish, canvas) });
    });
  }

  async #openWalk() {
    const there = await this.#load("walk", async () => {
      const { Walk } = await import("./walk.js");
      const onSave = (kind) => this.saveFilm(this.#walk, kind, "walk");
      this.#walk ??= new Walk($("walk-body"), { onStart: () => this.#startWalk(), onSave, onChoice: (wish, canvas) => this.#parts.draw(wish, canvas) });
    });
    if (there) this.#walk.offer({ ...this.#wish() });
    return there;
  }

  #startWalk() {
    const { engine, form, work } = this.#parts;
    return work.run(async (signal) => {
      const walked = this.#walk.read();
      refuseEmpty(walked.prompt);
      const gan = await engine.get(walked.model, form.device, signal);
      tell(`Walking from seed ${walked.seed} to seed ${walked.towards}…`);
      const done = this.#walk.draw(gan, walked, signal);
      reveal($("walk-body"));
      await done;
      tell("Walked: move the slider, or press Play.");
    }, "walk");
  }

  /** Walks from the main picture to another seed; gives whether it came there. */
  async walk(towards) {
    $("walk").open = true;
    if (!(await this.#openWalk())) return false;
    this.#walk.towards = towards;
    return this.#startWalk();
  }

  /** Saves the film of a walk or a blend; errors are told at `place`. */
  async saveFilm({ film, facts }, kind, place) {
    const { studio, work } = this.#parts;
    const { prompt, from, to, seed, towards, model } = facts;
    const name = plain(prompt ? `${prompt}-${seed}-to-${towards}` : `${from}-to-${to}-${seed}`);
    const title = prompt ? `${prompt}, from seed ${seed} to seed ${towards}` : `From “${from}” to “${to}”, seed ${seed}`;
    const button = $(`${place}-${kind}`);
    const bar = Object.assign(element("progress", "film-progress"), { max: 1, ariaLabel: kind === "gif" ? "Making the GIF" : "Recording the video" });
    const done = await work.run(async (signal) => {
      const { saveFilm } = await import("./films.js");
      tell(kind === "gif" ? "Making the GIF…" : "Recording the video: six seconds…");
      film.stop();
      button.parentElement.append(bar);
      const facted = { ...facts, weights: weightsOf(studio.known, model) };
      await saveFilm(film, kind, { name, title, facts: facted }, signal, (share) => (bar.value = share));
      tell("Saved.");
    }, place);
    bar.remove();
    if (done) flash(button, "Saved");
  }

  /** Whether a part could be loaded; a connection that fails is told where it was needed. */
  async #load(place, load) {
    try {
      await load();
      return true;
    } catch (error) {
      tellError(error instanceof TypeError ? Object.assign(new Error("a part of this page did not arrive"), { code: "network" }) : error, place);
      return false;
    }
  }
}

/** The place among all words of the known word `index`. */
function placeOf(tokens, index) {
  let known = -1;
  return tokens.findIndex((token) => token.known && ++known === index);
}
