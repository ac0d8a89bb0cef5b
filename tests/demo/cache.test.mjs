// What is downloaded, how one hears of it, what is kept and found again without a network.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { PROMPT, ROOT, TINY, openBrowser, openPage } from "./harness.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json" };
const SLICE = 64 * 1024;

let browser, server, page, log, slow, cut, damaged;

/** The package and a model; scripts are kept by the browser, as hashed files of a site are. `slow` files come in slices, `cut` ones half, `damaged` ones with another last byte. */
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
  if (cut?.test(pathname)) return response.write(content.subarray(0, content.length / 2), () => setTimeout(() => response.destroy(), 50));
  if (!slow?.test(pathname)) return response.end(content);
  let at = 0;
  const timer = setInterval(() => {
    response.write(content.subarray(at, (at += SLICE)));
    if (at >= content.length) {
      clearInterval(timer);
      response.end();
    }
  }, 20);
  response.on("close", () => clearInterval(timer));
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
  await page.evaluate(async (prompt) => {
    const { MirrorGan } = await import(new URL("pkg/index.js", location.href).href);
    Object.assign(globalThis, { MirrorGan, prompt, last: ({ pictures }) => pictures[0].stages.at(-1).image.data.join() });
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

test("progress comes while a file comes, from 0 to its size, in the order of transformers.js", async () => {
  slow = /glam|_bg\.wasm/;
  const events = await page.evaluate(async () => {
    const events = [];
    const gan = await MirrorGan.load("tiny", { onProgress: (event) => events.push(event) });
    await gan.generate(prompt, { caption: true, onProgress: (event) => events.push(event) });
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
    if (slow.test(file)) assert.ok(steps.length > 3, `${file} in ${steps.length} steps`);
  }
  assert.equal(events.filter(({ status }) => status === "ready").length, 1);
});

test("the model comes while the module does, and is not asked for where config.json is none", async () => {
  slow = /_bg\.wasm/;
  const events = await page.evaluate(async () => {
    const events = [];
    const gan = await MirrorGan.load("tiny", { onProgress: ({ file, status }) => events.push(`${file} ${status}`) });
    await gan.dispose();
    return events;
  });
  const whole = events.indexOf("mirrorgan_cpu_bg.wasm done");
  for (const file of ["vocab.txt", "stem.safetensors", "glam.safetensors"]) assert.ok(events.indexOf(`${file} done`) < whole, `${file} waits`);
  await page.evaluate(() => MirrorGan.clearCache());
  log = [];
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

test("a download that is cancelled leaves nothing half, and the next one is whole", async () => {
  slow = /glam/;
  const answers = await page.evaluate(async () => {
    const controller = new AbortController();
    const onProgress = ({ file, status }) => file === "glam.safetensors" && status === "progress" && controller.abort();
    const code = await MirrorGan.load("tiny", { signal: controller.signal, onProgress }).catch((error) => error.code);
    const kept = (await MirrorGan.cached()).map(({ url }) => url.split("/").pop());
    const gan = await MirrorGan.load("tiny");
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

test("what is kept can be seen, is not downloaded again, and can be forgotten model by model", async () => {
  const load = () =>
    page.evaluate(async () => {
      const gan = await MirrorGan.load("tiny");
      await gan.caption(new ImageData(8, 8));
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

test("without a network after the first load: the same picture, the same caption", async () => {
  const draw = () =>
    page.evaluate(async () => {
      const { bytes, cachedBytes } = await MirrorGan.describe("tiny");
      const gan = await MirrorGan.load("tiny");
      const result = await gan.generate(prompt, { seed: 7, caption: true });
      await gan.dispose();
      return [last(result), result.pictures[0].caption.text, bytes - cachedBytes];
    });
  const [image, caption] = await draw();
  const { port } = server.address();
  await stop();
  try {
    assert.deepEqual(await draw(), [image, caption, 0]);
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
