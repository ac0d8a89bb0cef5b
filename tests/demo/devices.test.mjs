// Which device is taken, and what happens where one fails while it loads. The adapters are made up, what they stand for is not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PROMPT, TINY, openBrowser, openPage, serve } from "./harness.mjs";

let browser, server;

before(async () => {
  [browser, server] = [await openBrowser(), await serve({ "models/tiny": TINY })];
});

after(async () => {
  await browser?.close();
  server?.stop();
});

/** A page with the package, whose `navigator.gpu` offers `adapter`: an object, null, or undefined for no `gpu` at all. */
async function open(adapter) {
  const page = await openPage(browser, server.address);
  await page.evaluate(
    async ([adapter, prompt, none]) => {
      const features = new Set(adapter?.features);
      const requestAdapter = async () => adapter && { ...adapter, features };
      Object.defineProperty(navigator, "gpu", { value: none ? undefined : { requestAdapter }, configurable: true });
      const { MirrorGan } = await import(new URL("pkg/index.js", location.href).href);
      const [loads, told] = [[], []];
      /** Loads with a Worker that fails as a lost device does where `fails(device, half)`. */
      const load = (fails) => {
        const worker = () => {
          const real = new Worker("pkg/worker.js", { type: "module" });
          const hear = [];
          return {
            addEventListener(type, listener) {
              if (type === "message") hear.push(listener);
              real.addEventListener(type, listener);
            },
            postMessage(message, transfer) {
              const { device, half } = message.method === "load" ? message.args[0] : {};
              if (device) loads.push(`${device} ${half}`);
              if (!device || !fails(device, half)) return real.postMessage(message, transfer);
              for (const listener of hear) listener({ data: { crash: { code: "device-lost", message: "gone", words: [] } } });
            },
            terminate: () => real.terminate(),
          };
        };
        const onDevice = ({ device, reason }) => told.push(`${device} ${reason.code}`);
        return MirrorGan.load("models/tiny", { worker, onDevice, warmUp: false });
      };
      Object.assign(globalThis, { MirrorGan, load, loads, told, prompt });
    },
    [adapter ?? null, PROMPT, adapter === undefined],
  );
  return page;
}

const HARDWARE = { info: { vendor: "acme", architecture: "nine", device: "", description: "Acme 9000" }, features: ["shader-f16"] };

test("auto takes WebGPU on hardware, the CPU where there is no adapter or only software", async () => {
  for (const [adapter, device, half] of [
    [HARDWARE, "webgpu", true],
    [{ ...HARDWARE, features: [] }, "webgpu", false],
    [{ ...HARDWARE, info: { ...HARDWARE.info, isFallbackAdapter: true } }, "cpu", true],
    [{ ...HARDWARE, info: { ...HARDWARE.info, architecture: "swiftshader" } }, "cpu", true],
    [null, "cpu", undefined],
    [undefined, "cpu", undefined],
  ]) {
    const page = await open(adapter);
    const offered = await page.evaluate(() => MirrorGan.support());
    assert.deepEqual([offered.device, offered.webgpu, offered.adapter?.half], [device, Boolean(adapter), half], JSON.stringify(adapter));
    await page.context().close();
  }
});

test("WebGPU that fails while it loads is tried in f32, then the CPU takes over and the caller is told", async () => {
  const page = await open(HARDWARE);
  const answers = await page.evaluate(async () => {
    const gan = await load((device) => device === "webgpu");
    const { pictures } = await gan.generate(prompt, { seed: 7 });
    const { device, adapter } = gan.info;
    await gan.dispose();
    return { loads, told, device, adapter, stages: pictures[0].stages.length };
  });
  assert.deepEqual(answers.loads, ["webgpu true", "webgpu false", "cpu false"]);
  assert.deepEqual(answers.told, ["cpu device-lost"]);
  assert.deepEqual([answers.device, answers.adapter, answers.stages], ["cpu", null, 3]);
  await page.context().close();
});

test("a driver that fails with 16 bits is used with 32, and WebGPU is cancelled and refuses as the CPU does", async () => {
  const page = await open(HARDWARE);
  const answers = await page.evaluate(async () => {
    const gan = await load((device, half) => device === "webgpu" && half);
    const { device, precision } = gan.info;
    const code = (promise) => promise.then(() => "ok", (error) => error.code);
    const controller = new AbortController();
    const sizes = [];
    const onStage = ({ size }) => {
      sizes.push(size);
      controller.abort();
    };
    const codes = [
      await code(gan.generate(prompt, { seed: 7, signal: controller.signal, onStage })),
      await code(gan.generate("?!")),
      await code(gan.generate(prompt, { count: 0 })),
      await code(gan.generate(prompt, { seed: 7 })),
    ];
    await gan.dispose();
    return { loads, told, device, precision, codes, sizes };
  });
  assert.deepEqual(answers.loads, ["webgpu true", "webgpu false"]);
  assert.deepEqual([answers.device, answers.precision, answers.told], ["webgpu", "f32", []]);
  assert.deepEqual(answers.codes, ["aborted", "empty-prompt", "bad-input", "ok"]);
  assert.deepEqual(answers.sizes, [64]);
  await page.context().close();
});
