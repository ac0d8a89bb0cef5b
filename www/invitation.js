// A shared link: what it will draw and what that costs, before anything big is downloaded.

import { bytes, shortened } from "./text.js";

const $ = (id) => document.getElementById(id);

/** Writes a link's picture as an offer; `onAccept()` hears of the click. */
export function invite({ prompt, seed }, known, onAccept) {
  const words = prompt.split(" ").map(shortened).join(" ");
  $("invitation-prompt").textContent = words.length > 300 ? `${words.slice(0, 300)}…` : words;
  const which = `Drawn by the model “${known.title}”${seed === null ? "" : ` with seed ${seed}`}.`;
  $("invitation-cost").textContent = `${which} Your browser downloads ${bytes(known.missingToDraw)} for it, once, and draws the same picture.`;
  $("invitation-draw").onclick = onAccept;
}
