// A grid of pictures: one prompt with one word exchanged from row to row, and another word, or the seed, from column to column.

import { hasKind, isColour, others, replaceAt, sameKind } from "./kinds.js";
import { LARGEST_SEED } from "./link.js";
import { flash } from "./notices.js";
import { arrowKeys, element, paintOn } from "./paint.js";
import { saveCanvas } from "./share.js";
import { wordsOf } from "./suggest.js";
import { shortened, tellSeed } from "./text.js";

const MOST = 6;
const SIDE = 192;
const SEEDS = "seeds";

const refusal = (message) => Object.assign(new Error(message), { code: "bad-input" });

/** The pictures of a plan, row after row: `{ prompt, seed, noise, model, row, column }`. */
export function cellsOf({ prompt, seed, noise = null, model, rows, columns }) {
  return rows.words.flatMap((row) =>
    columns.words.map((column) => {
      // From the back, for a word may become two.
      const changes = [[rows.place, row], ...(columns.place === SEEDS ? [] : [[columns.place, column]])].sort((a, b) => b[0] - a[0]);
      const changed = changes.reduce((text, [place, word]) => replaceAt(text, place, word), prompt);
      const drawnBy = columns.place === SEEDS ? { seed: Number(column), noise: null } : { seed, noise };
      return { prompt: changed, ...drawnBy, model, row, column };
    }),
  );
}

/** The words of a field, separated by commas, at most six, each once. */
export const valuesOf = (text) => [...new Set(text.split(/[,;\n]+/).map((word) => word.trim()).filter(Boolean))].slice(0, MOST);

export class Grid {
  #onChoice;
  #saveButton;
  #fields = {};
  #places;
  #cells;
  #base = null;
  #vocabulary = null;
  #plan = null;

  /** `onFill(plan)` hears of the wish to draw; `onChoice(cell, canvas)` of a click on a picture. */
  constructor(root, { onFill, onChoice }) {
    this.#onChoice = onChoice;
    const form = element("form", "grid-form", root);
    form.noValidate = true;
    for (const [name, title] of [["rows", "Down"], ["columns", "Across"]]) {
      const set = element("fieldset", "", form);
      element("legend", "", set).textContent = title;
      const pick = this.#labelled(set, "select", `grid-${name}-word`, name === "rows" ? "Word that changes from row to row" : "What changes from column to column");
      const values = this.#labelled(set, "input", `grid-${name}-values`, "to each of (at most six, with commas)");
      Object.assign(values, { type: "text", maxLength: 200, autocomplete: "off" });
      pick.addEventListener("change", () => this.#suggest(name));
      this.#fields[name] = { pick, values };
    }
    const row = element("div", "row", form);
    element("button", "", row).textContent = "Fill the grid";
    this.#saveButton = element("button", "", row);
    Object.assign(this.#saveButton, { type: "button", textContent: "Save the grid", hidden: true });
    this.#saveButton.addEventListener("click", () => this.#save());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      onFill(this.#read());
    });
    this.#places = element("p", "hint", root);
    this.#cells = element("div", "grid-cells", root);
    this.#cells.setAttribute("role", "group");
    this.#cells.setAttribute("aria-label", "The grid of pictures: choose one to make it the main picture");
    this.#cells.hidden = true;
    // Where there is room beside the form, something stands for what is to come.
    const empty = element("div", "grid-empty", root);
    empty.setAttribute("aria-hidden", "true");
    for (let cell = 0; cell < 16; cell++) element("span", "", empty);
  }

