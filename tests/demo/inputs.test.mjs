// Whatever a call is given: a typed error, never a hang or an exception of another kind, and the next call works.

import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, TINY, damaged, openBrowser, openPage, serve } from "./harness.mjs";
import { LIMIT } from "./watch.mjs";

let browser, server, page;

const whole = (file) => (folder) => join(folder, file);
const edit = (file, change) => damaged((folder) => change(whole(file)(folder)), TINY);
const newer = (path) => writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path)), format_version: 999 }));
const otherSha = (path) => {
  const config = JSON.parse(readFileSync(path));
  config.files["glam.safetensors"].sha256 = "0".repeat(64);
  writeFileSync(path, JSON.stringify(config));
};

before(async () => {
  server = await serve({
    faulty: join(ROOT, "tests", "demo", "faulty"),
    "models/tiny": TINY,
    "models/html": edit("glam.safetensors", (path) => writeFileSync(path, "<!doctype html><title>Not found</title>")),
    "models/half": edit("glam.safetensors", (path) => truncateSync(path, statSync(path).size / 2)),
    "models/hole": edit("vocab.txt", (path) => rmSync(path)),
    "models/sha": edit("config.json", otherSha),
    "models/newer": edit("config.json", newer),
    "models/page": edit("config.json", (path) => writeFileSync(path, "<!doctype html>")),
    "models/empty": edit("config.json", (path) => writeFileSync(path, "")),
    "models/null": edit("config.json", (path) => writeFileSync(path, "null")),
    "models/list": edit("config.json", (path) => writeFileSync(path, '{"format_version":1,"files":[]}')),
    "models/mute": edit("stream.safetensors", (path) => rmSync(path)),
  });
  browser = await openBrowser();
  page = await openPage(browser, server.address);
  await page.evaluate(async () => {
    const { MirrorGan, MirrorGanError } = await import(new URL("pkg/index.js", location.href).href);
    const gan = await MirrorGan.load("models/tiny");
    const detached = new ImageData(8, 8);
    structuredClone(detached.data.buffer, { transfer: [detached.data.buffer] });
    const shut = await createImageBitmap(new ImageData(8, 8));
    shut.close();
    const gone = await MirrorGan.load("models/tiny");
    await gone.dispose();
    const words = (count, word = "pink") => Array(count).fill(word).join(" ");
    const throws = () => {
      throw new Error("thrown by the caller");
    };
    /** Options of a call that is cancelled in its midst: when the first event of a kind comes. */
    const until = (event) => {
      const controller = new AbortController();
      return { signal: controller.signal, [event]: () => controller.abort() };
    };
    Object.assign(globalThis, { MirrorGan, MirrorGanError, gan, gone, detached, shut, words, throws, until });
  });
});

after(async () => {
  await browser?.close();
  server?.stop();
});

/** What a call in the page ends with: "ok", or the code of its error; "hang" where it does not end. */
const outcome = (call) =>
  page.evaluate(`(async () => {
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, ${LIMIT}, "hang")));
    const done = (async () => ${call})().then(
      () => "ok",
      (error) => (error instanceof MirrorGanError && error.message ? error.code : "untyped: " + error),
    );
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  })()`);

