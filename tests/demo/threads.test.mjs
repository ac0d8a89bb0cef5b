// The CPU path on threads: where there are some, that they draw the same, and what happens when they fail.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PROMPT, ROOT, TINY, openBrowser, openPage, scratch, serve } from "./harness.mjs";

let browser, server;

/** Folders that hold the package with one file changed: a Worker's own Workers are beyond Playwright's reach. */
const packages = {
  "no-script": variant("thread.js", null),
  "no-module": variant("mirrorgan_threads_bg.wasm", null),
  "no-memory": variant("thread.js", failing("unreachable")),
  "out-of-bounds": variant("thread.js", failing("index out of bounds")),
};

function failing(message) {
  return (source) => {
    assert.ok(source.includes("startThread();"));
    return source.replace("startThread();", `throw new WebAssembly.RuntimeError("${message}");`);
  };
}

/** The package with one script changed, as it was before it was bundled, or left out. */
function variant(name, change) {
  const folder = join(scratch(), "pkg");
  mkdirSync(folder);
  for (const file of readdirSync(join(ROOT, "pkg"))) symlinkSync(join(ROOT, "pkg", file), join(folder, file));
  rmSync(join(folder, name));
  if (change) writeFileSync(join(folder, name), change(readFileSync(join(ROOT, "src", "web", "js", name), "utf8")));
  return folder;
}

before(async () => {
  [browser, server] = [await openBrowser(), await serve({ "models/tiny": TINY, ...packages })];
});

after(async () => {
  await browser?.close();
  server?.stop();
});

/** A page with the package of a folder. */
async function open(folder = "pkg", prepare) {
  const page = await openPage(browser, `${server.address}${folder}/package.json`);
  await prepare?.(page.context());
  await page.goto(server.address);
  await page.evaluate(
    async ([folder, prompt]) => {
      const { MirrorGan } = await import(new URL(`${folder}/index.js`, location.href).href);
      const draw = async (options) => {
        const gan = await MirrorGan.load("models/tiny", { device: "cpu", cache: false, ...options });
        const { pictures } = await gan.generate(prompt, { seed: 7, caption: true });
        const stages = pictures[0].stages.map(({ image, attention }) => [image.data.join(), JSON.stringify(attention)]);
        const { threads } = gan.info;
        await gan.dispose();
        return { threads, stages, caption: pictures[0].caption.text };
      };
      const code = (promise) => promise.then(() => "ok", (error) => error.code);
      Object.assign(globalThis, { MirrorGan, draw, code });
    },
    [folder, PROMPT],
  );
  return page;
}

test("an isolated page draws on all threads what one thread draws", async () => {
  const page = await open();
  const { cores, support, one, all, some } = await page.evaluate(async () => ({
    cores: navigator.hardwareConcurrency,
    support: await MirrorGan.support(),
    one: await draw({ threads: 1 }),
    all: await draw(),
    some: await draw({ threads: 2 }),
  }));
  assert.equal(support.threads, Math.min(cores, 16));
  assert.deepEqual([one.threads, all.threads, some.threads], [1, support.threads, Math.min(2, support.threads)]);
  assert.deepEqual(all.stages, one.stages);
  assert.deepEqual(some.stages, one.stages);
  assert.equal(all.caption, one.caption);
});

test("a page that is not isolated draws on one", async () => {
  const page = await open("pkg", (context) =>
    context.route("**/*", async (route) => {
      const response = await route.fetch();
      const { "cross-origin-opener-policy": _, "cross-origin-embedder-policy": __, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    }),
  );
  const { isolated, support, drawn } = await page.evaluate(async () => ({
    isolated: crossOriginIsolated,
    support: await MirrorGan.support(),
    drawn: await draw({ threads: 4 }),
  }));
  assert.deepEqual([isolated, support.threads, drawn.threads], [false, 1, 1]);
});

test("threads that cannot be had are done without", async () => {
  for (const folder of ["no-script", "no-module"]) {
    const page = await open(folder);
    assert.equal(await page.evaluate(async () => (await draw()).threads), 1, folder);
    await page.context().close();
  }
});

test("a thread that fails ends the call instead of leaving it waiting", async () => {
  for (const [folder, expected] of [["no-memory", "out-of-memory"], ["out-of-bounds", "crashed"]]) {
    const page = await open(folder);
    const answers = await page.evaluate(async () => [await code(draw({ threads: 2 })), await code(draw({ threads: 1 }))]);
    assert.deepEqual(answers, [expected, "ok"]);
    await page.context().close();
  }
});

test("a number of threads that is none, and a module that is none, are errors", async () => {
  const page = await open();
  const codes = await page.evaluate(async () => {
    const codes = [];
    for (const threads of [0, 17, 1.5, NaN, "two", {}]) codes.push(await code(draw({ threads })));
    codes.push(await code(draw({ threads: 0, wasm: "pkg/mirrorgan_cpu_bg.wasm" })));
    codes.push(await code(draw({ wasm: { threads: new Uint8Array([1, 2, 3]) } })));
    return codes;
  });
  assert.deepEqual(codes, [...Array(7).fill("bad-input"), "integrity"]);
});
