// What is downloaded, how one hears of it, what is kept and found again without a network.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { PROMPT, ROOT, TINY, openBrowser, openPage } from "./harness.mjs";
import { LIMIT } from "./watch.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json" };
const SLICES = 8;

let browser, server, page, log, slow, cut, damaged;

/** What comes in slices: each but the first when the page has all before it. */
const coming = new Set();

function sendSlice(transfer) {
  const { content, response, sent } = transfer;
  transfer.sent = Math.min(content.length, sent + Math.ceil(content.length / SLICES));
  response.write(content.subarray(sent, transfer.sent));
  if (transfer.sent < content.length) return;
  coming.delete(transfer);
  response.end();
}

/** The page says that it has `loaded` bytes of a file. */
function onward(file, loaded) {
  for (const transfer of coming) if (transfer.pathname.endsWith(`/${file}`) && loaded >= transfer.sent) sendSlice(transfer);
}

/**
 * The package and a model; scripts are kept by the browser, as hashed files of a site are. `slow` files come in slices that the page asks for
 * (`onward`), `cut` ones half, `damaged` ones with another last byte.
 */
function files(request, response) {
  const { pathname } = new URL(request.url, "http://x");
  log.push(pathname);
  if (pathname === "/") return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>cache</title><link rel=icon href=data:,>");
  let content;
  try {
    content = readFileSync(pathname.startsWith("/pkg/") ? join(ROOT, pathname) : join(TINY, pathname.replace("/tiny/", "")));
  } catch {
    return response.writeHead(404).end();
  }
  if (damaged?.test(pathname)) content[content.length - 1] ^= 1;
  const type = extname(pathname);
  const age = type === ".js" ? "max-age=3600" : "no-store";
  // WebAssembly with the wrong type, as many servers send it.
  response.writeHead(200, { "content-type": TYPES[type] ?? "text/plain", "content-length": content.length, "cache-control": age });
  if (cut?.test(pathname)) return response.write(content.subarray(0, content.length / 2), () => response.socket.end());
  if (!slow?.test(pathname)) return response.end(content);
  const transfer = { pathname, content, response, sent: 0 };
  coming.add(transfer);
  response.on("close", () => coming.delete(transfer));
  sendSlice(transfer);
}

const listen = (port) => {
  server = createServer(files);
  return new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
};
const stop = () => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
};

before(async () => {
  log = [];
  await listen(0);
  browser = await openBrowser();
  page = await openPage(browser, `http://127.0.0.1:${server.address().port}/`);
  await page.exposeFunction("onward", onward);
  await page.evaluate(async (prompt) => {
    const { MirrorGan } = await import(new URL("pkg/index.js", location.href).href);
    /** Has what is slow come on. */
    const follow = ({ file, status, loaded }) => status === "progress" && onward(file, loaded);
    /**
     * Waits until config.json and the module of a load are kept: they are kept beside their use, maybe after the call, and not at all where
     * the Worker is gone by then. They are marked, so that those of the next load are told from them.
     */
    const keptBeside = async () => {
      const store = await caches.open("mirrorgan-v1");
      const fresh = async (file) => {
        const request = (await store.keys()).find(({ url }) => new URL(url).pathname.endsWith(`/${file}`));
        const response = request && (await store.match(request));
        if (!response || response.headers.has("marked")) return fresh(file);
        const headers = new Headers(response.headers);
        headers.set("marked", "yes");
        await store.put(request, new Response(await response.arrayBuffer(), { headers }));
      };
      await Promise.all(["config.json", "mirrorgan_cpu_bg.wasm"].map(fresh));
    };
    Object.assign(globalThis, { MirrorGan, prompt, follow, keptBeside, last: ({ pictures }) => pictures[0].stages.at(-1).image.data.join() });
  }, PROMPT);
});

beforeEach(async () => {
  await page.evaluate(() => MirrorGan.clearCache());
  [log, slow, cut, damaged] = [[]];
});

after(async () => {
  await browser?.close();
  await stop();
});

