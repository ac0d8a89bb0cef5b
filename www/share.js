// Taking a picture away: as a file that knows what it was drawn from, as a strip of its steps, as a link.

import { linkTo } from "./link.js";
import { element } from "./paint.js";

const SIDE = 256;
const GAP = 8;

/** Saves a canvas as PNG with texts in it. */
export async function saveCanvas(canvas, name, texts) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const { withTexts } = await import("./png.js");
  saveBlob(new Blob([withTexts(new Uint8Array(await blob.arrayBuffer()), texts)], { type: "image/png" }), `${name}.png`);
}

/** Saves a file. */
export function saveBlob(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A text as a part of a file's name. */
export const plain = (text) => text.replace(/[^a-z0-9]+/gi, "-").slice(0, 60);

export const nameOf = ({ prompt, seed, noise }) => `${plain(prompt)}-${seed}${noise ? `-${plain(String(noise.position))}-${noise.towards}` : ""}`;

/** The first letters of the hash of the weights of a model, as far as the page knows them. */
export const weightsOf = (known, model) => (known?.name === model ? (known.drawnBy?.slice(0, 12) ?? null) : null);

/** The texts of what was drawn, with the weights that drew it. */
async function drawnTexts({ last, known }) {
  const { textsFor } = await import("./png.js");
  return textsFor({ ...last, weights: weightsOf(known, last.model) });
}

/** Saves the picture that is shown; gives what to say on the button. */
export async function savePicture(canvas, studio) {
  if (!canvas || !studio.last) return "Nothing to save";
  await saveCanvas(canvas, nameOf(studio.last), await drawnTexts(studio));
  return "Saved";
}

/** Saves the steps side by side, each as large as the last, the small ones as the few pixels that they are. */
export async function saveStrip(canvases, studio) {
  if (!canvases.length || !studio.last) return "Nothing to save";
  const strip = element("canvas");
  [strip.width, strip.height] = [canvases.length * (SIDE + GAP) - GAP, SIDE];
  const context = strip.getContext("2d");
  context.imageSmoothingEnabled = false;
  canvases.forEach((canvas, index) => context.drawImage(canvas, index * (SIDE + GAP), 0, SIDE, SIDE));
  await saveCanvas(strip, `${nameOf(studio.last)}-steps`, await drawnTexts(studio));
  return "Saved";
}

/** Copies the link that draws this picture again; gives what to say on the button, and to who does not see it. */
export async function copyLink(wish) {
  try {
    await navigator.clipboard.writeText(linkTo(wish));
    return { label: "Link copied.", status: "The link to this picture is in the clipboard." };
  } catch {
    return { label: "See the address", status: "The link to this picture is in the address bar." };
  }
}
