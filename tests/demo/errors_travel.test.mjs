// Errors as they are sent on, kept, and read by whoever has to mend something.

import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, ROOT, TINY, openBrowser, openPage, scratch } from "./harness.mjs";

let browser, server, other, page;

before(async () => {
  const web = join(scratch(), "web");
  cpSync(TINY, web, { recursive: true, dereference: true });
  [browser, server, other] = [await openBrowser(), await new FilesServer({ web }).start(), await new FilesServer({ web }).start()];
  page = await prepare(await openPage(browser, server.address), PROMPT);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await other?.stop();
});

/** The error that a call in the page ends with, in parts. */
const failure = (call, in_ = page) =>
  in_.evaluate(`(async () => {
    const error = await (async () => ${call})().then(() => null, (error) => error);
    return error && { code: error.code, message: error.message, cause: error.cause && String(error.cause) };
  })()`);

test("in the browser: a clone, a message and JSON have code, name, message and words", async () => {
  const copies = await page.evaluate(async () => {
    const gan = await MirrorGan.load("tiny", { warmUp: false });
    const error = await gan.generate("quux zeppelin").catch((error) => error);
    await gan.dispose();
    const { port1, port2 } = new MessageChannel();
    const sent = new Promise((resolve) => (port2.onmessage = ({ data }) => resolve(data)));
    port1.postMessage(error);
    const parts = ({ code, name, message, words }) => ({ code, name, message, words });
    return {
      nature: [error instanceof Error, error instanceof MirrorGanError, Object.prototype.toString.call(error), String(error), typeof error.stack],
      copies: [error, structuredClone(error), await sent, JSON.parse(JSON.stringify(error))].map(parts),
    };
  });
  const [error, ...others] = copies.copies;
  assert.deepEqual([error.code, error.name, error.words], ["empty-prompt", "MirrorGanError", ["quux", "zeppelin"]]);
  for (const copy of others) assert.deepEqual(copy, error);
  assert.deepEqual(copies.nature, [true, true, "[object Error]", `MirrorGanError: ${error.message}`, "string"]);
});

test("in Node.js too, with a cause that nothing can clone", async () => {
  const { MirrorGanError } = await import("../../pkg/node.js");
  const cause = () => {};
  const error = new MirrorGanError("bad-input", "no", { cause });
  assert.equal(error.cause, cause);
  assert.deepEqual({ ...structuredClone(error) }, { name: "MirrorGanError", code: "bad-input", message: "no", words: [] });
  assert.equal(JSON.stringify(error), '{"name":"MirrorGanError","code":"bad-input","message":"no","words":[]}');
  assert.match(error.stack, /errors_travel/);
});

test("causes are kept: the signal's reason, what a callback threw, what the Worker met", async () => {
  const causes = await page.evaluate(async () => {
    const caught = (promise) => promise.catch(({ code, name, cause }) => [code, name, cause?.name ?? cause]);
    const gan = await MirrorGan.load("tiny", { warmUp: false });
    const controller = new AbortController();
    const call = gan.generate(prompt, { count: 64, signal: controller.signal });
    controller.abort("enough");
    const thrown = () => {
      throw new SyntaxError("mine");
    };
    const answers = [await caught(call), await caught(gan.generate(prompt, { onStage: thrown })), await caught(MirrorGan.load("tiny", { signal: AbortSignal.timeout(1) }))];
    await gan.dispose();
    return [...answers, await caught(MirrorGan.load("http://127.0.0.1:9/nobody"))];
  });
  assert.deepEqual(causes, [
    ["aborted", "AbortError", "enough"],
    ["bad-input", "MirrorGanError", "SyntaxError"],
    ["aborted", "AbortError", "TimeoutError"],
    ["network", "MirrorGanError", "TypeError"],
  ]);
});

