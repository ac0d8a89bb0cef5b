// Films taken away: there and back again, as GIF or as WebM.

import { TAG } from "./filmed.js";
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

/** Lets the page do what else it has to do. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The bytes of a GIF, made beside the page: encoding a film takes seconds in which nothing here would move. */
async function encoded(count, pictureAt, facts, signal, onShare) {
  const worker = new Worker(new URL("./gif_worker.js", import.meta.url), { type: "module" });
  try {
    const made = new Promise((resolve, reject) => {
      worker.addEventListener("message", ({ data }) => (data.bytes ? resolve(data.bytes) : onShare(data.done / count)));
      worker.addEventListener("error", ({ message }) => reject(message ? new Error(message) : Object.assign(new Error("a part of this page did not arrive"), { code: "network" })));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    // What fails before it is waited for is not unheard of.
    made.catch(() => {});
    for (let index = 0; index < count; index++) {
      await pause();
      signal.throwIfAborted();
      const { data, width, height } = pictureAt(index);
      worker.postMessage({ picture: { data, width, height } }, [data.buffer]);
    }
    worker.postMessage({ delay: DELAY, facts });
    return await made;
  } finally {
    worker.terminate();
  }
}

/** Saves a film as "gif" or "webm", with what it was drawn from in it; `onShare(share)` hears how far it is, from 0 to 1. */
export async function saveFilm(film, kind, { name, title, facts }, signal, onShare) {
  const canvas = element("canvas");
  canvas.width = canvas.height = film.size;
  const context = canvas.getContext("2d", { willReadFrequently: kind === "gif" });
  const drawn = { ...facts, version: VERSION };
  let bytes;
  if (kind === "gif") {
    const shown = gifPlaces(film.count);
    const pictureAt = (index) => {
      film.paint(context, shown[index]);
      return context.getImageData(0, 0, canvas.width, canvas.height);
    };
    bytes = await encoded(shown.length, pictureAt, drawn, signal, onShare);
  } else {
    const { record } = await import("./webm.js");
    const shown = places((RATE * SECONDS) / 2);
    const tags = { TITLE: title, ENCODER_SETTINGS: `MirrorGAN ${VERSION}`, [TAG]: JSON.stringify(drawn) };
    const paint = (index) => {
      film.paint(context, shown[index]);
      onShare((index + 1) / shown.length);
    };
    bytes = await record(canvas, shown.length, paint, RATE, tags, signal);
  }
  saveBlob(new Blob([bytes], { type: kind === "gif" ? "image/gif" : "video/webm" }), `${name}.${kind}`);
}
