// One word exchanged for another: those of its kind to choose from, or any that is typed.

import { others } from "./kinds.js";
import { element } from "./paint.js";

export class Change {
  #root;
  #title;
  #words;
  #input;
  #place = null;

  /** `onChange(place, word)` hears which word of the prompt becomes what. */
  constructor(root, onChange) {
    this.#root = root;
    this.#title = element("h3", "", root);
    this.#title.id = "change-title";
    this.#words = element("div", "chips", root);
    this.#words.setAttribute("role", "group");
    this.#words.setAttribute("aria-labelledby", "change-title");
    const form = element("form", "change-other", root);
    form.noValidate = true;
    const label = element("label", "", form);
    label.textContent = "Another word";
    this.#input = element("input", "", form);
    Object.assign(this.#input, { id: "change-word", type: "text", maxLength: 40, autocomplete: "off" });
    label.htmlFor = this.#input.id;
    const button = element("button", "", form);
    Object.assign(button, { type: "submit", textContent: "Change" });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const word = this.#input.value.trim().split(/\s+/)[0];
      if (word) onChange(this.#place, word);
    });
    this.#words.addEventListener("click", ({ target }) => {
      const chosen = target.closest("button");
      if (!chosen) return;
      for (const other of this.#words.children) other.setAttribute("aria-pressed", String(other === chosen));
      onChange(this.#place, chosen.dataset.word);
    });
  }

  /** Offers to change the word at a place of the prompt. */
  show(place, tokens, vocabulary) {
    this.#place = place;
    const { word } = tokens[place];
    this.#title.textContent = `Change “${word}” to`;
    this.#words.replaceChildren(
      ...others(word, vocabulary).map((other) => {
        const button = element("button");
        button.type = "button";
        button.textContent = other;
        button.dataset.word = other;
        button.setAttribute("aria-label", `${other} in place of ${word}`);
        button.setAttribute("aria-pressed", "false");
        return button;
      }),
    );
    this.#input.value = "";
    this.#root.hidden = false;
  }
}
