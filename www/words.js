// The words of the prompt as buttons, and the caption with the words that agree.

import { agreeing, list } from "./text.js";

/** Shows a button for each known word; `onWord(index or null)` hears of pointing, focus and clicks. */
export function showWords(root, tokens, maxWords, onWord) {
  root.replaceChildren();
  let pinned = null;
  let known = 0;
  for (const { word, known: isKnown } of tokens) {
    if (!isKnown || known >= maxWords) {
      const mark = document.createElement("span");
      mark.className = "unknown";
      mark.textContent = word;
      mark.title = isKnown ? "after the last word that counts" : "the model does not know this word";
      root.append(mark);
      continue;
    }
    const index = known++;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("pointerenter", () => onWord(index));
    button.addEventListener("pointerleave", () => onWord(pinned));
    button.addEventListener("focus", () => onWord(index));
    button.addEventListener("blur", () => onWord(pinned));
    button.addEventListener("click", () => {
      pinned = pinned === index ? null : index;
      for (const other of root.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button && pinned === index));
      onWord(pinned ?? index);
    });
    root.append(button);
  }
}

/** Writes a caption with the words marked that the prompt has too; gives a sentence about them. */
export function showCaption(root, caption, tokens) {
  const agree = agreeing(caption.words, tokens);
  root.replaceChildren();
  caption.words.forEach((word, index) => {
    if (index) root.append(" ");
    if (agree[index]) {
      const mark = document.createElement("mark");
      mark.textContent = word;
      root.append(mark);
    } else {
      root.append(word);
    }
  });
  if (!caption.words.length) root.textContent = "(no words)";
  const words = [...new Set(caption.words.filter((_, index) => agree[index]))];
  return words.length ? `It agrees with the prompt on ${list(words)}.` : "It shares no telling word with the prompt.";
}
