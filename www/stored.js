// The model files that the browser keeps: how much they are, and a way to be rid of them.

import { MirrorGan } from "./pkg/index.js";
import { bytes } from "./text.js";

const $ = (id) => document.getElementById(id);

let asked = 0;

/** Says what is kept, where anything is; the newest question counts. */
export async function tellKept() {
  const question = ++asked;
  const files = await MirrorGan.cached().catch(() => []);
  if (question !== asked) return;
  // A model's description is kept by merely looking at it: that is no model yet.
  const weights = files.some(({ sha256 }) => sha256 !== null);
  const total = weights ? files.reduce((sum, file) => sum + file.bytes, 0) : 0;
  $("kept").hidden = !total;
  $("kept-text").textContent = `Your browser keeps ${bytes(total)} of model files for the next visit.`;
}

/** Makes the button work that removes them; `tell(text)` gets a sentence. */
export function watchForget(tell) {
  $("forget").addEventListener("click", async () => {
    await MirrorGan.clearCache();
    await tellKept();
    tell("The model files are removed; the next visit downloads them again.");
    $("prompt").focus();
  });
}
