// Films taken away: there and back again, as GIF or as WebM.

import { VERSION } from "./png.js";
import { saveBlob } from "./share.js";
import { element } from "./paint.js";

/** Pictures one way in a GIF, about: with each its size grows. */
const PICTURES = 16;
const DELAY = 120;
/** Pictures a second of a video, and its seconds. */
const [RATE, SECONDS] = [25, 6];

/** The places of `count` pictures of a film that goes there and back and begins anew: each once, but for the ends. */
export function places(steps) {
  return Array.from({ length: 2 * steps }, (_, index) => (index <= steps ? index : 2 * steps - index) / steps);
}

/** The places that a GIF shows of a film of `count` pictures: all of them, and what is between where there are few. */
export const gifPlaces = (count) => places((count - 1) * Math.max(1, Math.round(PICTURES / (count - 1))));

/** Saves a film as "gif" or "webm", with what it was drawn from in it. */
export async function saveFilm(film, kind, { name, title, facts }, signal) {
  const canvas = element("canvas");
  canvas.width = canvas.height = film.size;
  const context = canvas.getContext("2d", { willReadFrequently: kind === "gif" });
  const drawn = { ...facts, version: VERSION };
  let bytes;
  if (kind === "gif") {
    const { encode } = await import("./gif.js");
    const shown = gifPlaces(film.count);
    const pictureAt = (index) => {
      film.paint(context, shown[index]);
      return context.getImageData(0, 0, canvas.width, canvas.height);
    };
    bytes = await encode(shown.length, pictureAt, DELAY, drawn, signal);
  } else {
    const { record } = await import("./webm.js");
    const shown = places((RATE * SECONDS) / 2);
    const tags = { TITLE: title, ENCODER_SETTINGS: `MirrorGAN ${VERSION}`, MIRRORGAN: JSON.stringify(drawn) };
    bytes = await record(canvas, shown.length, (index) => film.paint(context, shown[index]), RATE, tags, signal);
  }
  saveBlob(new Blob([bytes], { type: kind === "gif" ? "image/gif" : "video/webm" }), `${name}.${kind}`);
}
