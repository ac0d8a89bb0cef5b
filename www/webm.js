// A film as WebM, recorded by the browser, with tags that say what it was drawn from (RFC 9559, 5.1.8: Tags).

const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];
const BITS = 4_000_000;
const [TAGS, TAG, TARGETS, SIMPLE, NAME, STRING] = [0x1254c367, 0x7373, 0x63c0, 0x67c8, 0x45a3, 0x4487];
const [HEADER, SEGMENT] = [0x1a45dfa3, 0x18538067];

/** The type that this browser records, or null. */
export const recorded = () => TYPES.find((type) => globalThis.MediaRecorder?.isTypeSupported(type)) ?? null;

const numberBytes = (id) => [24, 16, 8, 0].map((shift) => (id >>> shift) & 255).filter((byte, index, all) => byte || all.slice(0, index).some(Boolean));

/** A size in eight bytes. */
const sizeBytes = (size) => [0x01, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (size >>> shift) & 255)];

/** An element of EBML: its name, how long it is, what is in it. */
const box = (id, content) => [...numberBytes(id), ...sizeBytes(content.length), ...content];

/** Name and size at a place: `{ id, size, from, width }`; the size, of `width` bytes before `from`, is null where the writer did not know it. */
export function elementAt(bytes, at) {
  const read = (start, keep) => {
    const length = Math.clz32(bytes[start]) - 23;
    let value = keep ? bytes[start] : bytes[start] & (0xff >> length);
    let full = (bytes[start] & (0xff >> length)) === 0xff >> length;
    for (let next = 1; next < length; next++) {
      value = value * 256 + bytes[start + next];
      full &&= bytes[start + next] === 255;
    }
    return { value, full, length };
  };
  const id = read(at, true);
  const size = read(at + id.length, false);
  return { id: id.value, size: size.full ? null : size.value, from: at + id.length + size.length, width: size.length };
}

/** A WebM with tags, `{ NAME: text }`, at the end of its segment, which has to be the file's; else as it is. */
export function withTags(webm, tags) {
  const header = elementAt(webm, 0);
  if (header.id !== HEADER) return webm;
  const segment = elementAt(webm, header.from + header.size);
  const { size, from, width } = segment;
  // Browsers leave the size open, or write it in the end, in eight bytes.
  if (segment.id !== SEGMENT || (size !== null && (width !== 8 || from + size !== webm.length))) return webm;
  const text = (words) => [...new TextEncoder().encode(words)];
  const simple = Object.entries(tags).flatMap(([name, words]) => box(SIMPLE, [...box(NAME, text(name)), ...box(STRING, text(words))]));
  const end = box(TAGS, box(TAG, [...box(TARGETS, []), ...simple]));
  const whole = new Uint8Array(webm.length + end.length);
  whole.set(webm);
  whole.set(end, webm.length);
  if (size !== null) whole.set(sizeBytes(size + end.length), from - width);
  return whole;
}

/** Records `count` pictures that `paint(index)` puts on a canvas, so many a second, in the time that they take. */
export async function record(canvas, count, paint, rate, tags, signal) {
  const stream = canvas.captureStream(0);
  const [track] = stream.getVideoTracks();
  const recorder = new MediaRecorder(stream, { mimeType: recorded(), videoBitsPerSecond: BITS });
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const ended = new Promise((resolve, reject) => {
    recorder.addEventListener("stop", resolve);
    recorder.addEventListener("error", ({ error }) => reject(error));
  });
  try {
    recorder.start();
    const began = performance.now();
    for (let index = 0; index < count; index++) {
      signal.throwIfAborted();
      paint(index);
      track.requestFrame();
      await new Promise((resolve) => setTimeout(resolve, began + (1000 * (index + 1)) / rate - performance.now()));
    }
  } finally {
    if (recorder.state !== "inactive") recorder.stop();
    await ended;
    track.stop();
  }
  const webm = new Uint8Array(await new Blob(parts).arrayBuffer());
  return withTags(webm, tags);
}