const CALLS = {
  generate: [
    ...["", "undefined", "null", "3", "{}", "[]", "Symbol('x')", "() => 1", "new String('pink')"].map((prompt) => [prompt, "bad-input"]),
    ...["''", "'   '", "'😀🌸'", "'\\u0000\\u0007\\u001b'", "'\\ud800'", "'quux zeppelin'", "words(10000, 'quux')", "'\\ud83c pink'.slice(0, 1)"].map((prompt) => [prompt, "empty-prompt"]),
    ...["words(10000)", "'pink 😀'", "'pink\\u0000petals'", "'\\ud800 pink \\udfff'", "'x'.repeat(1e6) + ' pink'"].map((prompt) => [prompt, "ok"]),
    ...["NaN", "-1", "0.5", "-0.5", "2 ** 64", "2n ** 64n", "-1n", "Infinity", "'7'", "{}", "true", "Symbol('x')"].map((seed) => [`'pink', { seed: ${seed} }`, "bad-input"]),
    ...["0", "-0", "2 ** 53 - 1", "2n ** 64n - 1n", "null", "undefined"].map((seed) => [`'pink', { seed: ${seed} }`, "ok"]),
    ...["0", "-1", "65", "1e9", "NaN", "1.5", "'2'", "2n", "[]"].map((count) => [`'pink', { count: ${count} }`, "bad-input"]),
    ...["1", "'yes'", "{}"].map((caption) => [`'pink', { caption: ${caption} }`, "bad-input"]),
    ...["7", "'seed'", "true", "() => 1"].map((options) => [`'pink', ${options}`, "bad-input"]),
    ...["0", "'off'", "[]"].map((attention) => [`'pink', { attention: ${attention} }`, "bad-input"]),
    ["'pink', { attention: false }", "ok"],
    ["'pink', { attention: null }", "ok"],
    ["'pink', null", "ok"],
    ...["1", "{}", "'abort'"].map((signal) => [`'pink', { signal: ${signal} }`, "bad-input"]),
    ...["1", "'x'", "{}"].map((callback) => [`'pink', { onStage: ${callback} }`, "bad-input"]),
    ["'pink', { onProgress: 1 }", "bad-input"],
    ["'pink', { onStage: throws }", "bad-input"],
    ["'pink', { onStage: async () => throws() }", "bad-input"],
    ["'pink', { signal: AbortSignal.abort() }", "aborted"],
    ["'pink', { count: 64, ...until('onStage') }", "aborted"],
  ],
  caption: [
    ...["", "null", "3", "'picture.png'", "{}", "[]", "document.body", "new Image()", "Symbol('x')"].map((image) => [image, "bad-input"]),
    ...["detached", "document.createElement('canvas').appendChild(new Image())", "Object.assign(document.createElement('canvas'), { width: 0, height: 0 })"].map((image) => [image, "bad-input"]),
    ["{ data: new Uint8ClampedArray(0), width: 0, height: 0 }", "bad-input"],
    ["{ data: new Uint8ClampedArray(4), width: 9, height: 9 }", "bad-input"],
    ["{ data: new Uint8ClampedArray(4), width: NaN, height: 1 }", "bad-input"],
    ["new OffscreenCanvas(0, 0)", "bad-input"],
    ["shut", "bad-input"],
    ["new Blob([])", "bad-input"],
    ["new Blob(['no picture'], { type: 'image/png' })", "bad-input"],
    ["new Blob(['<html>'], { type: 'text/html' })", "bad-input"],
    ["new ImageData(1, 1)", "ok"],
    ["new ImageData(1, 3000)", "ok"],
    ["new ImageData(8192, 8192)", "ok"],
    ["new OffscreenCanvas(8000, 8000)", "ok"],
    ["new ImageData(8, 8), { onProgress: 3 }", "bad-input"],
    ["new ImageData(8, 8), { signal: AbortSignal.abort() }", "aborted"],
  ],
  encode: [["", "bad-input"], ["7", "bad-input"], ["''", "empty-prompt"], ["'😀'", "empty-prompt"], ["words(10000)", "ok"], ["'\\u0000\\u0007 pink'", "ok"], ["'pink', 7", "bad-input"], ["'pink', { signal: 1 }", "bad-input"], ["'pink', { signal: AbortSignal.abort() }", "aborted"]],
  tokenize: [["", "bad-input"], ["null", "bad-input"], ["''", "ok"], ["words(10000)", "ok"], ["'\\ud800'", "ok"], ["'\\u0000\\u0007'", "ok"], ["'pink', { signal: 1 }", "bad-input"], ["'pink', { signal: AbortSignal.abort() }", "aborted"]],
  blend: [
    ["", "bad-input"],
    ["'pink'", "bad-input"],
    ["'pink', 3", "bad-input"],
    ["'pink', ''", "empty-prompt"],
    ["'', 'pink'", "empty-prompt"],
    ["'pink', '😀'", "empty-prompt"],
    ["'pink', 'white', 7", "bad-input"],
    ["'pink', 'white', { onFrame: 1 }", "bad-input"],
    ["'pink', 'white', { signal: 'x' }", "bad-input"],
    ["'pink', 'white', { signal: AbortSignal.abort() }", "aborted"],
    ["words(10000), '\\u0000\\u0007 white', { steps: 2 }", "ok"],
    ...["0", "1", "-1", "1e9", "NaN", "2.5", "'4'"].map((steps) => [`'pink', 'white', { steps: ${steps} }`, "bad-input"]),
    ["'pink', 'white', { seed: NaN }", "bad-input"],
    ["'pink', 'white', { steps: 2, onFrame: throws }", "bad-input"],
    ["'pink', 'white', { steps: 256, ...until('onFrame') }", "aborted"],
    ["'pink', 'white', { steps: 2 }", "ok"],
  ],
};

for (const [method, rows] of Object.entries(CALLS)) {
  test(`${method}(…), ${rows.length} ways`, async () => {
    for (const [args, expected] of rows) assert.equal(await outcome(`gan.${method}(${args})`), expected, `gan.${method}(${args})`);
    assert.equal(await outcome("gan.generate('pink')"), "ok", "the next call");
    assert.equal(await outcome(`gone.${method}(${rows.find(([, code]) => code === "ok")[0]})`), "disposed");
  });
}