test("progress comes while a file comes, from 0 to its size, in the order of transformers.js", { timeout: LIMIT }, async () => {
  slow = /glam|_bg\.wasm/;
  const events = await page.evaluate(async () => {
    const events = [];
    const onProgress = (event) => {
      events.push(event);
      follow(event);
    };
    const gan = await MirrorGan.load("tiny", { onProgress });
    await gan.generate(prompt, { caption: true, onProgress });
    await gan.dispose();
    return events;
  });
  for (const file of ["config.json", "mirrorgan_cpu_bg.wasm", "vocab.txt", "stem.safetensors", "glam.safetensors", "stream.safetensors"]) {
    const own = events.filter((event) => event.file === file);
    assert.deepEqual([...new Set(own.map(({ status }) => status))], ["initiate", "download", "progress", "done"], file);
    const steps = own.filter(({ status }) => status === "progress");
    const size = statSync(join(file.endsWith("wasm") ? join(ROOT, "pkg") : TINY, file)).size;
    assert.ok(steps.every(({ loaded }, index) => index === 0 || loaded > steps[index - 1].loaded), `${file} goes up`);
    assert.deepEqual([steps.at(-1).loaded, steps.at(-1).total, steps.at(-1).progress], [size, size, 100]);
    if (slow.test(file)) assert.ok(steps.length >= SLICES, `${file} in ${steps.length} steps`);
  }
  assert.equal(events.filter(({ status }) => status === "ready").length, 1);
});

test("the model comes while the module does, and is not asked for where config.json is none", { timeout: LIMIT }, async () => {
  slow = /_bg\.wasm/;
  const order = await page.evaluate(async () => {
    const missing = new Set(["vocab.txt", "stem.safetensors", "glam.safetensors"]);
    const order = [];
    const onProgress = (event) => {
      if (event.status === "done") order.push(event.file);
      // The module comes no further before the model is there: were the model waiting for it, this would not end.
      if (event.status === "done" && missing.delete(event.file) && missing.size === 0) onward("mirrorgan_cpu_bg.wasm", Number.MAX_SAFE_INTEGER);
      if (missing.size === 0) follow(event);
    };
    const gan = await MirrorGan.load("tiny", { onProgress });
    await gan.dispose();
    return order;
  });
  assert.equal(order.at(-1), "mirrorgan_cpu_bg.wasm");
  await page.evaluate(() => MirrorGan.clearCache());
  [log, slow] = [[]];
  damaged = /config\.json/;
  assert.equal(await page.evaluate(() => MirrorGan.load("tiny").catch(({ code }) => code)), "bad-model");
  assert.deepEqual(log.filter((path) => /tensors|txt/.test(path)), []);
});

test("where the browser has no sha-256, as without https, the engine checks what comes", async () => {
  const load = () =>
    page.evaluate(() => {
      const script = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const without = script('Object.defineProperty(crypto, "subtle", { value: undefined });');
      const source = script(`import "${without}"; import "${new URL("pkg/worker.js", location.href)}";`);
      const worker = () => new Worker(source, { type: "module" });
      return MirrorGan.load("tiny", { worker }).then((gan) => gan.dispose().then(() => "loaded"), ({ code, message }) => `${code} ${message}`);
    });
  assert.equal(await load(), "loaded");
  await page.evaluate(() => MirrorGan.clearCache());
  damaged = /glam/;
  assert.match(await load(), /^integrity glam\.safetensors is not the file/);
  assert.deepEqual(await page.evaluate(async () => (await MirrorGan.cached()).filter(({ url }) => url.includes("glam"))), []);
});

test("a download that is cancelled leaves nothing half, and the next one is whole", { timeout: LIMIT }, async () => {
  slow = /glam/;
  const answers = await page.evaluate(async () => {
    const controller = new AbortController();
    const onProgress = ({ file, status }) => file === "glam.safetensors" && status === "progress" && controller.abort();
    const code = await MirrorGan.load("tiny", { signal: controller.signal, onProgress }).catch((error) => error.code);
    const kept = (await MirrorGan.cached()).map(({ url }) => url.split("/").pop());
    const gan = await MirrorGan.load("tiny", { onProgress: follow });
    const { pictures } = await gan.generate(prompt);
    await gan.dispose();
    return [code, kept.includes("glam.safetensors"), pictures[0].stages.length];
  });
  assert.deepEqual(answers, ["aborted", false, 3]);
});

for (const file of ["config.json", "mirrorgan_cpu_bg.wasm", "glam.safetensors", "stream.safetensors"]) {
  test(`a connection that breaks off within ${file} is told, and nothing half is kept`, async () => {
    cut = new RegExp(file);
    const draw = () =>
      page.evaluate(async () => {
        let gan;
        try {
          gan = await MirrorGan.load("tiny");
          await gan.generate(prompt, { caption: true });
          return "ok";
        } catch (error) {
          return error.code;
        } finally {
          await gan?.dispose();
        }
      });
    assert.equal(await draw(), "network");
    const kept = await page.evaluate(async () => (await MirrorGan.cached()).map(({ url }) => url.split("/").pop()));
    assert.ok(!kept.includes(file), `${kept}`);
    cut = undefined;
    assert.equal(await draw(), "ok");
  });
}