  #labelled(parent, tag, id, text) {
    const label = element("label", "", parent);
    label.textContent = text;
    const field = element(tag, "", parent);
    label.htmlFor = field.id = id;
    return field;
  }

  /** Makes a prompt, seed and model those of the grid; choices that still fit stay. */
  offer(base, vocabulary) {
    const same = this.#base?.prompt === base.prompt && this.#base?.model === base.model;
    [this.#base, this.#vocabulary] = [base, vocabulary];
    this.#places.textContent = `Of “${base.prompt.length > 120 ? `${base.prompt.slice(0, 120)}…` : base.prompt}”, ${tellSeed(base)}.`;
    if (same) return;
    const words = wordsOf(base.prompt).slice(0, 40);
    const telling = words.map((word, place) => place).filter((place) => hasKind(words[place]));
    for (const name of ["rows", "columns"]) {
      const { pick } = this.#fields[name];
      pick.replaceChildren(...words.map((word, place) => new Option(shortened(word), place)));
      if (name === "columns") pick.append(new Option("other seeds", SEEDS));
    }
    // Colours change most; what is of one kind goes together.
    const first = telling.find((place) => isColour(words[place])) ?? telling[0] ?? 0;
    const second = telling.find((place) => place !== first && sameKind(words[place], words[first]));
    this.#fields.rows.pick.value = first;
    this.#fields.columns.pick.value = second ?? SEEDS;
    for (const name of ["rows", "columns"]) this.#suggest(name);
  }

  #suggest(name) {
    const { pick, values } = this.#fields[name];
    const { seed } = this.#base;
    const first = seed > LARGEST_SEED - MOST ? 0 : seed;
    const word = wordsOf(this.#base.prompt)[pick.value];
    const offered = pick.value === SEEDS ? Array.from({ length: 4 }, (_, index) => first + index) : [word, ...others(word, this.#vocabulary, 3)];
    values.value = offered.join(", ");
  }

  #read() {
    const side = (name) => {
      const { pick, values } = this.#fields[name];
      return { place: pick.value === SEEDS ? SEEDS : Number(pick.value), words: valuesOf(values.value) };
    };
    return { ...this.#base, rows: side("rows"), columns: side("columns") };
  }

  /** Throws what is wrong with a plan, before anything is downloaded. */
  check({ rows, columns }) {
    if (!rows.words.length || !columns.words.length) throw refusal("a grid needs at least one word down and one across");
    if (rows.place === columns.place) throw refusal("down and across change the same word; choose two");
    if (columns.place !== SEEDS) return;
    const wrong = columns.words.find((word) => !/^\d+$/.test(word) || Number(word) > LARGEST_SEED);
    if (wrong !== undefined) throw refusal(`the seed “${shortened(wrong)}” is no whole number`);
  }

  /** Draws the pictures of a plan one after another, each through its stages. */
  async draw(gan, plan, signal) {
    this.#plan = plan;
    const count = plan.columns.words.length;
    const root = this.#cells;
    root.style.setProperty("--columns", count);
    root.dataset.columns = count;
    root.replaceChildren(element("span"), ...plan.columns.words.map((word) => this.#head(word, "column")));
    const cells = cellsOf(plan).map((cell, index) => {
      if (index % count === 0) root.append(this.#head(cell.row, "row"));
      return { cell, ...this.#tile(cell, root) };
    });
    root.hidden = false;
    this.#saveButton.hidden = true;
    try {
      for (const { cell, button, picture } of cells) {
        button.classList.add("waiting");
        await gan.generate(cell.prompt, {
          seed: cell.seed,
          noise: cell.noise,
          signal,
          onStage: ({ image }) => paintOn(picture, image),
        });
        button.classList.remove("waiting");
        button.classList.add("drawn");
        button.disabled = false;
        this.#saveButton.hidden = false;
      }
    } finally {
      for (const { button } of cells) button.classList.remove("waiting");
      arrowKeys(root, "button:enabled");
    }
  }

  #head(word, className) {
    const head = element("span", `head ${className}`);
    head.textContent = shortened(word);
    // The name of each picture says it.
    head.setAttribute("aria-hidden", "true");
    return head;
  }

  #tile(cell, root) {
    const button = element("button", "tile", root);
    button.type = "button";
    button.disabled = true;
    button.setAttribute("aria-label", `${cell.row}, ${cell.column}: ${cell.prompt}, ${tellSeed(cell)}`);
    const picture = element("canvas", "", button);
    button.addEventListener("click", () => {
      for (const other of root.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      const { prompt, seed, noise, model } = cell;
      this.#onChoice({ prompt, seed, noise, model }, picture);
    });
    return { button, picture };
  }

  /** The whole grid with its words as one PNG. */
  async #save() {
    const { rows, columns, prompt, seed, noise, model } = this.#plan;
    const [left, top] = [110, 40];
    const sheet = element("canvas");
    [sheet.width, sheet.height] = [left + columns.words.length * SIDE, top + rows.words.length * SIDE];
    const context = sheet.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, sheet.width, sheet.height);
    Object.assign(context, { fillStyle: "#22201d", font: "18px Georgia, serif", textBaseline: "middle", textAlign: "center", imageSmoothingQuality: "high" });
    columns.words.forEach((word, index) => context.fillText(word, left + (index + 0.5) * SIDE, top / 2, SIDE - 8));
    context.textAlign = "right";
    rows.words.forEach((word, index) => context.fillText(word, left - 10, top + (index + 0.5) * SIDE, left - 16));
    [...this.#cells.querySelectorAll(".tile canvas")].forEach((canvas, index) => {
      const [row, column] = [Math.floor(index / columns.words.length), index % columns.words.length];
      if (canvas.parentElement.classList.contains("drawn")) context.drawImage(canvas, left + column * SIDE, top + row * SIDE, SIDE, SIDE);
    });
    const { VERSION } = await import("./png.js");
    const texts = { Title: `Grid of: ${prompt}`, Software: `MirrorGAN ${VERSION}`, "mirrorgan-grid": JSON.stringify({ prompt, seed, ...noise, model, rows, columns, version: VERSION }) };
    await saveCanvas(sheet, `grid-${prompt.replace(/[^a-z0-9]+/gi, "-").slice(0, 50)}`, texts);
    flash(this.#saveButton, "Saved");
  }
}
