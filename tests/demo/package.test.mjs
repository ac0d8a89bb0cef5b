// The package's own calls, in a page that has nothing but them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PROMPT, TINY, openBrowser, openPage, serve } from "./harness.mjs";

let browser, server, page;

before(async () => {
  [browser, server] = [await openBrowser(), await serve({ "models/tiny": TINY })];
  page = await openPage(browser, server.address);
});

after(async () => {
  await browser?.close();
  server?.stop();
});

/** Runs `body(MirrorGan, prompt)` in the page. */
const inPage = (body) =>
  page.evaluate(`import(new URL("pkg/index.js", location.href).href).then(({ MirrorGan }) => (${body})(MirrorGan, ${JSON.stringify(PROMPT)}))`);

/** The code of the error that `body` ends with. */
const codeOf = (body) =>
  inPage(`async (MirrorGan, prompt) => { try { await (${body})(MirrorGan, prompt); return null; } catch (error) { return [error.name, error.code]; } }`);

test("support says what auto takes: not a software adapter", async () => {
  const offered = await inPage("(MirrorGan) => MirrorGan.support()");
  assert.equal(offered.usable, true);
  assert.equal(offered.device, "cpu");
  if (offered.webgpu) assert.equal(offered.adapter.software, true);
});

test("every call of the API answers as documented", async () => {
  const answers = await inPage(`async (MirrorGan, prompt) => {
    const statuses = new Set();
    const preview = await MirrorGan.preview("models/tiny");
    const gan = await MirrorGan.load("models/tiny", { onProgress: ({ status }) => statuses.add(status) });
    const order = [];
    const result = await gan.generate(prompt, { seed: 7n, count: 2, caption: true, onStage: ({ picture, size }) => order.push([picture, size]) });
    const again = await gan.generate(prompt, { seed: 7 });
    const last = (picture) => picture.stages.at(-1).image.data.join();
    const frames = await gan.blend(prompt, "a white flower", { steps: 3, seed: 7 });
    const encoding = await gan.encode(prompt);
    const { weights, words, size } = result.pictures[0].stages[1].attention;
    let sum = 0;
    for (let word = 0; word < words; word++) sum += weights[word * size * size];
    const answers = {
      preview: preview.bytes > 0,
      statuses: [...statuses],
      order,
      tokens: result.tokens.length,
      seed: String(result.seed),
      repeated: last(result.pictures[0]) === last(again.pictures[0]),
      different: last(result.pictures[0]) !== last(result.pictures[1]),
      caption: typeof result.pictures[1].caption.text,
      sum,
      frames: frames.map((frame) => [frame.frame, frame.position]),
      firstFrame: frames[0].image.data.join() === last(again.pictures[0]),
      wordValues: encoding.words.length / encoding.features,
      known: (await gan.tokenize("pink zeppelin")).map((token) => token.known),
      own: typeof (await gan.caption(result.pictures[0].stages[2].image)).logProbability,
      info: gan.info,
      kept: (await MirrorGan.cached()).length,
    };
    await gan.dispose();
    return answers;
  }`);
  assert.deepEqual(answers.statuses.filter((status) => status !== "progress"), ["initiate", "download", "done", "ready"]);
  assert.deepEqual(answers.order, [0, 1].flatMap((picture) => [64, 128, 256].map((size) => [picture, size])));
  assert.equal(answers.seed, "7");
  assert.deepEqual([answers.preview, answers.repeated, answers.different], [true, true, true]);
  assert.equal(answers.caption, "string");
  assert.ok(Math.abs(answers.sum - 1) < 1e-4, `attention at a pixel sums to ${answers.sum}`);
  assert.deepEqual(answers.frames, [[0, 0], [1, 0.5], [2, 1]]);
  assert.equal(answers.wordValues, answers.tokens);
  assert.deepEqual(answers.known, [true, false]);
  assert.equal(answers.own, "number");
  assert.equal(answers.info.device, "cpu");
  assert.ok(answers.info.memory > 0 && answers.info.captions && answers.kept >= 4);
});

