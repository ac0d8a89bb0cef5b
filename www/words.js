// The words of the prompt as buttons, and the description with the words that agree.

import { agreeing, recall } from "./score.js";
import { list } from "./text.js";

// A prompt of ten thousand words is no reason for ten thousand buttons.
const MOST = 60;

/** Shows a button for each known word; `onWord(index or null)` hears of pointing, focus and clicks. */
export function showWords(root, tokens, maxWords, onWord) {
  root.replaceChildren();
  let pinned = null;
  let known = 0;
  for (const { word, known: isKnown } of tokens.slice(0, MOST)) {
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
  if (tokens.length > MOST) {
    const rest = document.createElement("span");
    rest.className = "hint";
    rest.textContent = `and ${(tokens.length - MOST).toLocaleString("en")} more`;
    root.append(rest);
  }
}

/** Writes a description with the words marked that the prompt has too. */
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
}

/** How close the description is: a number for a meter, from 0 to 1 or null, and a sentence. */
export function closeness(caption, tokens) {
  const score = recall(caption.words, tokens);
  if (!score) return { share: null, text: "The prompt has no telling word to look for." };
  const missed = score.missed.length ? ` Not ${list(score.missed.slice(0, 4))}${score.missed.length > 4 ? " and others" : ""}.` : "";
  return { share: score.share, text: `Found ${score.found} of ${score.all} telling ${score.all === 1 ? "word" : "words"} again.${missed}` };
}
