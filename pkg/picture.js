// Any picture that a page can have, of whatever realm, as RGBA pixels.

import { MirrorGanError, aborted, bad, messageOf } from "./errors.js";
import { isBlob, isBytes, kindOf } from "./kinds.js";
import { platform } from "./platform.js";

// The engine looks at 224 px; more than this costs memory and shows it nothing.
const LARGEST_SIDE = 1024;

function canvasOf(width, height) {
  if (typeof OffscreenCanvas === "function") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

function sideOf(image, side) {
  const own = image[side.toLowerCase()];
  // The last is that of an image within an SVG.
  return image[`natural${side}`] || image[`video${side}`] || image[`display${side}`] || (own?.baseVal?.value ?? own);
}

/** Pixels of whole blocks averaged, so that neither side is longer than what is of use. */
function shrink({ data, width, height }) {
  const factor = Math.ceil(Math.max(width, height) / LARGEST_SIDE);
  if (factor === 1) return { data, width, height };
  const [w, h] = [Math.max(1, Math.floor(width / factor)), Math.max(1, Math.floor(height / factor))];
  const [across, down] = [Math.min(factor, width), Math.min(factor, height)];
  const small = new Uint8ClampedArray(4 * w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const sum = [0, 0, 0, 0];
      for (let dy = 0; dy < down; dy++) {
        let from = 4 * ((y * factor + dy) * width + x * factor);
        for (let dx = 0; dx < across; dx++, from += 4) {
          for (let channel = 0; channel < 4; channel++) sum[channel] += data[from + channel];
        }
      }
      for (let channel = 0; channel < 4; channel++) small[4 * (y * w + x) + channel] = sum[channel] / (across * down);
    }
  }
  return { data: small, width: w, height: h };
}

/** Pixels that the caller has already: ImageData, or what looks like it. */
function fromPixels({ data, width, height }) {
  const kind = kindOf(data);
  if (!["Uint8ClampedArray", "Uint8Array"].includes(kind)) throw bad(`the picture's data is a ${kind}; expected a Uint8ClampedArray or a Uint8Array`);
  const whole = [width, height].every((side) => Number.isInteger(side) && side > 0 && side < 2 ** 15);
  if (!whole) throw bad(`a picture of ${width}×${height} pixels; expected at least 1×1`);
  if (data.length !== 4 * width * height) {
    const found = data.length === 0 ? "its pixels are gone (detached)" : `it has ${data.length} bytes`;
    throw bad(`a picture of ${width}×${height} pixels needs ${4 * width * height} bytes of RGBA; ${found}`);
  }
  const small = shrink({ data, width, height });
  // A copy, clamped: a view of more, or of shared memory, could not be handed over or would take all of it along.
  return { ...small, data: new Uint8ClampedArray(small.data) };
}

/** What drawImage takes, of a file that is here or at an address; itself where it is none. */
async function decode(image, signal) {
  const kind = kindOf(image);
  let file = image;
  if (kind === "URL") {
    try {
      file = await platform.fetch(String(image), { signal });
    } catch (error) {
      if (signal?.aborted) throw aborted(signal);
      throw new MirrorGanError("network", `the picture could not be downloaded: ${messageOf(error)}`, { cause: error });
    }
  }
  if (kindOf(file) === "Response") {
    if (!file.ok) throw new MirrorGanError("network", `the picture: the server answered ${file.status} ${file.statusText}`.trim());
    file = await file.blob();
  }
  if (isBytes(file)) file = new Blob([file]);
  if (!isBlob(file)) return image;
  try {
    return await createImageBitmap(file);
  } catch (error) {
    throw bad("this file is not a picture that the browser can read", error);
  }
}

/** Draws it, no larger than needed, and reads the pixels. */
function fromSource(source) {
  const isObject = typeof source === "object" && source !== null;
  const [width, height] = isObject ? [sideOf(source, "Width"), sideOf(source, "Height")] : [];
  if (!(width > 0 && height > 0)) throw bad("expected a picture: ImageData, ImageBitmap, Blob, URL, image, video or canvas element");
  // Of one that has no frame yet drawImage draws nothing, and says nothing.
  if (source.readyState < 2) throw bad("the video has no picture yet");
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const context = canvasOf(w, h).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, w, h);
  const { data } = context.getImageData(0, 0, w, h);
  return { data, width: w, height: h };
}

/** RGBA pixels, `{ data, width, height }`, from ImageData, a file or its address, or whatever drawImage takes. */
export async function toImageData(image, signal) {
  let source;
  try {
    if (typeof image === "object" && image !== null && ArrayBuffer.isView(image.data)) return fromPixels(image);
    if (typeof createImageBitmap !== "function") throw bad("expected { data, width, height } with RGBA bytes; here is nothing that decodes pictures");
    // As above: an image that is not there yet.
    if (image?.complete === false) await image.decode();
    source = await decode(image, signal);
    return fromSource(source);
  } catch (error) {
    if (error instanceof MirrorGanError) throw error;
    throw bad(`the picture could not be read: ${messageOf(error)}`, error);
  } finally {
    if (source && source !== image) source.close();
  }
}