test("errors have their codes", async () => {
  const load = `const gan = await MirrorGan.load("models/tiny");`;
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.generate(" "); }`), ["MirrorGanError", "empty-prompt"]);
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.generate("quux"); }`), ["MirrorGanError", "empty-prompt"]);
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.generate("pink", { count: 0 }); }`), ["MirrorGanError", "bad-input"]);
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.generate("pink", { seed: -1 }); }`), ["MirrorGanError", "bad-input"]);
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.generate(3); }`), ["MirrorGanError", "bad-input"]);
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.caption("no picture"); }`), ["MirrorGanError", "bad-input"]);
  assert.deepEqual(await codeOf(`async (MirrorGan) => { ${load} await gan.dispose(); await gan.generate("pink"); }`), ["MirrorGanError", "disposed"]);
  assert.deepEqual(await codeOf(`(MirrorGan) => MirrorGan.load("models/nowhere")`), ["MirrorGanError", "network"]);
  assert.deepEqual(await codeOf(`(MirrorGan) => MirrorGan.load("models/tiny", { device: "abacus" })`), ["MirrorGanError", "bad-input"]);
  assert.deepEqual(await codeOf(`(MirrorGan) => MirrorGan.load("models/tiny", { signal: AbortSignal.abort() })`), ["AbortError", "aborted"]);
});

test("a signal stops a call between its stages, and the next call works", async () => {
  const [code, sizes] = await inPage(`async (MirrorGan, prompt) => {
    const gan = await MirrorGan.load("models/tiny");
    const controller = new AbortController();
    let code = null;
    await gan.generate(prompt, { signal: controller.signal, onStage: () => controller.abort() }).catch((error) => (code = error.code));
    const { pictures } = await gan.generate(prompt);
    await gan.dispose();
    return [code, pictures[0].stages.map((stage) => stage.size)];
  }`);
  assert.equal(code, "aborted");
  assert.deepEqual(sizes, [64, 128, 256]);
});

// A real loss cannot be ordered from a browser: the Worker's message about one is told to the client instead.
const LOSE = `
  const workers = [];
  const worker = () => {
    workers.push(new Worker(new URL("pkg/worker.js", location.href), { type: "module" }));
    return workers.at(-1);
  };
  const lose = () => workers.at(-1).dispatchEvent(new MessageEvent("message", { data: { crash: { code: "device-lost", message: "simulated", words: [] } } }));
`;

test("an engine that crashed is replaced for the next call", async () => {
  const [code, made, size] = await inPage(`async (MirrorGan, prompt) => {
    ${LOSE}
    const gan = await MirrorGan.load("models/tiny", { device: "cpu", worker });
    const call = gan.generate(prompt);
    lose();
    const code = await call.then(() => null, (error) => error.code);
    const { pictures } = await gan.generate(prompt);
    await gan.dispose();
    return [code, workers.length, pictures[0].stages.at(-1).size];
  }`);
  assert.deepEqual([code, made, size], ["device-lost", 2, 256]);
});

test("a lost WebGPU device is replaced once, then the CPU takes over, and the caller is told", async () => {
  const answers = await inPage(`async (MirrorGan, prompt) => {
    ${LOSE}
    const told = [];
    const onDevice = ({ device, reason }) => told.push([device, reason.code]);
    const gan = await MirrorGan.load("models/tiny", { device: "webgpu", warmUp: false, worker, onDevice });
    const devices = [];
    for (let time = 0; time < 2; time++) {
      const call = gan.generate(prompt, { seed: 7 });
      lose();
      devices.push((await call).device);
    }
    await gan.dispose();
    return { told, devices, made: workers.length };
  }`);
  assert.deepEqual(answers.told, [["webgpu", "device-lost"], ["cpu", "device-lost"]]);
  assert.deepEqual(answers.devices, ["webgpu", "cpu"]);
  assert.equal(answers.made, 3);
});

test("hundreds of calls take no more memory than ten", async () => {
  const [early, late] = await inPage(`async (MirrorGan, prompt) => {
    const gan = await MirrorGan.load("models/tiny");
    const run = async (count) => {
      for (let seed = 0; seed < count; seed++) await gan.generate(prompt, { seed });
      return gan.info.memory;
    };
    const sizes = [await run(10), await run(100)];
    await gan.dispose();
    return sizes;
  }`);
  assert.equal(late, early);
});