const LOADS = [
  ...["", "null", "3", "{}", "[]", "''", "Symbol('x')", "'http://['"].map((model) => [model, "bad-input"]),
  ["'models/absent'", "network"],
  ["'http://127.0.0.1:1/models'", "network"],
  ["'data:text/plain,x'", "bad-input"],
  ["'models/html'", "integrity"],
  ["'models/half'", "integrity"],
  ["'models/sha'", "integrity"],
  ["'models/hole'", "network"],
  ["'models/newer'", "bad-model"],
  ["'models/page'", "bad-model"],
  ["'models/empty'", "bad-model"],
  ["'models/null'", "bad-model"],
  ["'models/list'", "bad-model"],
  ["'models/tiny', 7", "bad-input"],
  ["'models/tiny', null", "ok"],
  ...["'abacus'", "1", "{}"].map((device) => [`'models/tiny', { device: ${device} }`, "bad-input"]),
  ["'models/tiny', { cache: 1 }", "bad-input"],
  ["'models/tiny', { warmUp: 'no' }", "bad-input"],
  ["'models/tiny', { precision: 'f64' }", "bad-input"],
  ["'models/tiny', { onProgress: 1 }", "bad-input"],
  ["'models/tiny', { onProgress: throws }", "bad-input"],
  ["'models/tiny', { onDevice: 1 }", "bad-input"],
  ["'models/tiny', { worker: 1 }", "bad-input"],
  ["'models/tiny', { worker: () => 1 }", "bad-input"],
  ["'models/tiny', { worker: throws }", "unsupported"],
  ["'models/tiny', { worker: () => new Worker('nowhere.js', { type: 'module' }) }", "network"],
  ["'models/tiny', { worker: () => new Worker('faulty/broken.js') }", "crashed"],
  // The page's content security policy forbids this one.
  ["'models/tiny', { worker: () => new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))) }", "network"],
  ...["7", "true", "Symbol('x')"].map((wasm) => [`'models/tiny', { wasm: ${wasm} }`, "bad-input"]),
  ["'models/tiny', { wasm: new Uint8Array(9) }", "integrity"],
  ["'models/tiny', { wasm: await fetch('index.html') }", "integrity"],
  ["'models/tiny', { wasm: await fetch('nowhere.wasm') }", "network"],
  ["'models/tiny', { wasm: 'index.html' }", "integrity"],
  ["'models/tiny', { wasm: 'nowhere.wasm' }", "network"],
  ["'models/tiny', { wasm: new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])) }", "integrity"],
  ["'models/tiny', { signal: 1 }", "bad-input"],
  ["'models/tiny', { signal: AbortSignal.abort() }", "aborted"],
  ["'models/tiny', until('onProgress')", "aborted"],
  ["'models/mute'", "ok"],
];

test(`MirrorGan.load(…), ${LOADS.length} ways`, async () => {
  for (const [args, expected] of LOADS) {
    const code = await outcome(`(await MirrorGan.load(${args})).dispose()`);
    assert.equal(code, expected, `MirrorGan.load(${args})`);
  }
});

test("a captioner that cannot be downloaded costs the caption, not the pictures", async () => {
  const mute = "const mute = await MirrorGan.load('models/mute');";
  assert.equal(await outcome(`{ ${mute} await mute.generate('pink', { caption: true }); }`), "network");
  assert.equal(await outcome(`{ ${mute} await mute.caption(new ImageData(8, 8)).catch(() => {}); await mute.generate('pink'); }`), "ok");
});

const STATICS = [
  ["new MirrorGan()", "bad-input"],
  ["MirrorGan.describe()", "bad-input"],
  ["MirrorGan.describe(7)", "bad-input"],
  ["MirrorGan.describe('models/absent')", "network"],
  ...["page", "empty", "null", "list"].map((model) => [`MirrorGan.describe('models/${model}')`, "bad-model"]),
  ["MirrorGan.describe('models/tiny', 7)", "bad-input"],
  ["MirrorGan.describe('models/tiny', { signal: AbortSignal.abort() })", "aborted"],
  ["MirrorGan.describe('models/tiny')", "ok"],
  ["MirrorGan.support(7)", "bad-input"],
  ["MirrorGan.support({ signal: AbortSignal.abort() })", "aborted"],
  ["MirrorGan.cached({ signal: AbortSignal.abort() })", "aborted"],
  ["MirrorGan.clearCache(7)", "bad-input"],
  ["MirrorGan.clearCache('models/absent')", "ok"],
  ["MirrorGan.clearCache('models/absent', 7)", "bad-input"],
  ["MirrorGan.clearCache('models/absent', { signal: AbortSignal.abort() })", "aborted"],
  ["MirrorGan.cached(7)", "bad-input"],
];

test(`the static calls, ${STATICS.length} ways`, async () => {
  for (const [call, expected] of STATICS) assert.equal(await outcome(call), expected, call);
});
