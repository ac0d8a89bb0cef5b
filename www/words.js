// The words of the prompt as buttons, and the description with the words that agree.

import { agreeing, recall } from "./score.js";
import { list, shortened } from "./text.js";

// A prompt of ten thousand words is no reason for ten thousand buttons.
const MOST = 60;

/**
 * Shows a button for each known word. `point(index or null)` hears of pointing and focus, `pin(index or null)` of clicks; `spot` is the
 * name of the element that says what is shown. Gives `press(index or null)`, which shows what is chosen, and `ratios(numbers)`, which
 * prints one in each button.
 */
export function showWords(root, tokens, maxWords, { point, pin, spot = "spot" }) {
  root.replaceChildren();
  const buttons = [];
  let pinned = null;
  for (const { word, known } of tokens.slice(0, MOST)) {
    if (!known || buttons.length >= maxWords) {
      const mark = document.createElement("span");
      mark.className = "unknown";
      mark.textContent = shortened(word);
      mark.title = known ? "after the last word that counts" : "the model does not know this word";
      root.append(mark);
      continue;
    }
    const index = buttons.length;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word;
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-describedby", spot);
    // A finger has no place to point from: it taps.
    button.addEventListener("pointerenter", ({ pointerType }) => pointerType !== "touch" && point(index));
    button.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && point(null));
    button.addEventListener("focus", () => point(index));
    button.addEventListener("blur", () => point(null));
    button.addEventListener("click", () => pin(pinned === index ? null : index));
    buttons.push(button);
    root.append(button);
  }
  if (tokens.length > MOST) {
    const rest = document.createElement("span");
    rest.className = "hint";
    rest.textContent = `and ${(tokens.length - MOST).toLocaleString("en")} more`;
    root.append(rest);
  }
  return {
    press(chosen) {
      pinned = chosen;
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
    },
    // As style sheets write it: the name of the button stays the word.
    ratios: (numbers) => buttons.forEach((button, index) => (button.dataset.ratio = numbers[index]?.toFixed(1) ?? "–")),
  };
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
  if (!score) return { share: null, text: "The prompt has nothing telling to look for." };
  const missed = score.missed.length ? ` Not ${list(score.missed.slice(0, 4))}${score.missed.length > 4 ? " and others" : ""}.` : "";
  return { share: score.share, text: `Found ${score.found} of ${score.all} telling ${score.all === 1 ? "thing" : "things"} again.${missed}` };
}
