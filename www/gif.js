// A film as GIF89a, with a comment in it that says what it was drawn from (GIF89a specification, 24: Comment Extension).

import { GIFEncoder, applyPalette, quantize } from "./vendor/gifenc.js";

const COLOURS = 256;
/** Pictures whose colours are counted, and the pixels of them, each so manieth: a palette takes long to find. */
const [LOOKED_AT, EACH] = [5, 3];
const [EXTENSION, COMMENT, TRAILER] = [0x21, 0xfe, 0x3b];

/** JSON in ASCII, which is all that a comment may have. */
const plainJson = (facts) => JSON.stringify(facts).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A GIF with a comment before its end. */
export function withComment(gif, facts) {
  const text = new TextEncoder().encode(plainJson(facts));
  const blocks = [EXTENSION, COMMENT];
  for (let at = 0; at < text.length; at += 255) {
    const block = text.subarray(at, at + 255);
    blocks.push(block.length, ...block);
  }
  blocks.push(0, TRAILER);
  const whole = new Uint8Array(gif.length - 1 + blocks.length);
  whole.set(gif.subarray(0, -1));
  whole.set(blocks, gif.length - 1);
  return whole;
}

/** Pixels of some of the pictures, as one picture. */
function sample(pictures) {
  const { length } = pictures;
  const looked = Array.from({ length: Math.min(LOOKED_AT, length) }, (_, index) => Math.round((index * (length - 1)) / Math.max(1, Math.min(LOOKED_AT, length) - 1)));
  const parts = [...new Set(looked)].map((index) => {
    const { data } = pictures[index];
    const pixels = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
    return pixels.filter((_, at) => at % EACH === 0);
  });
  return new Uint8Array(Uint32Array.from(parts.flatMap((part) => [...part])).buffer);
}

/**
 * Encodes pictures of one size, `{ data, width, height }`, each shown for `delay` milliseconds; `onDone(count)` hears of each. They share
 * one palette: with one each, what stands still would flicker. This takes seconds: the page has it done in a Worker.
 */
export function encode(pictures, delay, facts, onDone = () => {}) {
  const gif = GIFEncoder();
  const palette = quantize(sample(pictures), COLOURS);
  pictures.forEach(({ data, width, height }, index) => {
    gif.writeFrame(applyPalette(data, palette), width, height, { palette: index ? null : palette, delay });
    onDone(index + 1);
  });
  gif.finish();
  return withComment(gif.bytes(), facts);
}
