// What a film that was saved here says it was drawn from: a GIF in its comment, a WebM in its tags.

import { LARGEST_SEED, LONGEST_PROMPT, isModelName } from "./link.js";
import { elementAt } from "./webm.js";

/** The name of the tag with what a video was drawn from: JSON. */
export const TAG = "MIRRORGAN";
/** A GIF's blocks (GIF89a specification, appendix A). */
const [EXTENSION, IMAGE, COMMENT] = [0x21, 0x2c, 0xfe];
/** A WebM's elements (RFC 9559, 5.1.8). */
const [TAGS, SIMPLE, NAME, STRING] = [0x1254c367, 0x67c8, 0x45a3, 0x4487];
/** Tags stand at the end, and are not longer than this. */
const LONGEST_TAGS = 1 << 16;

/** The first comment of a GIF; null where it has none. */
export function commentOf(gif) {
  if (String.fromCharCode(...gif.subarray(0, 3)) !== "GIF") return null;
  const table = (flags) => (flags & 0x80 ? 3 * (2 << (flags & 7)) : 0);
  let at = 13 + table(gif[10]);
  while (at < gif.length) {
    const [kind, label] = [gif[at], gif[at + 1]];
    if (kind === EXTENSION) at += 2;
    else if (kind === IMAGE) at += 10 + table(gif[at + 9]) + 1;
    else return null;
    const wanted = kind === EXTENSION && label === COMMENT;
    let text = "";
    for (; gif[at]; at += gif[at] + 1) if (wanted) text += String.fromCharCode(...gif.subarray(at + 1, at + 1 + gif[at]));
    if (wanted) return text;
    at++;
  }
  return null;
}

/** The elements between two places that are as long as they say, and end there. */
function* elements(bytes, from, to) {
  for (let at = from; at < to; ) {
    const element = elementAt(bytes, at);
    if (element.size === null || element.from + element.size > to) return;
    yield element;
    at = element.from + element.size;
  }
}

/** The tag `name` at the end of a WebM; null where it has none. */
export function tagOf(webm, name) {
  const text = ({ from, size }) => new TextDecoder().decode(webm.subarray(from, from + size));
  for (let at = webm.length - 12; at >= Math.max(0, webm.length - LONGEST_TAGS); at--) {
    if (webm[at] !== TAGS >>> 24 || elementAt(webm, at).id !== TAGS) continue;
    const { from, size } = elementAt(webm, at);
    if (from + size !== webm.length) continue;
    for (const tag of elements(webm, from, webm.length)) {
      for (const simple of elements(webm, tag.from, tag.from + tag.size)) {
        if (simple.id !== SIMPLE) continue;
        const parts = [...elements(webm, simple.from, simple.from + simple.size)];
        const [named, said] = [NAME, STRING].map((id) => parts.find((part) => part.id === id));
        if (named && said && text(named) === name) return text(said);
      }
    }
  }
  return null;
}

const isPrompt = (text) => typeof text === "string" && text.length > 0 && text.length <= LONGEST_PROMPT;
const isSeed = (seed) => Number.isSafeInteger(seed) && seed >= 0 && seed <= LARGEST_SEED;

/**
 * What a film says it was drawn from, checked: it may be from anyone. `{ film: "walk", prompt, seed, towards, … }`, `{ film: "blend",
 * from, to, seed, … }`, both with `model` and `weights`; null where it says nothing that can be used.
 */
export function readFilm(bytes) {
  try {
    const { prompt, from, to, seed, towards, model, weights: told } = JSON.parse(commentOf(bytes) ?? tagOf(bytes, TAG));
    if (!isSeed(seed) || !isModelName(model)) return null;
    const both = { seed, model, weights: /^[0-9a-f]{12}$/.test(told) ? told : null };
    if (isPrompt(prompt) && isSeed(towards) && towards !== seed) return { film: "walk", prompt, towards, ...both };
    return isPrompt(from) && isPrompt(to) ? { film: "blend", from, to, ...both } : null;
  } catch {
    return null;
  }
}
