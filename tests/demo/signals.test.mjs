// Every call that takes a signal: an abort while it runs rejects it at once, stops the Worker where that takes steps, and disturbs nobody.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { FLOWERS, PROMPT, openBrowser, openPage } from "./harness.mjs";

let browser, server, page;

before(async () => {
  [browser, server] = [await openBrowser(), await new FilesServer({ flowers: FLOWERS }).start()];
  page = await prepare(await openPage(browser, server.address), PROMPT);
  await page.evaluate(async () => {
    globalThis.picture = new ImageData(8, 8);
    // What the Worker answers to each call, cancelled or not.
    globalThis.answers = [];
    const worker = () => {
      const made = new Worker(new URL("pkg/worker.js", location.href), { type: "module" });
      made.addEventListener("message", ({ data }) => !data.event && answers.push(data.error?.code ?? "ok"));
      return made;
    };
    // The larger one is slow enough to be caught between two words; the small one matches, too.
    [globalThis.gan, globalThis.small] = [await MirrorGan.load("flowers", { device: "cpu", threads: 1, worker }), await MirrorGan.load("tiny", { device: "cpu", threads: 1, worker })];
    // What is downloaded when it is first needed is there.
    await gan.caption(picture);
    await small.match(picture, prompt);
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Aborts a call when it has begun: how it ended, what the Worker answered to it and to the next one. */
const cancelled = (call) =>
  page.evaluate(`(async () => {
    answers.length = 0;
    const controller = new AbortController();
    const { signal } = controller;
    const running = code(${call});
    // The Worker has it by then, or what it is to get is being made.
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    const outcome = await running;
    const asked = await code(gan.tokenize(prompt));
    return { outcome, asked, answers };
  })()`);

for (const call of [
  "gan.generate(prompt, { count: 64, signal })",
  "gan.generate(prompt, { count: 64, caption: true, signal })",
  "gan.generate(prompt, { count: 64, stages: 1, signal })",
  "gan.blend('pink', 'white', { steps: 256, signal })",
  "gan.caption(picture, { count: 16, signal })",
  "gan.caption(picture, { count: 16, sample: true, signal })",
]) {
  test(`${call} stops between its steps`, async () => {
    assert.deepEqual(await cancelled(call), { outcome: "aborted", asked: "ok", answers: ["aborted", "ok"] });
  });
}

// One step each: the Worker may finish it, which nobody hears.
for (const call of ["caption(picture, { signal })", "match(picture, prompt, { signal })", "encode(prompt, { signal })", "tokenize(prompt, { signal })"]) {
  test(`${call} is rejected while the Worker is busy with another`, async () => {
    const found = await page.evaluate(`(async () => {
      answers.length = 0;
      const controller = new AbortController();
      const { signal } = controller;
      const before = code(small.generate(prompt, { count: 8 }));
      const running = code(small.${call});
      setTimeout(() => controller.abort(), 20);
      const first = await Promise.race([before.then(() => "the other"), running]);
      return [first, await before, await code(small.tokenize(prompt)), answers];
    })()`);
    assert.deepEqual(found, ["aborted", "ok", "ok", ["ok", "aborted", "ok"]]);
  });
}

test("what reads a picture or a model that never comes is rejected", async () => {
  server.answer = (request) => /never/.test(request.url);
  const codes = await page.evaluate(async () => {
    const soon = () => AbortSignal.timeout(50);
    const url = new URL("never.png", location.href);
    return [
      await code(gan.caption(url, { signal: soon() })),
      await code(gan.caption(url, { count: 3, signal: soon() })),
      await code(small.match(url, prompt, { signal: soon() })),
      await code(MirrorGan.load("never", { signal: soon() })),
      await code(MirrorGan.describe("never", { signal: soon() })),
      await code(gan.tokenize(prompt)),
    ];
  });
  server.answer = () => false;
  assert.deepEqual(codes, [...Array(5).fill("aborted"), "ok"]);
});

test("a cache that never answers keeps nobody waiting who has had enough", async () => {
  const codes = await page.evaluate(async () => {
    const { caches } = globalThis;
    const never = () => new Promise(() => {});
    Object.defineProperty(globalThis, "caches", { value: { open: never, has: never, delete: never }, configurable: true });
    try {
      const soon = () => ({ signal: AbortSignal.timeout(50) });
      return [await code(MirrorGan.support(soon())), await code(MirrorGan.cached(soon())), await code(MirrorGan.clearCache(undefined, soon())), await code(MirrorGan.describe("tiny", soon()))];
    } finally {
      Object.defineProperty(globalThis, "caches", { value: caches, configurable: true });
    }
  });
  assert.deepEqual(codes, Array(4).fill("aborted"));
});
