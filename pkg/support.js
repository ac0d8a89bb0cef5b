// What this browser offers, without downloading anything.

import { MOST_THREADS } from "./check.js";
import { platform } from "./platform.js";

// A function from an externref to a v128: valid only where WebAssembly has SIMD and reference types.
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 111, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

async function findAdapter() {
  try {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return null;
    const { vendor = "", architecture = "", device = "", description = "" } = adapter.info ?? {};
    const software =
      Boolean(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) ||
      SOFTWARE.test([vendor, architecture, device, description].join(" "));
    return { vendor, architecture, device, description, software, half: adapter.features?.has("shader-f16") ?? false };
  } catch {
    return null;
  }
}

export async function support() {
  const wasm = typeof WebAssembly === "object" && WebAssembly.validate(SIMD);
  const worker = platform.hasWorkers();
  const adapter = await findAdapter();
  const missing = [];
  if (!wasm) missing.push("WebAssembly with SIMD and reference types");
  if (!worker) missing.push("module Workers");
  const usable = missing.length === 0;
  return {
    usable,
    missing,
    wasm,
    worker,
    webgpu: adapter !== null,
    adapter,
    cache: typeof caches === "object",
    threads: usable ? Math.min(platform.threads(), MOST_THREADS) : 1,
    // A software adapter is far slower than the CPU path.
    device: usable ? (adapter && !adapter.software ? "webgpu" : "cpu") : null,
  };
}
