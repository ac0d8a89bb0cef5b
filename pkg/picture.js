// Any picture that a page can have, as ImageData.

import { MirrorGanError } from "./errors.js";

// The engine looks at 224 px; more than this costs memory and shows it nothing.
const LARGEST_SIDE = 1024;

function canvasOf(width, height) {
  if (typeof OffscreenCanvas === "function") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

const sideOf = (image, side) =>
  image[`natural${side}`] || image[`video${side}`] || image[`display${side}`] || image[side.toLowerCase()];

/** ImageData from ImageData, a Blob, or whatever drawImage takes. */
export async function toImageData(image) {
  if (image instanceof ImageData) return image;
  let source = image;
  if (image instanceof Blob) {
    try {
      source = await createImageBitmap(image);
    } catch (error) {
      throw new MirrorGanError("bad-input", "this file is not a picture that the browser can read", { cause: error });
    }
  }
  const [width, height] = [sideOf(source ?? {}, "Width"), sideOf(source ?? {}, "Height")];
  if (!(width > 0 && height > 0)) {
    throw new MirrorGanError("bad-input", "expected a picture: ImageData, ImageBitmap, Blob, image, video or canvas element");
  }
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  try {
    const context = canvasOf(w, h).getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, w, h);
    return context.getImageData(0, 0, w, h);
  } catch (error) {
    throw new MirrorGanError("bad-input", `the picture could not be read: ${error.message}`, { cause: error });
  } finally {
    if (source !== image) source.close();
  }
}
