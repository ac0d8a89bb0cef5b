// The wall: pictures that the model drew beforehand, to look at while nothing is downloaded. Each is drawn anew at a click.

import { arrowKeys } from "./paint.js";

/** What gallery/gallery.json says of a model, or null: nothing, or pictures of other weights than these. */
async function galleryOf({ name, drawnBy }) {
  try {
    const response = await fetch("gallery/gallery.json");
    const all = await response.json();
    const gallery = Object.hasOwn(all, name) ? all[name] : null;
    return gallery?.drawnBy === drawnBy && Array.isArray(gallery.tiles) ? gallery : null;
  } catch {
    return null;
  }
}

/** Takes down what another model drew. */
export function clearWall() {
  document.getElementById("wall").replaceChildren();
}

/** Fills the wall for a model, unless it is not `wanted()` any more; `onChoice({prompt, seed}, image)` hears of a click. */
export async function hangWall(model, wanted, onChoice) {
  const root = document.getElementById("wall");
  const gallery = await galleryOf(model);
  if (!gallery) return;
  const sheet = new Image();
  sheet.src = `gallery/${model.name}.webp`;
  try {
    await sheet.decode();
  } catch {
    return;
  }
  if (!wanted()) return;
  clearWall();
  const side = sheet.naturalWidth / gallery.columns;
  for (const [index, { prompt, seed }] of gallery.tiles.entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tile";
    button.setAttribute("aria-label", `Draw: ${prompt}`);
    button.title = prompt;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const [left, top] = [(index % gallery.columns) * side, Math.floor(index / gallery.columns) * side];
    canvas.getContext("2d").drawImage(sheet, left, top, side, side, 0, 0, side, side);
    button.append(canvas);
    button.addEventListener("click", () => onChoice({ prompt, seed }, canvas));
    root.append(button);
  }
  arrowKeys(root);
}
