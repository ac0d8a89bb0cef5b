// Readers of films for the tests, which know nothing of how the page writes them: GIF89a by its blocks, WebM by its elements.

/** What a GIF has: size, pictures with delay and palette, repeats, the comment's text. */
export function readGif(bytes) {
  if (bytes.subarray(0, 6).toString("latin1") !== "GIF89a") throw new Error("no GIF89a");
  const table = (at, flags) => (flags & 0x80 ? [...bytes.subarray(at, at + 3 * (2 << (flags & 7)))] : null);
  const gif = { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8), palette: table(13, bytes[10]), frames: [], repeats: null, comment: null };
  let at = 13 + (gif.palette?.length ?? 0);
  const blocks = () => {
    const parts = [];
    for (; bytes[at]; at += bytes[at] + 1) parts.push(bytes.subarray(at + 1, at + 1 + bytes[at]));
    at++;
    return Buffer.concat(parts);
  };
  let delay = null;
  for (; bytes[at] !== 0x3b; ) {
    if (bytes[at] === 0x21) {
      const label = bytes[at + 1];
      at += 2;
      const content = blocks();
      if (label === 0xf9) delay = 10 * content.readUInt16LE(1);
      if (label === 0xfe) gif.comment = content.toString("latin1");
      if (label === 0xff && content.subarray(0, 11).toString("latin1") === "NETSCAPE2.0") gif.repeats = content.readUInt16LE(12);
    } else if (bytes[at] === 0x2c) {
      const [width, height, flags] = [bytes.readUInt16LE(at + 5), bytes.readUInt16LE(at + 7), bytes[at + 9]];
      const palette = table(at + 10, flags);
      at += 10 + (palette?.length ?? 0) + 1;
      gif.frames.push({ width, height, delay, palette: palette ?? gif.palette, bytes: blocks().length });
    } else {
      throw new Error(`a block ${bytes[at]} at ${at} of ${bytes.length}`);
    }
  }
  if (at !== bytes.length - 1) throw new Error("something behind the end");
  return gif;
}

const [SEGMENT, CLUSTER, SIMPLE_BLOCK, BLOCK_GROUP, TRACKS, ENTRY, VIDEO, TAGS, TAG, SIMPLE_TAG] = [0x18538067, 0x1f43b675, 0xa3, 0xa0, 0x1654ae6b, 0xae, 0xe0, 0x1254c367, 0x7373, 0x67c8];
const INSIDE = new Set([SEGMENT, CLUSTER, TRACKS, ENTRY, VIDEO, TAGS, TAG, SIMPLE_TAG]);
/** What ends an element whose size is not told: one that can only be beside it. */
const ENDS = new Set([CLUSTER, TRACKS, TAGS, 0x1c53bb6b]);

/** What a WebM has: size of its video, the number of its pictures, its tags. */
export function readWebm(bytes) {
  const webm = { width: 0, height: 0, frames: 0, tags: {} };
  let name = "";
  const vint = (at, keep) => {
    const length = Math.clz32(bytes[at]) - 23;
    let value = BigInt(keep ? bytes[at] : bytes[at] & (0xff >> length));
    for (let next = 1; next < length; next++) value = value * 256n + BigInt(bytes[at + next]);
    return { value: Number(value), length, open: !keep && value === (1n << BigInt(7 * length)) - 1n };
  };
  const walk = (from, to, parent) => {
    let at = from;
    while (at < to) {
      const id = vint(at, true);
      if (parent === CLUSTER && ENDS.has(id.value)) return at;
      const size = vint(at + id.length, false);
      const start = at + id.length + size.length;
      const end = size.open ? to : start + size.value;
      if (end > to) throw new Error(`an element ${id.value.toString(16)} at ${at} is longer than what it is in`);
      const content = bytes.subarray(start, end);
      if (id.value === SIMPLE_BLOCK || id.value === BLOCK_GROUP) webm.frames++;
      if (parent === VIDEO && id.value === 0xb0) webm.width = content.readUIntBE(0, content.length);
      if (parent === VIDEO && id.value === 0xba) webm.height = content.readUIntBE(0, content.length);
      if (id.value === 0x45a3) name = content.toString("utf8");
      if (id.value === 0x4487) webm.tags[name] = content.toString("utf8");
      at = INSIDE.has(id.value) ? walk(start, end, id.value) : end;
    }
    return at;
  };
  if (bytes.readUInt32BE(0) !== 0x1a45dfa3) throw new Error("no EBML");
  walk(0, bytes.length, null);
  return webm;
}
