// Times two sides in turn in one page.

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export async function timed(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

export const threadsOf = (count) => `${count} thread${count > 1 ? "s" : ""}`;

/** onnxruntime-web for a provider; the build without WebGPU is the smaller and the usual one for the CPU. */
export async function runtime(provider, threads) {
  const ort = await import(provider === "wasm" ? "../ort/ort.wasm.min.mjs" : "../ort/ort.webgpu.min.mjs");
  ort.env.wasm.wasmPaths = new URL("../ort/", location.href).href;
  ort.env.wasm.numThreads = threads;
  return ort;
}

/** Each of `sides`, once for its first time and then round after round; after `limit` ms since `start` no third or later round begins. */
export async function measure(sides, { rounds, limit = Infinity, start = performance.now() }) {
  const times = sides.map(() => []);
  const firsts = [];
  for (const side of sides) firsts.push(await timed(side.run));
  for (let round = 0; round < rounds && (round < 2 || performance.now() - start < limit); round++) {
    for (const [index, side] of sides.entries()) times[index].push(await timed(side.run));
  }
  const rows = sides.map((side, index) => ({
    name: side.name,
    load: side.load,
    first: firsts[index],
    median: median(times[index]),
    least: Math.min(...times[index]),
    memory: side.memory(),
  }));
  for (const side of sides) await side.close();
  const ratios = times[0].map((ours, round) => ours / times[1][round]);
  return { rows, ratio: { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }, rounds: ratios.length };
}
