// The program that a visitor downloads beside a model: one of three WebAssembly modules.

import { MirrorGan } from "./pkg/index.js";

/** Bytes of each: as it is, and packed with gzip, as hosts that compress send it. Kept true by tests/demo/weight.test.mjs. */
export const MODULES = {
  cpu: { file: "mirrorgan_cpu_bg.wasm", bytes: 2_075_539, packed: 654_024 },
  threads: { file: "mirrorgan_threads_bg.wasm", bytes: 2_157_710, packed: 672_787 },
  webgpu: { file: "mirrorgan_webgpu_bg.wasm", bytes: 12_838_555, packed: 3_105_226 },
};

/** Whether this host compresses what it sends, as seen on the scripts that came. */
const compresses = () =>
  performance.getEntriesByType("resource").some(({ name, encodedBodySize, decodedBodySize }) => /\.js$/.test(name) && encodedBodySize > 0 && encodedBodySize < decodedBodySize);

let supported = null;

/** Which module draws on a device ("auto", "cpu" or "webgpu"), what it costs, and whether it is here already. */
export async function programOf(device) {
  supported ??= MirrorGan.support();
  const { device: best, threads } = await supported;
  const chosen = device === "auto" ? best : device;
  const { file, bytes, packed } = MODULES[chosen === "webgpu" ? "webgpu" : threads > 1 ? "threads" : "cpu"];
  const kept = await MirrorGan.cached().catch(() => []);
  return { file, bytes: compresses() ? packed : bytes, cached: kept.some(({ url }) => url.endsWith(`/${file}`)) };
}
