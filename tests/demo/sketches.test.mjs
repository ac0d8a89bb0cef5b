// Sketches, other noise, several sentences, and how pictures match words: in Node.js, where the package is the same.

import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PROMPT, TINY, cli, scratch } from "./harness.mjs";

let MirrorGan, gan, picture;

before(async () => {
  ({ MirrorGan } = await import("../../pkg/node.js"));
  gan = await MirrorGan.load(TINY);
  ({ image: picture } = last(await gan.generate(PROMPT, { seed: 7 })));
});

after(() => gan?.dispose());

const last = ({ pictures }) => pictures[0].stages.at(-1);
const refused = (call) => call.then(() => assert.fail("it was taken"), ({ code, message }) => `${code}: ${message}`);

test("a sketch is the first stage of the whole, and the same seed goes on from it", async () => {
  const whole = await gan.generate(PROMPT, { seed: 7 });
  for (const stages of [1, 2, 3]) {
    const told = [];
    const { pictures } = await gan.generate(PROMPT, { seed: 7, stages, onStage: ({ size }) => told.push(size) });
    assert.deepEqual(told, [64, 128, 256].slice(0, stages));
    assert.deepEqual(pictures[0].stages.map(({ image }) => image.data), whole.pictures[0].stages.slice(0, stages).map(({ image }) => image.data));
  }
  const { pictures } = await gan.generate(PROMPT, { seed: 7, stages: 1, caption: true });
  assert.deepEqual(pictures[0].caption, await gan.caption(pictures[0].stages[0].image));
  for (const stages of [0, 4, 1.5, "1", NaN]) assert.match(await refused(gan.generate(PROMPT, { stages })), /^bad-input: stages is .*from 1 to 3/);
});

test("noise goes from one seed to another, or is given", async () => {
  const at = async (seed, noise, count = 1) => (await gan.generate(PROMPT, { seed, noise, count, stages: 1 })).pictures.map(({ stages }) => stages[0].image.data);
  assert.deepEqual(await at(7, { towards: 8, position: 0 }, 2), await at(7, undefined, 2));
  assert.deepEqual(await at(7, { towards: 8n, position: 1 }, 2), await at(8, undefined, 2));
  const [half] = await at(7, { towards: 8, position: 0.5 });
  for (const seed of [7, 8]) assert.notDeepEqual(half, (await at(seed))[0]);

  const { z, epsilon } = gan.info.noise;
  const given = { z: Float32Array.from({ length: z }, (_, i) => Math.sin(i)), epsilon: new Array(epsilon).fill(0.5) };
  const [drawn] = await at(1, given);
  assert.deepEqual(await at(2, given), [drawn], "the seed counts no more");
  const twice = { z: [...given.z, ...given.z], epsilon: [...given.epsilon, ...given.epsilon] };
  assert.deepEqual(await at(1, twice, 2), [drawn, drawn]);

  const wrong = {
    "noise is 3; expected": 3,
    "noise has nothing": {},
    "noise has towards;": { towards: 1 },
    "noise has position and z": { position: 1, z: [] },
    "noise.position is 2": { towards: 1, position: 2 },
    "noise.position is NaN": { towards: 1, position: NaN },
    "seed is -1": { towards: -1, position: 0 },
    [`noise.z has 1 numbers; expected ${z}`]: { ...given, z: [1] },
    "noise.z is ": { ...given, z: "1" },
    "noise.epsilon has something that is no finite number": { ...given, epsilon: given.epsilon.map(() => NaN) },
  };
  for (const [message, noise] of Object.entries(wrong)) {
    const found = await refused(gan.generate(PROMPT, { noise }));
    assert.ok(found.startsWith(`bad-input: ${message}`), found);
  }
});

test("several sentences, searched or drawn, each with its probability", async () => {
  const greedy = await gan.caption(picture);
  const searched = await gan.caption(picture, { count: 5 });
  assert.equal(searched.length, 5);
  assert.ok(searched[0].logProbability >= greedy.logProbability - 1e-4);
  const falls = (captions) => captions.every(({ logProbability }, i) => i === 0 || logProbability <= captions[i - 1].logProbability);
  const differ = (captions) => new Set(captions.map(({ text }) => text)).size === captions.length;
  const drawn = await gan.caption(picture, { count: 4, sample: true, seed: 3 });
  for (const captions of [searched, drawn]) assert.ok(falls(captions) && differ(captions), JSON.stringify(captions));
  assert.deepEqual(await gan.caption(picture, { count: 4, sample: true, seed: 3n }), drawn);
  assert.equal((await gan.caption(picture, { count: 1 })).length, 1);

  for (const count of [0, 17, "2"]) assert.match(await refused(gan.caption(picture, { count })), /^bad-input: count is .*from 1 to 16/);
  assert.match(await refused(gan.caption(picture, { sample: true })), /^bad-input: sample and seed are of several sentences/);
  assert.match(await refused(gan.caption(picture, { count: 2, sample: "yes" })), /^bad-input: sample is "yes"/);
});

test("a picture is matched with words, as the command line does; the head is downloaded when it is first needed", async () => {
  const described = await MirrorGan.describe(TINY);
  assert.deepEqual(described.files.filter(({ when }) => when === "match").map(({ file }) => file), ["damsm.safetensors"]);
  const fresh = await MirrorGan.load(TINY);
  const asked = [];
  const onProgress = ({ file, status }) => status === "done" && asked.push(file);
  const found = await fresh.match(picture, PROMPT, { onProgress });
  assert.deepEqual(asked.sort(), ["damsm.safetensors", "stream.safetensors"]);
  assert.ok(fresh.info.matches);
  const known = found.tokens.filter(({ known }) => known);
  assert.deepEqual([found.words.length, found.places.words], [known.length, known.length]);
  const { size, weights } = found.places;
  for (let word = 0; word < known.length; word++) {
    const sum = weights.slice(word * size * size, (word + 1) * size * size).reduce((a, b) => a + b);
    assert.ok(Math.abs(sum - 1) < 1e-4, `${sum}`);
  }
  assert.deepEqual(await gan.match(picture, PROMPT), found);
  assert.notEqual((await gan.match(picture, "red")).similarity, found.similarity);

  const folder = scratch();
  const file = join(folder, "picture.png");
  cli("generate", PROMPT, "--model", TINY, "--seed", "7", "--out", file);
  const native = JSON.parse(cli("match", file, "--text", PROMPT, "--model", TINY, "--json"));
  assert.ok(Math.abs(native.similarity - found.similarity) < 1e-3, `${native.similarity} ${found.similarity}`);
  native.words.forEach(({ similarity }, i) => assert.ok(Math.abs(similarity - found.words[i]) < 1e-2, `${similarity} ${found.words[i]}`));

  assert.match(await refused(gan.match(picture, "")), /^empty-prompt/);
  assert.match(await refused(gan.match("nothing", PROMPT)), /^bad-input|^network/);
  await fresh.dispose();
});

test("a model without the head says so", async () => {
  const folder = join(scratch(), "model");
  cpSync(TINY, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  delete config.matcher;
  delete config.files["damsm.safetensors"];
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const without = await MirrorGan.load(folder);
  assert.equal(without.info.matches, false);
  assert.match(await refused(without.match(picture, PROMPT)), /^bad-input: this model has no image head/);
  await without.dispose();
});
