// What is said of a picture, and how far that can be trusted: some models bring a judge (DAMSM's image head) that compares pictures with words.

import { element } from "./paint.js";
import { recall } from "./score.js";
import { SENTENCES } from "./sentences.js";
import { wordsOf } from "./suggest.js";

/** Sentences of other pictures that a picture is compared with: enough for a mean, each costs a look at the picture. */
const OTHERS = 5;
/** Standard deviations above what other pictures' sentences give from which on a sentence is taken to be of this picture. */
const ABOVE = 1;
/** Standard deviation of the colours, in 255ths, below which there is nothing to see. */
const PLAIN = 5;
/** Pictures are looked at this small to tell whether they are plain: single pixels do not count. */
const SIDE = 32;

export const VERDICTS = {
  unjudged: "The likeliest first. This model has no judge that compares words with the picture: it says something of any picture.",
  judged: "In the order in which they match the picture, as the model’s judge sees it.",
  unsure: "Unsure: these words match this picture no better than words about other pictures do.",
  plain: "Unsure: the picture is nearly one colour, so these words are a guess.",
};

/** Whether a picture's own sentence matches it no better than sentences of other pictures, by their cosines. */
export function isUnsure(own, others) {
  if (!others.length) return false;
  const mean = others.reduce((sum, value) => sum + value, 0) / others.length;
  const spread = Math.sqrt(others.reduce((sum, value) => sum + (value - mean) ** 2, 0) / others.length);
  return own <= mean + ABOVE * spread;
}

/** The sentences in the order in which they match; those without a figure last, in the order that they had. */
export const ranked = (captions) => [...captions].sort((a, b) => (b.similarity ?? -2) - (a.similarity ?? -2));

/** Texts that say something else than any of these sentences: no half of their telling words. */
export function unlike(texts, sentences) {
  const known = (text) => wordsOf(text).map((word) => ({ word, known: true }));
  return texts.filter((text) => sentences.every((sentence) => (recall(wordsOf(sentence), known(text))?.share ?? 0) < 0.5));
}

/** The largest standard deviation of a colour over RGBA pixels, in 255ths. */
export function spreadOf(rgba) {
  const count = rgba.length / 4;
  const spread = (channel) => {
    let [sum, squares] = [0, 0];
    for (let at = channel; at < rgba.length; at += 4) [sum, squares] = [sum + rgba[at], squares + rgba[at] ** 2];
    return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  };
  return Math.max(spread(0), spread(1), spread(2));
}

/** Whether a picture (anything that drawImage takes) is nearly one colour. */
function isPlain(picture) {
  const small = element("canvas");
  small.width = small.height = SIDE;
  const context = small.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, SIDE, SIDE);
  return spreadOf(context.getImageData(0, 0, SIDE, SIDE).data) < PLAIN;
}

const said = (captions, verdict, found = null) => ({ captions, verdict, text: VERDICTS[verdict], found });

/**
 * What the model says of a picture: `{ captions, verdict, text, found }`, the sentence to be shown first, which of `VERDICTS` holds, and
 * where a judge finds the words of `prompt`, else of the sentence that matches best (`match` of the package); null where there is none.
 * `texts` are sentences of other pictures; `options` are `signal` and `onProgress` of the package's calls.
 */
export async function describe(gan, picture, texts, { prompt = null, ...options }) {
  const captions = await gan.caption(picture, { ...options, count: SENTENCES });
  if (isPlain(picture)) return said(captions, "plain");
  if (!gan.info.matches) return said(captions, "unjudged");
  const match = async (text) => {
    try {
      return await gan.match(picture, text, options);
    } catch (error) {
      // No word that the model knows: there is nothing to compare.
      if (error.code === "empty-prompt") return null;
      throw error;
    }
  };
  const judged = [];
  const matches = new Map();
  for (const caption of captions) {
    matches.set(caption.text, await match(caption.text));
    judged.push({ ...caption, similarity: matches.get(caption.text)?.similarity ?? null });
  }
  const others = [];
  for (const text of unlike(texts, captions.map(({ text }) => text)).slice(0, OTHERS)) others.push((await match(text))?.similarity ?? null);
  const sorted = ranked(judged);
  const unsure = sorted[0].similarity === null || isUnsure(sorted[0].similarity, others.filter((value) => value !== null));
  const found = prompt === null ? matches.get(sorted[0].text) : (matches.get(prompt) ?? (await match(prompt)));
  return said(sorted, unsure ? "unsure" : "judged", found);
}