test("what is kept can be seen, is not downloaded again, and can be forgotten model by model", { timeout: LIMIT }, async () => {
  const load = () =>
    page.evaluate(async () => {
      const gan = await MirrorGan.load("tiny");
      await gan.caption(new ImageData(8, 8));
      await keptBeside();
      await gan.dispose();
      return MirrorGan.cached();
    });
  const kept = await load();
  const weights = (paths) => paths.filter((path) => /safetensors|vocab/.test(path)).length;
  assert.equal(weights(log), 4);
  for (const { url, bytes, sha256 } of kept) {
    const name = url.split("/").pop();
    assert.equal(bytes, statSync(join(name.endsWith("wasm") ? join(ROOT, "pkg") : TINY, name)).size, name);
    assert.equal(sha256 === null, /\.json|\.wasm/.test(name), name);
  }
  assert.equal(kept.filter(({ url }) => readdirSync(TINY).includes(url.split("/").pop())).length, 5);
  log = [];
  await load();
  assert.equal(weights(log), 0);
  const [some, rest, none] = await page.evaluate(async () => [
    await MirrorGan.clearCache("tiny"),
    (await MirrorGan.cached()).map(({ url }) => url.split("/").pop()),
    await MirrorGan.clearCache("tiny"),
  ]);
  assert.deepEqual([some, rest, none], [true, ["mirrorgan_cpu_bg.wasm"], false]);
  await page.evaluate(async () => (await MirrorGan.load("tiny", { cache: false })).dispose());
  assert.deepEqual(await page.evaluate(async () => (await MirrorGan.cached()).length), 1);
});

test("without a network after the first load: the same picture, the same caption", { timeout: LIMIT }, async () => {
  const draw = (wait) =>
    page.evaluate(async (wait) => {
      const { files } = await MirrorGan.describe("tiny");
      const gan = await MirrorGan.load("tiny");
      const result = await gan.generate(prompt, { seed: 7, caption: true });
      if (wait) await keptBeside();
      await gan.dispose();
      // What matches pictures with words was never needed.
      const missing = files.filter(({ cached }) => !cached).map(({ when }) => when);
      return [last(result), result.pictures[0].caption.text, missing.filter((when) => when !== "match")];
    }, wait);
  const [image, caption] = await draw(true);
  const { port } = server.address();
  await stop();
  try {
    assert.deepEqual(await draw(false), [image, caption, []]);
    // What was not kept is told.
    assert.equal(await page.evaluate(() => MirrorGan.load("other").catch((error) => error.code)), "network");
  } finally {
    await listen(port);
  }
});

test("a wasm module as address, URL, answer, bytes or compiled: nothing else is downloaded, the picture is the same", async () => {
  const expected = await page.evaluate(async () => {
    const gan = await MirrorGan.load("tiny");
    const picture = last(await gan.generate(prompt, { seed: 7 }));
    await gan.dispose();
    return picture;
  });
  for (const wasm of [
    '"pkg/mirrorgan_cpu_bg.wasm?mine"',
    'new URL("pkg/mirrorgan_cpu_bg.wasm?mine", location.href)',
    'await fetch("pkg/mirrorgan_cpu_bg.wasm")',
    'await (await fetch("pkg/mirrorgan_cpu_bg.wasm")).arrayBuffer()',
    'new Uint8Array(await (await fetch("pkg/mirrorgan_cpu_bg.wasm")).arrayBuffer())',
    'await WebAssembly.compile(await (await fetch("pkg/mirrorgan_cpu_bg.wasm")).arrayBuffer())',
    '{ cpu: "pkg/mirrorgan_cpu_bg.wasm?mine", webgpu: "nowhere.wasm" }',
  ]) {
    log = [];
    const picture = await page.evaluate(`(async () => {
      const gan = await MirrorGan.load("tiny", { device: "cpu", wasm: ${wasm} });
      const picture = last(await gan.generate(prompt, { seed: 7 }));
      await gan.dispose();
      return picture;
    })()`);
    assert.ok(picture === expected, wasm);
    assert.equal(log.filter((path) => path.endsWith(".wasm")).length, 1, wasm);
  }
});
