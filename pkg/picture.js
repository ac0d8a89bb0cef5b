// Any picture that a page can have, as RGBA pixels.

import { MirrorGanError } from "./errors.js";

// The engine looks at 224 px; more than this costs memory and shows it nothing.
const LARGEST_SIDE = 1024;

function canvasOf(width, height) {
  if (typeof OffscreenCanvas === "function") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

const sideOf = (image, side) =>
  image[`natural${side}`] || image[`video${side}`] || image[`display${side}`] || image[side.toLowerCase()];

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
  const whole = [width, height].every((side) => Number.isInteger(side) && side > 0 && side < 2 ** 15);
  if (!whole) throw new MirrorGanError("bad-input", `a picture of ${width}×${height} pixels; expected at least 1×1`);
  if (data.length !== 4 * width * height) {
    const found = data.length === 0 ? "its pixels are gone (detached)" : `it has ${data.length} bytes`;
    throw new MirrorGanError("bad-input", `a picture of ${width}×${height} pixels needs ${4 * width * height} bytes of RGBA; ${found}`);
  }
  return shrink({ data, width, height });
}

/** RGBA pixels, `{ data, width, height }`, from ImageData, a Blob, or whatever drawImage takes. */
export async function toImageData(image) {
  const isBytes = (data) => data instanceof Uint8ClampedArray || data instanceof Uint8Array;
  if (typeof image === "object" && image !== null && isBytes(image.data)) return fromPixels(image);
  if (typeof createImageBitmap !== "function") {
    throw new MirrorGanError("bad-input", "expected { data, width, height } with RGBA bytes; here is nothing that decodes pictures");
  }
  let source = image;
  if (image instanceof Blob) {
    try {
      source = await createImageBitmap(image);
    } catch (error) {
      throw new MirrorGanError("bad-input", "this file is not a picture that the browser can read", { cause: error });
    }
  }
  const isObject = typeof source === "object" && source !== null;
  const [width, height] = isObject ? [sideOf(source, "Width"), sideOf(source, "Height")] : [];
  if (!(width > 0 && height > 0)) {
    throw new MirrorGanError("bad-input", "expected a picture: ImageData, ImageBitmap, Blob, image, video or canvas element");
  }
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  try {
    const context = canvasOf(w, h).getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, w, h);
    const { data } = context.getImageData(0, 0, w, h);
    return { data, width: w, height: h };
  } catch (error) {
    throw new MirrorGanError("bad-input", `the picture could not be read: ${error.message}`, { cause: error });
  } finally {
    if (source !== image) source.close();
  }
}
