// The page without network: a service worker keeps its files.

import { TOOLS } from "./tools.js";

/** Registers it; where there is none, or it is refused, the page works with network only. */
export async function keepPage() {
  try {
    await navigator.serviceWorker.register("sw.js");
    const { active } = await navigator.serviceWorker.ready;
    // What was loaded before it started did not pass through it.
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
    const later = TOOLS.map((file) => new URL(file, document.baseURI).href);
    active.postMessage([location.href.replace(/#.*/s, ""), ...loaded, ...later]);
  } catch {
    // Private windows and pages without https may refuse.
  }
}
