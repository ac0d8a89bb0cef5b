// Frames and windows that are denied what a page has: sandboxed frames, opaque origins, private modes, caches that fail.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, openBrowser, openPage } from "./harness.mjs";

let browser, server;

const FRAME = "<!doctype html><title>frame</title>";

before(async () => {
  [browser, server] = [await openBrowser(), await new FilesServer({ "": { "/": "<!doctype html><link rel=icon href=data:,>", "/frame": FRAME } }).start()];
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What every call of the package gives, or the code of its error; an error of another kind shows as "untyped". */
const everything = () =>
  (async () => {
    const gan = await MirrorGan.load("tiny");
    const result = await gan.generate(prompt, { seed: 7, caption: true });
    await gan.dispose();
    const kept = await MirrorGan.cached();
    const { cache, usable } = await MirrorGan.support();
    const { files } = await MirrorGan.describe("tiny");
    // What matches pictures with words was never needed.
    const left = files.filter(({ cached, when }) => !cached && when !== "match").length;
    const cleared = [await MirrorGan.clearCache("tiny"), await MirrorGan.clearCache()];
    const again = await MirrorGan.load("tiny");
    await again.dispose();
    return { picture: last(result), caption: result.pictures[0].caption.text, kept: kept.length, cache, usable, left, cleared };
  })().catch((error) => (error instanceof MirrorGanError ? { code: error.code, message: error.message } : `untyped: ${error}`));

let expected;

test("an ordinary page, for comparison", async () => {
  const page = await prepare(await openPage(browser, server.address), PROMPT);
  expected = await page.evaluate(everything);
  assert.deepEqual([expected.cache, expected.usable, expected.left, expected.cleared], [true, true, 0, [true, true]]);
  await page.context().close();
});

for (const [sandbox, cors] of [["allow-scripts", true], ["allow-scripts allow-same-origin", false]]) {
  test(`a frame with sandbox="${sandbox}" draws`, async () => {
    server.headers = cors ? { "access-control-allow-origin": "*" } : {};
    const page = await openPage(browser, server.address);
    await page.evaluate((sandbox) => {
      const frame = Object.assign(document.createElement("iframe"), { src: "frame" });
      frame.sandbox = sandbox;
      document.body.append(frame);
      return new Promise((resolve) => (frame.onload = resolve));
    }, sandbox);
    const frame = page.frames()[1];
    await prepare(frame, PROMPT);
    const found = await frame.evaluate(everything);
    assert.equal(found.picture, expected.picture, JSON.stringify(found).slice(0, 300));
    assert.equal(found.caption, expected.caption);
    assert.equal(found.cache, !cors);
    if (cors) assert.deepEqual([await frame.evaluate(() => origin), found.kept, found.cleared], ["null", 0, [false, false]]);
    await page.context().close();
    server.headers = {};
  });
}

/** What stands in for a storage that fails; in the page and in the Worker. */
const FAILING = {
  "a getter of caches that throws": `Object.defineProperty(globalThis, "caches", { get() { throw new DOMException("denied", "SecurityError"); }, configurable: true });`,
  "no caches at all": `Object.defineProperty(globalThis, "caches", { value: undefined, configurable: true });`,
  "caches.open that rejects": `CacheStorage.prototype.open = CacheStorage.prototype.has = CacheStorage.prototype.delete = async () => { throw new DOMException("denied", "SecurityError"); };`,
  "caches.open that throws": `CacheStorage.prototype.open = CacheStorage.prototype.has = CacheStorage.prototype.delete = () => { throw new TypeError("denied"); };`,
  "a cache whose every call rejects": `for (const name of ["match", "matchAll", "keys", "put", "delete", "add"]) Cache.prototype[name] = async () => { throw new DOMException("no", "UnknownError"); };`,
  "a cache whose match rejects": `Cache.prototype.match = async () => { throw new DOMException("no", "UnknownError"); };`,
  "a full disk": `Cache.prototype.put = async () => { throw new DOMException("full", "QuotaExceededError"); };`,
  "a cache that gives what it cannot read": `Cache.prototype.match = async () => new Response(new ReadableStream({ start: (controller) => controller.error(new Error("broken")) }));`,
  "storages whose getters throw": `for (const name of ["indexedDB", "localStorage", "sessionStorage", "caches"]) if (name in globalThis) Object.defineProperty(globalThis, name, { get() { throw new DOMException("denied", "SecurityError"); }, configurable: true });`,
};

for (const [name, script] of Object.entries(FAILING)) {
  test(`${name}: drawing goes on without`, async () => {
    const page = await openPage(browser, server.address);
    await page.evaluate(script);
    // A Worker has storages of its own.
    await page.evaluate((script) => {
      const { Worker } = globalThis;
      const url = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      globalThis.Worker = function (address, options) {
        if (!/worker\.js/.test(address)) return new Worker(address, options);
        return new Worker(url(`import ${JSON.stringify(url(script))}; import ${JSON.stringify(String(address))};`), options);
      };
    }, script);
    await prepare(page, PROMPT);
    const found = await page.evaluate(everything);
    assert.equal(found.picture, expected.picture, JSON.stringify(found).slice(0, 300));
    assert.equal(found.caption, expected.caption);
    assert.equal(await page.evaluate(() => code(MirrorGan.load("nowhere"))), "network");
    await page.context().close();
  });
}

test("a service worker is told what is missing, and where to go", async () => {
  const script = `import { MirrorGan, MirrorGanError } from "./pkg/index.js";
    const told = MirrorGan.load("tiny").then(() => "ok", (error) => (error instanceof MirrorGanError ? error.code + ": " + error.message : "untyped: " + error));
    addEventListener("message", (event) => event.waitUntil(told.then((text) => event.source.postMessage(text))));`;
  server.answer = (request, response, path) => path === "/sw.js" && response.writeHead(200, { "content-type": "text/javascript" }).end(script);
  const page = await openPage(browser, server.address, { serviceWorkers: "allow" });
  const told = await page.evaluate(async () => {
    await navigator.serviceWorker.register("sw.js", { type: "module" });
    const { active } = await navigator.serviceWorker.ready;
    return new Promise((resolve) => {
      navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
      navigator.serviceWorker.startMessages();
      active.postMessage("tell");
    });
  });
  assert.equal(told, "unsupported: there are no Workers in a service worker: load the model in a page or a Worker");
  await page.context().close();
  server.answer = () => false;
});

test("a SharedWorker draws, or is told what is missing", async () => {
  const script = `import { MirrorGan, MirrorGanError } from "./pkg/index.js";
    const told = MirrorGan.load("tiny").then((gan) => gan.generate("pink")).then(() => "ok", (error) => (error instanceof MirrorGanError ? error.code + ": " + error.message : "untyped: " + error));
    onconnect = ({ ports: [port] }) => told.then((text) => port.postMessage(text));`;
  server.answer = (request, response, path) => path === "/shared.js" && response.writeHead(200, { "content-type": "text/javascript" }).end(script);
  const page = await openPage(browser, server.address);
  const told = await page.evaluate(() => {
    const { port } = new SharedWorker("shared.js", { type: "module" });
    return new Promise((resolve) => (port.onmessage = ({ data }) => resolve(data)));
  });
  assert.match(told, /^ok$|^unsupported: there are no Workers in a SharedWorker: /);
  await page.context().close();
  server.answer = () => false;
});
