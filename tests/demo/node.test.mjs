// The package in Node.js, on the CPU.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { PROMPT, ROOT, TINY, serve } from "./harness.mjs";
import { LIMIT } from "./watch.mjs";

let MirrorGan, gan, server;

before(async () => {
  ({ MirrorGan } = await import("../../pkg/node.js"));
  gan = await MirrorGan.load(TINY);
  server = await serve({ "models/tiny": TINY });
});

after(async () => {
  await gan?.dispose();
  server?.stop();
});

const last = ({ pictures }) => pictures[0].stages.at(-1).image;
const code = (promise) => promise.then(() => "ok", (error) => error.code);

test("a path, a relative one, a file: URL and an http: URL are the same model", async () => {
  const expected = last(await gan.generate(PROMPT, { seed: 7 }));
  assert.deepEqual([expected.width, expected.height, expected.data.length], [256, 256, 4 * 256 * 256]);
  for (const address of [relative(process.cwd(), TINY), pathToFileURL(TINY), `${pathToFileURL(TINY)}/`, new URL("models/tiny", server.address)]) {
    const other = await MirrorGan.load(address);
    assert.deepEqual(last(await other.generate(PROMPT, { seed: 7 })).data, expected.data);
    assert.equal((await MirrorGan.describe(address)).name, "tiny flowers");
    await other.dispose();
  }
});

test("as many threads as the processor has draw what one draws", async () => {
  const { threads } = await MirrorGan.support();
  assert.equal(threads, Math.min(availableParallelism(), 16));
  assert.equal(gan.info.threads, threads);
  const one = await MirrorGan.load(TINY, { threads: 1 });
  assert.equal(one.info.threads, 1);
  assert.deepEqual(last(await one.generate(PROMPT, { seed: 7 })).data, last(await gan.generate(PROMPT, { seed: 7 })).data);
  await one.dispose();
});

test("captions, cancelling and progress work as in a browser", async () => {
  const { pictures } = await gan.generate(PROMPT, { seed: 7, caption: true });
  assert.deepEqual(await gan.caption(pictures[0].stages.at(-1).image), pictures[0].caption);
  const controller = new AbortController();
  const sizes = [];
  const call = gan.generate(PROMPT, { count: 64, signal: controller.signal, onStage: ({ size }) => sizes.push(size) && controller.abort() });
  assert.equal(await code(call), "aborted");
  assert.deepEqual(sizes, [64]);
  const statuses = new Set();
  await (await MirrorGan.load(TINY, { onProgress: ({ status }) => statuses.add(status) })).dispose();
  assert.deepEqual([...statuses], ["initiate", "download", "progress", "done", "warm-up", "ready"]);
});

test("what cannot be done is told", async () => {
  assert.equal((await MirrorGan.support()).device, "cpu");
  assert.equal(await code(MirrorGan.load(TINY, { device: "webgpu" })), "unsupported");
  assert.equal(await code(MirrorGan.load(`${TINY}-nowhere`)), "network");
  assert.equal(await code(MirrorGan.load(`${TINY}/config.json`)), "network");
  assert.equal(await code(gan.caption(new Blob(["x"]))), "bad-input");
  assert.deepEqual(await MirrorGan.cached(), []);
  assert.equal(await MirrorGan.clearCache(), false);
});

test("a process that forgot to dispose ends all the same", () => {
  const script = `
    import { MirrorGan } from "./pkg/node.js";
    const gan = await MirrorGan.load(process.argv[1]);
    console.log((await gan.tokenize("pink zeppelin")).length);`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script, TINY], { cwd: ROOT, encoding: "utf8", timeout: LIMIT });
  assert.equal(out, "2\n");
});
