// A film as GIF89a, with a comment in it that says what it was drawn from (GIF89a specification, 24: Comment Extension).

import { GIFEncoder, applyPalette, quantize } from "./vendor/gifenc.js";

const COLOURS = 256;
const [EXTENSION, COMMENT, TRAILER, APPLICATION] = [0x21, 0xfe, 0x3b, 0xff];

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

/** Encodes pictures of one size, `{ data, width, height }`, which `next(index)` gives one after another, each shown for `delay` milliseconds. */
export async function encode(count, next, delay, facts, signal) {
  const gif = GIFEncoder();
  for (let index = 0; index < count; index++) {
    // The page goes on between two pictures.
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal.throwIfAborted();
    const { data, width, height } = next(index);
    const palette = quantize(data, COLOURS);
    gif.writeFrame(applyPalette(data, palette), width, height, { palette, delay });
  }
  gif.finish();
  return withComment(gif.bytes(), facts);
}

/** What a GIF's comment says, parsed, how many pictures it has and how large it is; null for what is no GIF. */
export function readGif(bytes) {
  if (String.fromCharCode(...bytes.subarray(0, 6)) !== "GIF89a") return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = (flags) => (flags & 0x80 ? 3 * (2 << (flags & 7)) : 0);
  const read = { width: view.getUint16(6, true), height: view.getUint16(8, true), frames: 0, delays: [], repeats: null, facts: null };
  let at = 13 + table(bytes[10]);
  const blocks = () => {
    const parts = [];
    for (; bytes[at]; at += bytes[at] + 1) parts.push(...bytes.subarray(at + 1, at + 1 + bytes[at]));
    at++;
    return parts;
  };
  while (at < bytes.length && bytes[at] !== TRAILER) {
    if (bytes[at] === EXTENSION) {
      const label = bytes[at + 1];
      at += 2;
      const content = blocks();
      if (label === COMMENT) read.facts = JSON.parse(String.fromCharCode(...content));
      else if (label === APPLICATION) read.repeats = content[12] + 256 * content[13];
      else read.delays.push(content[1] + 256 * content[2]);
    } else {
      at += 10 + table(bytes[at + 9]) + 1;
      blocks();
      read.frames++;
    }
  }
  return bytes[at] === TRAILER ? read : null;
}
