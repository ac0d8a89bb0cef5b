// What else the model could say of a picture: the likeliest sentences with their probabilities.

import { element } from "./paint.js";

/** Sentences that are looked for. */
export const SENTENCES = 3;

/** Percent with as many digits as tell something. */
export function percent(logProbability) {
  const share = 100 * Math.exp(logProbability);
  if (share >= 10) return `${Math.round(share)} %`;
  return share >= 0.1 ? `${share.toFixed(1)} %` : "less than 0.1 %";
}

/** Lists the sentences with their probabilities in `list`; `onDraw(text)` hears which one shall be drawn. */
export function showSentences(list, captions, onDraw) {
  list.replaceChildren(
    ...captions.map((caption) => {
      const item = element("li");
      const bar = element("span", "likely", item);
      bar.style.setProperty("--share", Math.exp(caption.logProbability - captions[0].logProbability));
      const button = element("button", "plain sentence", item);
      button.type = "button";
      button.textContent = caption.text || "(no words)";
      button.title = "Draw these words";
      button.disabled = !caption.text;
      button.addEventListener("click", () => onDraw(caption.text, button));
      Object.assign(element("span", "hint", item), { textContent: percent(caption.logProbability) });
      return item;
    }),
  );
  list.hidden = captions.length === 0;
}
