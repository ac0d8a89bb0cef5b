// A GPU that never answers, in the page or in the Worker. Time passes faster here.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, openBrowser, openPage } from "./harness.mjs";

let browser, server;

/** Timers of a second or more run twenty times as fast. */
const FASTER = `{
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (work, milliseconds, ...args) => setTimeout(work, milliseconds >= 1000 ? milliseconds / 20 : milliseconds, ...args);
}`;

before(async () => {
  [browser, server] = [await openBrowser(), await new FilesServer().start()];
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page whose navigator.gpu has `requestAdapter`, a function's text, and whose Worker runs `inWorker` first. */
async function open(requestAdapter, inWorker = "") {
  const page = await openPage(browser, server.address);
  await page.evaluate(`{
    ${FASTER}
    globalThis.asked = 0;
    const requestAdapter = ${requestAdapter};
    const counted = (...args) => (asked++, requestAdapter(...args));
    Object.defineProperty(navigator, "gpu", { value: { requestAdapter: counted }, configurable: true });
    const url = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const inWorker = url(${JSON.stringify(FASTER + inWorker)});
    globalThis.worker = () => new Worker(url("import " + JSON.stringify(inWorker) + "; import " + JSON.stringify(location.href + "pkg/worker.js") + ";"), { type: "module" });
  }`);
  return prepare(page, PROMPT);
}

const SILENT = "() => new Promise(() => {})";
const HARDWARE = `async () => ({ info: { vendor: "acme", architecture: "nine", device: "", description: "Acme 9000" }, features: new Set() })`;

/** What a load with options draws on, the code of its error, or "hang". */
const load = (page, options) =>
  page.evaluate(`(async () => {
    const told = [];
    const options = { ...${options}, warmUp: false, onDevice: ({ device, reason }) => told.push(device + ": " + reason.code + ": " + reason.message) };
    const late = new Promise((resolve) => setTimeout(resolve, 900_000, "hang"));
    const done = (async () => {
      const gan = await MirrorGan.load("tiny", options);
      await gan.generate(prompt, { seed: 7 });
      const { device } = gan.info;
      await gan.dispose();
      return [device, ...told];
    })();
    return Promise.race([done.catch(({ code, message }) => code + ": " + message), late]);
  })()`);

test("support() and auto go on without it, and wait once only", async () => {
  const page = await open(SILENT);
  const offered = await page.evaluate(() => Promise.race([MirrorGan.support(), new Promise((resolve) => setTimeout(resolve, 400_000, "hang"))]));
  assert.deepEqual([offered.usable, offered.webgpu, offered.adapter, offered.device], [true, false, null, "cpu"]);
  assert.deepEqual(await load(page, "{}"), ["cpu"]);
  assert.equal(await page.evaluate(() => asked), 1, "a question that is open is not put again");
  await page.context().close();
});

test("the CPU does not ask it", async () => {
  const page = await open(SILENT);
  assert.deepEqual(await load(page, '{ device: "cpu" }'), ["cpu"]);
  assert.equal(await page.evaluate(() => asked), 0);
  await page.context().close();
});

test("who asks for it alone is told", async () => {
  const page = await open(SILENT);
  assert.match(await load(page, '{ device: "webgpu" }'), /^unsupported: there is no WebGPU adapter here, or none that answers/);
  await page.context().close();
});

test("waiting for it can be cancelled", async () => {
  const page = await open(SILENT);
  const codes = await page.evaluate(() => {
    const soon = () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 20);
      return { signal: controller.signal };
    };
    return Promise.all([code(MirrorGan.support(soon())), code(MirrorGan.load("tiny", soon()))]);
  });
  assert.deepEqual(codes, ["aborted", "aborted"]);
  await page.context().close();
});

for (const [what, hush] of [
  ["requestAdapter", "GPU.prototype.requestAdapter = () => new Promise(() => {});"],
  ["requestDevice", "GPUAdapter.prototype.requestDevice = () => new Promise(() => {});"],
]) {
  test(`${what} that never settles in the Worker: auto goes on with the CPU, WebGPU alone is told`, async () => {
    const page = await open(HARDWARE, hush);
    const [device, told] = await load(page, "{ worker }");
    assert.equal(device, "cpu");
    assert.match(told, /^cpu: (unsupported|device-lost): /);
    assert.match(await load(page, '{ worker, device: "webgpu" }'), /^(unsupported|device-lost): /);
    await page.context().close();
  });
}
