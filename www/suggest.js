// Words that the model does not know, and the nearest ones that it does; slips that it does know; words that it cannot follow.

import { honestly, meant } from "./spelling.js";
import { shortened } from "./text.js";

/** The words of a text as the model reads it: runs of letters and digits, in lower case. */
export const wordsOf = (text) => (text.match(/[\p{Alphabetic}\p{N}_]+/gu) ?? []).map((word) => word.toLowerCase());

/**
 * Edits from one word to another: letters put in, left out, replaced, or two neighbours swapped (optimal string alignment).
 * Gives `limit` + 1 as soon as it must be more than `limit`.
 */
export function distance(from, to, limit = Infinity) {
  if (Math.abs(from.length - to.length) > limit) return limit + 1;
  let [before, last] = [[], Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) edits = Math.min(edits, before[column - 2] + 1);
      current.push(edits);
    }
    if (Math.min(...current) > limit) return limit + 1;
    [before, last] = [last, current];
  }
  return last[to.length];
}

/** Up to `count` known words near `word`, the nearest first; of equally near ones those with the same beginning. */
export function nearest(word, vocabulary, count = 3) {
  const limit = word.length <= 3 ? 1 : word.length <= 7 ? 2 : 3;
  const found = [];
  for (const known of vocabulary) {
    if (known.length < 2 || !/^\p{L}+$/u.test(known)) continue;
    const edits = distance(word, known, limit);
    // Something of the word must be left.
    if (edits <= limit && edits < word.length - 1) found.push({ known, rank: edits - (known[0] === word[0] ? 0.5 : 0) });
  }
  found.sort((a, b) => a.rank - b.rank || Math.abs(a.known.length - word.length) - Math.abs(b.known.length - word.length));
  const offered = [];
  for (const { known } of found) {
    // Vocabularies come from what people wrote, slips included: of words that nearly are the same, one is enough.
    if (offered.length < count && offered.every((other) => distance(other, known, 1) > 1)) offered.push(known);
  }
  return offered;
}

/** The words of a text that are not in `vocabulary` (a Set), each once, with what is near. At most `most` of them. */
export function unknownWords(text, vocabulary, most = 4) {
  const unknown = [...new Set(wordsOf(text))].filter((word) => !vocabulary.has(word));
  return unknown.slice(0, most).map((word) => ({ word, near: word.length > 24 ? [] : nearest(word, vocabulary) }));
}

/** The words of a text that are known, but as slips of other words. At most `most` of them. */
export function slipsOf(text, vocabulary, most = 2) {
  const found = [...new Set(wordsOf(text))].filter((word) => vocabulary.has(word) && meant(word, vocabulary));
  return found.slice(0, most).map((word) => ({ word, near: [meant(word, vocabulary)], slip: true }));
}

/** The text with every occurrence of a word replaced. */
export function replaceWord(text, word, by) {
  return text.replace(/[\p{Alphabetic}\p{N}_]+/gu, (found) => (found.toLowerCase() === word ? by : found));
}

/** The vocabulary of a model as a Set, or null where it cannot be had: then nothing is suggested. */
export async function loadVocabulary(url, size) {
  try {
    const response = await fetch(url);
    if (!response.ok) return null;
    const words = (await response.text()).split(/\r?\n/).filter((word) => word);
    // A server that answers everything with a page of its own must not make every word unknown.
    return words.length === size ? new Set(words) : null;
  } catch {
    return null;
  }
}

/** Shows the unknown words under the prompt; a click on a suggestion replaces the word there. */
export class Suggestions {
  #root;
  #input;
  #vocabulary = null;
  #timer = 0;

  constructor(root, input) {
    [this.#root, this.#input] = [root, input];
    input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.show(), 350);
    });
  }

  set vocabulary(words) {
    this.#vocabulary = words;
    this.show();
  }

  get vocabulary() {
    return this.#vocabulary;
  }

  show() {
    const text = this.#input.value;
    const unknown = this.#vocabulary ? unknownWords(text, this.#vocabulary) : [];
    const slips = this.#vocabulary ? slipsOf(text, this.#vocabulary) : [];
    const lines = [...unknown, ...slips].slice(0, 4).map((entry) => this.#line(entry));
    const sentence = honestly(wordsOf(text));
    if (sentence) lines.push(Object.assign(document.createElement("p"), { textContent: sentence }));
    this.#root.replaceChildren(...lines);
  }

  #line({ word, near, slip = false }) {
    const line = document.createElement("p");
    const wrong = document.createElement("span");
    wrong.className = "unknown";
    wrong.textContent = shortened(word);
    const say = slip ? " is a rare spelling that the model has hardly learned. Did you mean " : " is unknown to the model. Did you mean ";
    line.append(wrong, near.length ? say : " is unknown to the model and will be left out.");
    near.forEach((known) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "suggestion";
      button.textContent = known;
      button.setAttribute("aria-label", `Replace ${word} by ${known}`);
      button.addEventListener("click", () => {
        this.#input.value = replaceWord(this.#input.value, word, known);
        this.#input.focus();
        this.#input.dispatchEvent(new Event("input", { bubbles: true }));
        this.show();
      });
      line.append(button, " ");
    });
    return line;
  }
}
