// What this browser offers, without downloading anything.

import { MOST_THREADS } from "./check.js";
import { GPU_LIMIT, findAdapter } from "./gpu.js";
import { canKeep } from "./kept.js";
import { platform } from "./platform.js";

// A function from an externref to a v128: valid only where WebAssembly has SIMD and reference types.
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 111, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Places where there are no Workers, or none in some browsers. */
const PLACES = { ServiceWorkerGlobalScope: "a service worker", SharedWorkerGlobalScope: "a SharedWorker", WorkletGlobalScope: "a worklet" };

/** What is missing, as `missing` names it and as a sentence of what is known. */
function findMissing() {
  const missing = [];
  const { WebAssembly } = globalThis;
  if (typeof WebAssembly !== "object") missing.push(["WebAssembly", "there is no WebAssembly here: this browser lacks it, or it is switched off"]);
  else if (!WebAssembly.validate(SIMD)) {
    const simd = "WebAssembly with SIMD and reference types";
    missing.push([simd, `this browser lacks ${simd}; a current one has them`]);
  }
  if (!platform.hasWorkers()) {
    const [, place] = Object.entries(PLACES).find(([scope]) => typeof globalThis[scope] === "function" && globalThis instanceof globalThis[scope]) ?? [];
    if (place) missing.push([`Workers in ${place}`, `there are no Workers in ${place}: load the model in a page or a Worker`]);
    else missing.push(["Workers", "there are no Workers here: this browser lacks them, or they are switched off"]);
  }
  return missing;
}

/** Why nothing works here; empty where it does. */
export const whyUnusable = () => findMissing().map(([, sentence]) => sentence).join(", and ");

/** `limit`: milliseconds that a GPU may take to answer; 0 does not ask it. */
export async function support(limit = GPU_LIMIT) {
  const missing = findMissing().map(([name]) => name);
  const [found, cache] = await Promise.all([limit ? findAdapter(limit) : null, canKeep()]);
  const adapter = found ?? null;
  const usable = missing.length === 0;
  return {
    usable,
    missing,
    wasm: !missing.some((name) => name.startsWith("WebAssembly")),
    worker: platform.hasWorkers(),
    webgpu: adapter !== null,
    adapter,
    cache,
    threads: usable ? Math.min(platform.threads(), MOST_THREADS) : 1,
    // A software adapter is far slower than the CPU path.
    device: usable ? (adapter && !adapter.software ? "webgpu" : "cpu") : null,
  };
}
