// Words inside of PNG files (PNG specification, 11.3.3.4 iTXt): what a picture was drawn from travels with it.

import { LARGEST_SEED, LONGEST_PROMPT, checkedNoise, isModelName } from "./link.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** The keyword of the chunk that is read back: JSON. */
const OURS = "mirrorgan";
/** Of the package that draws. Kept true by tests/demo/saving.test.mjs. */
export const VERSION = "0.1.0";

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

const crc = (bytes) => ~bytes.reduce((sum, byte) => TABLE[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;

const isPng = (bytes) => SIGNATURE.every((byte, index) => bytes[index] === byte);

/** The chunks of a PNG as far as they are whole: type, start of the content, its length. */
function* chunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) return;
    yield { type, from: at + 8, length };
    at += 12 + length;
  }
}

function textChunk(keyword, text) {
  const words = new TextEncoder().encode(text);
  // Keyword, end of it; not compressed, by method 0; no language, no translated keyword.
  const head = [...new TextEncoder().encode(`iTXt${keyword}`), 0, 0, 0, 0, 0];
  const chunk = new Uint8Array(8 + head.length - 4 + words.length + 4);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, head.length - 4 + words.length);
  chunk.set(head, 4);
  chunk.set(words, 4 + head.length);
  view.setUint32(chunk.length - 4, crc(chunk.subarray(4, chunk.length - 4)));
  return chunk;
}

/** The PNG with these texts, `{ keyword: text }`, after its header. */
export function withTexts(png, texts) {
  const { from, length } = chunks(png).next().value;
  const end = from + length + 4;
  const added = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
  const whole = new Uint8Array(added.reduce((sum, chunk) => sum + chunk.length, png.length));
  whole.set(png.subarray(0, end));
  let at = end;
  for (const chunk of added) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  whole.set(png.subarray(end), at);
  return whole;
}

/** The uncompressed iTXt texts of a PNG. */
export function textsOf(png) {
  const texts = {};
  if (!isPng(png)) return texts;
  for (const { type, from, length } of chunks(png)) {
    if (type !== "iTXt") continue;
    const content = png.subarray(from, from + length);
    const end = content.indexOf(0);
    // Keyword, compressed?, method, language, translated keyword.
    if (end < 1 || content[end + 1] !== 0) continue;
    const language = content.indexOf(0, end + 3);
    const translated = content.indexOf(0, language + 1);
    if (language < 0 || translated < 0) continue;
    texts[new TextDecoder().decode(content.subarray(0, end))] = new TextDecoder().decode(content.subarray(translated + 1));
  }
  return texts;
}

/** The texts of a picture that was drawn from these. */
export function textsFor({ prompt, seed, noise = null, model, weights = null }) {
  return {
    Title: prompt,
    Software: `MirrorGAN ${VERSION}`,
    [OURS]: JSON.stringify({ prompt, seed, ...noise, model, weights, version: VERSION }),
  };
}

/** What a PNG says it was drawn from, checked: it may be from anyone; null where it says nothing that can be used. */
export function readDrawn(png) {
  try {
    const { prompt, seed, towards, position, model, weights } = JSON.parse(textsOf(png)[OURS]);
    const noise = checkedNoise({ towards, position });
    // Without it another picture would be drawn.
    if (towards !== undefined && !noise) return null;
    const usable = typeof prompt === "string" && prompt.length <= LONGEST_PROMPT && Number.isSafeInteger(seed) && seed >= 0 && seed <= LARGEST_SEED && isModelName(model);
    return usable ? { prompt, seed, noise, model, weights: /^[0-9a-f]{12}$/.test(weights) ? weights : null } : null;
  } catch {
    return null;
  }
}
