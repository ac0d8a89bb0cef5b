// Times one description of a picture of 256 px, ours and onnxruntime-web's, in turn, by the same STREAM.

import { MirrorGan } from "../pkg/index.js";
import { measure, runtime, threadsOf, timed } from "./measure.js";

const END = 0;

/** Loading has STREAM in it, which comes with the first description. */
async function ours(threads, picture) {
  let gan;
  const load = await timed(async () => {
    gan = await MirrorGan.load("../models/flowers/", { device: "cpu", threads, cache: false });
    await gan.caption(picture);
  });
  let said;
  return {
    name: `mirrorgan, CPU, ${threadsOf(gan.info.threads)}`,
    load,
    run: async () => (said = await gan.caption(picture)),
    said: () => said.words,
    memory: () => gan.info.memory,
    close: () => gan.dispose(),
  };
}

/** One step of the decoder after the other until the end mark, as anybody would run it. */
async function theirs(threads, picture, stream, vocabulary) {
  const ort = await runtime("wasm", threads);
  let encoder, decoder;
  const open = (name) => ort.InferenceSession.create(new URL(`../onnx/${name}.onnx`, location.href).href, { executionProviders: ["wasm"] });
  const load = await timed(async () => ([encoder, decoder] = [await open("encoder"), await open("decoder")]));
  const zeros = () => new ort.Tensor("float32", new Float32Array(stream.hidden), [1, stream.hidden]);
  let words;
  const run = async () => {
    const plane = picture.width * picture.height;
    const values = new Float32Array(3 * plane);
    for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) values[c * plane + i] = picture.data[4 * i + c] / 127.5 - 1;
    const image = new ort.Tensor("float32", values, [1, 3, picture.height, picture.width]);
    let { input } = await encoder.run({ image });
    let [hidden, cell] = [zeros(), zeros()];
    words = [];
    while (words.length < stream.max_words) {
      const step = await decoder.run({ input, hidden, cell });
      const word = Number(step.word.data[0]);
      if (word === END) break;
      words.push(vocabulary[word]);
      ({ next_input: input, next_hidden: hidden, next_cell: cell } = step);
    }
  };
  const close = async () => {
    await encoder.release();
    await decoder.release();
  };
  return { name: `onnxruntime-web ${ort.env.versions.web}, wasm, ${threadsOf(threads)}`, load, run, said: () => words, memory: () => null, close };
}

/** `threads`: of both sides' wasm; onnxruntime-web's takes one value a page. */
window.describe = async ({ threads, rounds }) => {
  const gan = await MirrorGan.load("../models/flowers/", { device: "cpu", cache: false });
  const drawn = await gan.generate("this flower has pink petals and a yellow center", { seed: 7 });
  const picture = drawn.pictures[0].stages.at(-1).image;
  await gan.dispose();
  const { stream } = await (await fetch("../models/flowers/config.json")).json();
  const vocabulary = (await (await fetch("../models/flowers/vocab.txt")).text()).split("\n");
  const sides = [await ours(threads, picture), await theirs(threads, picture, stream, vocabulary)];
  const result = await measure(sides, { rounds });
  const [found, expected] = sides.map((side) => side.said().join(" "));
  if (found !== expected) throw new Error(`the two say different things: “${found}” and “${expected}”`);
  return { ...result, adapter: null, words: expected };
};