test("a model that is not there, one of another origin without CORS, a web page in its place, and nobody: each by its name", async () => {
  const load = (address) => failure(`MirrorGan.load(${JSON.stringify(address)})`);
  assert.match((await load("nowhere")).message, /nowhere\/config\.json: the server answered 404/);
  const cors = await load(`${other.address}web`);
  assert.equal(cors.code, "network");
  assert.match(cors.message, /the server answers, but .* Access-Control-Allow-Origin.*CORS/);
  assert.match(cors.cause, /Failed to fetch/);
  other.headers = { "access-control-allow-origin": "*" };
  assert.equal(await failure(`(await MirrorGan.load("${other.address}web")).dispose()`), null);
  // Allowed, but not with this header. What is kept would do instead.
  await page.evaluate(() => MirrorGan.clearCache());
  assert.match((await failure(`MirrorGan.load("${other.address}web", { fetch: { headers: { "x-key": "1" } } })`)).message, /or not for these headers/);
  server.answer = (request, response, path) => path.startsWith("/spa/") && response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  assert.match((await load("spa")).message, /config\.json: the server answered with a web page \(text\/html\)/);
  server.answer = (request, response, path) => /glam/.test(path) && response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<!doctype html>");
  await page.evaluate(() => MirrorGan.clearCache());
  assert.match((await load("tiny")).message, /glam\.safetensors: the server answered with a web page/);
  server.answer = () => false;
  const nobody = await load("http://127.0.0.1:9/nobody");
  assert.match(nobody.message, /could not be reached/);
  assert.doesNotMatch(nobody.message, /CORS/);
});

test("in a page that is isolated, CORS and COEP are named as what it may be", async () => {
  server.headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
  const isolated = await prepare(await openPage(browser, server.address), PROMPT);
  other.headers = {};
  const { message } = await failure(`MirrorGan.load("${other.address}web")`, isolated);
  assert.match(message, /Access-Control-Allow-Origin.*\(CORS\).*cross-origin isolated \(COEP\)/);
  await isolated.context().close();
  server.headers = {};
});

test("a Worker's script that does not load: missing, of a wrong type, without the header that isolation asks for", async () => {
  const tell = async (change, headers = {}) => {
    server.headers = headers;
    server.answer = (request, response, path) => path === "/pkg/worker.js" && (change(response), true);
    const own = await prepare(await openPage(browser, server.address), PROMPT);
    const error = await failure('MirrorGan.load("tiny")', own);
    await own.context().close();
    [server.headers, server.answer] = [{}, () => false];
    assert.equal(error.code, "network");
    return error.message;
  };
  const script = server.content("/pkg/worker.js");
  assert.match(await tell((response) => response.writeHead(404).end()), /pkg\/worker\.js: the server answered 404.*options worker and wasm/);
  assert.match(await tell((response) => response.writeHead(200, { "content-type": "text/plain" }).end(script)), /served as text\/plain; a module must be text\/javascript/);
  const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
  const without = (response) => {
    response.removeHeader("cross-origin-embedder-policy");
    response.writeHead(200, { "content-type": "text/javascript" }).end(script);
  };
  assert.match(await tell(without, isolation), /Cross-Origin-Embedder-Policy: require-corp/);
});

test("what a browser lacks is said only where it is known", async () => {
  const told = (change) =>
    page.evaluate(`(async () => {
      const saved = { WebAssembly, validate: WebAssembly.validate, Worker };
      ${change}
      const offered = await MirrorGan.support();
      const message = await MirrorGan.load("tiny").catch((error) => error.code + ": " + error.message);
      globalThis.WebAssembly = saved.WebAssembly;
      WebAssembly.validate = saved.validate;
      globalThis.Worker = saved.Worker;
      return [offered.usable, offered.missing.join(), message];
    })()`);
  assert.deepEqual(await told("WebAssembly.validate = () => false;"), [
    false,
    "WebAssembly with SIMD and reference types",
    "unsupported: this browser lacks WebAssembly with SIMD and reference types; a current one has them",
  ]);
  assert.deepEqual(await told("globalThis.WebAssembly = undefined;"), [
    false,
    "WebAssembly",
    "unsupported: there is no WebAssembly here: this browser lacks it, or it is switched off",
  ]);
  assert.deepEqual(await told("globalThis.Worker = undefined;"), [
    false,
    "Workers",
    "unsupported: there are no Workers here: this browser lacks them, or they are switched off",
  ]);
  // A Worker that looks at no type is of a browser that knows no modules.
  const old = `globalThis.Worker = class extends EventTarget {
    constructor() { super(); setTimeout(() => this.dispatchEvent(new Event("error"))); }
    postMessage() {}
    terminate() {}
  };`;
  assert.match((await told(old))[2], /^unsupported: this browser lacks module Workers/);
});
