// What the model could say of a picture: sentences with their probabilities, and how far they can be trusted.

import { element } from "./paint.js";

/** Sentences that are looked for. */
export const SENTENCES = 3;

/** Percent with as many digits as tell something. */
export function percent(logProbability) {
  const share = 100 * Math.exp(logProbability);
  if (share >= 10) return `${Math.round(share)} %`;
  return share >= 0.1 ? `${share.toFixed(1)} %` : "less than 0.1 %";
}

/**
 * Lists the sentences with their probabilities, and where a judge compared them how well they match, in `list`; `verdict`, an element,
 * gets the text under them. `onDraw(text)` hears which one shall be drawn.
 */
export function showSentences(list, verdict, { captions, text }, onDraw) {
  const likeliest = Math.max(...captions.map(({ logProbability }) => logProbability));
  list.replaceChildren(
    ...captions.map((caption) => {
      const item = element("li");
      const bar = element("span", "likely", item);
      bar.style.setProperty("--share", Math.exp(caption.logProbability - likeliest));
      const button = element("button", "plain sentence", item);
      button.type = "button";
      button.textContent = caption.text || "(no words)";
      button.title = "Draw these words";
      button.disabled = !caption.text;
      button.addEventListener("click", () => onDraw(caption.text, button));
      const match = typeof caption.similarity === "number" ? `match ${caption.similarity.toFixed(2)} · ` : "";
      Object.assign(element("span", "hint", item), { textContent: `${match}${percent(caption.logProbability)}` });
      return item;
    }),
  );
  list.hidden = verdict.hidden = captions.length === 0;
  verdict.textContent = text;
  verdict.classList.toggle("doubt", text.startsWith("Unsure"));
}
