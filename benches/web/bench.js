// Times one picture of three stages, ours and onnxruntime-web's, in turn, on the same network.

import { MirrorGan } from "../pkg/index.js";
import { measure, runtime, threadsOf, timed } from "./measure.js";

const PROMPT = "this flower has pink petals and a yellow center";

async function ours(device, threads) {
  let gan;
  const load = await timed(async () => (gan = await MirrorGan.load("../models/flowers/", { device, threads, cache: false })));
  let seed = 0;
  const { adapter, precision, threads: taken } = gan.info;
  const name = device === "cpu" ? `mirrorgan, CPU, ${threadsOf(taken)}` : `mirrorgan, WebGPU, ${precision}`;
  return { name, adapter, load, run: () => gan.generate(PROMPT, { seed: seed++ }), memory: () => gan.info.memory, close: () => gan.dispose() };
}

/** onnxruntime-web gets the features that our STEM makes: it runs the generator alone. */
async function theirs(provider, threads, encoding) {
  const ort = await runtime(provider, threads);
  let session;
  const load = await timed(async () => {
    session = await ort.InferenceSession.create(new URL("../onnx/generator.onnx", location.href).href, { executionProviders: [provider] });
  });
  const { features, words, sentence } = encoding;
  const normal = (count) => Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
  const count = words.length / features;
  const columns = Float32Array.from({ length: words.length }, (_, i) => words[(i % count) * features + Math.floor(i / count)]);
  const { z_dim, condition_dim } = (await (await fetch("../models/flowers/config.json")).json()).generator;
  const run = () =>
    session.run({
      sentence: new ort.Tensor("float32", sentence, [1, features]),
      words: new ort.Tensor("float32", columns, [1, features, count]),
      noise: new ort.Tensor("float32", normal(z_dim), [1, z_dim]),
      epsilon: new ort.Tensor("float32", normal(condition_dim), [1, condition_dim]),
    });
  const kind = provider === "wasm" ? `wasm, ${threadsOf(threads)}` : "WebGPU, f32";
  return { name: `onnxruntime-web ${ort.env.versions.web}, ${kind}`, load, run, memory: () => null, close: () => session.release() };
}

/** `threads`: of both sides' wasm; onnxruntime-web's takes one value a page. After `limit` ms no third or later round begins. */
window.bench = async ({ threads, rounds, device = "cpu", limit = Infinity }) => {
  const start = performance.now();
  const first = await ours(device, threads);
  const gan = await MirrorGan.load("../models/flowers/", { device: "cpu", cache: false });
  const encoding = await gan.encode(PROMPT);
  await gan.dispose();
  const sides = [first, await theirs(device === "cpu" ? "wasm" : "webgpu", threads, encoding)];
  return { ...(await measure(sides, { rounds, limit, start })), adapter: first.adapter };
};
