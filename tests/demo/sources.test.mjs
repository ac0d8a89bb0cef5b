// Where models lie: behind signatures, passwords and redirects, under hashed names, in files of the visitor's.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, TINY, openBrowser, openPage } from "./harness.mjs";

let browser, server, other, page, expected;

before(async () => {
  const hashed = readdirSync(TINY);
  [browser, server, other] = [await openBrowser(), await new FilesServer().start(), await new FilesServer().start()];
  assert.ok(hashed.includes("config.json"));
  page = await prepare(await openPage(browser, server.address), PROMPT);
  await page.evaluate(() => {
    globalThis.draw = async (model, options) => {
      const gan = await MirrorGan.load(model, { warmUp: false, ...options });
      const result = await gan.generate(prompt, { seed: 7, caption: true });
      await gan.dispose();
      return last(result) + result.pictures[0].caption.text;
    };
    globalThis.names = ["config.json", "vocab.txt", "stem.safetensors", "glam.safetensors", "stream.safetensors", "damsm.safetensors"];
  });
  expected = await page.evaluate(() => draw("tiny"));
});

beforeEach(async () => {
  await page.evaluate(() => MirrorGan.clearCache());
  for (const each of [server, other]) Object.assign(each, { log: [], answer: () => false, headers: {} });
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await other?.stop();
});

const asked = (from = server) => from.log.filter(({ path }) => /config|vocab|safetensors/.test(path));

test("a signed address keeps its query, for every file; weights are kept whatever the next signature is", async () => {
  server.answer = (request, response, path) => path.startsWith("/tiny/") && !/[?&]sig=\w+/.test(request.url) && response.writeHead(403).end();
  assert.equal(await page.evaluate(() => code(MirrorGan.load("tiny"))), "network");
  server.log = [];
  assert.ok((await page.evaluate(() => draw("tiny?sig=one&x=%2F"))) === expected);
  assert.equal(asked().length, 5);
  for (const { path } of asked()) assert.match(path, /\?sig=one&x=%2F$/);
  server.log = [];
  // What matches pictures with words was never needed.
  const { files } = await page.evaluate(() => MirrorGan.describe("tiny/?sig=two"));
  assert.deepEqual(files.filter(({ cached, when }) => !cached && when !== "match"), []);
  assert.ok((await page.evaluate(() => draw(new URL("tiny/?sig=two#x", location.href)))) === expected);
  assert.deepEqual(asked().map(({ path }) => path), ["/tiny/config.json?sig=two", "/tiny/config.json?sig=two"]);
  assert.deepEqual(await page.evaluate(async () => [await MirrorGan.clearCache("tiny?sig=three"), (await MirrorGan.cached()).filter(({ url }) => url.includes("tiny")).length]), [true, 0]);
});

test("headers and credentials go with every file of the model, to another origin too", async () => {
  other.headers = { "access-control-allow-origin": server.address.slice(0, -1), "access-control-allow-headers": "authorization", "access-control-allow-credentials": "true" };
  const allowed = ({ headers, method }) => method === "OPTIONS" || headers.authorization === "Bearer key";
  other.answer = (request, response, path) => path.startsWith("/tiny/") && !allowed(request) && response.writeHead(401).end();
  const model = `${other.address}tiny`;
  assert.match(await page.evaluate((model) => MirrorGan.load(model).catch(({ message }) => message), model), /the server answered 401/);
  for (const headers of ['{ authorization: "Bearer key" }', 'new Headers({ authorization: "Bearer key" })', '[["authorization", "Bearer key"]]']) {
    const fetch = `{ headers: ${headers}, credentials: "include" }`;
    assert.ok((await page.evaluate(`draw("${model}", { cache: false, fetch: ${fetch} })`)) === expected, headers);
    assert.equal(await page.evaluate(`MirrorGan.describe("${model}", { fetch: ${fetch} }).then(({ files }) => files.length)`), 5);
  }
  assert.deepEqual(asked().filter(({ headers }) => headers.authorization), [], "nobody else gets it");
  for (const wrong of ["7", "'key'", "{ headers: 7 }", "{ headers: { 'a b': '1' } }", "{ credentials: 'always' }", "{ referrerPolicy: 7 }"]) {
    assert.equal(await page.evaluate(`code(MirrorGan.load("tiny", { fetch: ${wrong} }))`), "bad-input", wrong);
  }
});

test("credentials: cookies of another origin are sent where they are asked for only", async () => {
  other.headers = { "access-control-allow-origin": server.address.slice(0, -1), "access-control-allow-credentials": "true" };
  await page.context().addCookies([{ name: "key", value: "1", url: other.address }]);
  for (const [credentials, sent] of [["include", true], ["omit", false]]) {
    other.log = [];
    await page.evaluate(([model, credentials]) => draw(model, { cache: false, fetch: { credentials } }), [`${other.address}tiny`, credentials]);
    assert.equal(asked(other).length, 5);
    // One host, whatever the port: to cookies it is the same site.
    for (const { headers } of asked(other)) assert.equal(/key=1/.test(headers.cookie ?? ""), sent, credentials);
  }
});

test("redirects, to another origin too", async () => {
  other.headers = { "access-control-allow-origin": "*" };
  server.answer = (request, response, path) => path.startsWith("/latest/") && response.writeHead(302, { location: `${other.address}tiny/${path.split("/").pop()}` }).end();
  assert.ok((await page.evaluate(() => draw("latest"))) === expected);
  assert.equal(asked(other).length, 5);
});

test("hashed names: a map of addresses", async () => {
  server.answer = (request, response, path) => {
    const [, name] = /^\/assets\/(.+)-a1b2c3(?=\.)/.exec(path) ?? [];
    if (!name) return false;
    response.writeHead(200).end(readFileSync(join(TINY, name + path.slice(path.lastIndexOf(".")))));
    return true;
  };
  const found = await page.evaluate(async () => {
    const hashed = Object.fromEntries(names.map((name) => [name, `assets/${name.replace(".", "-a1b2c3.")}`]));
    const described = await MirrorGan.describe(hashed);
    const pictures = [await draw(hashed), await draw(new Map(Object.entries(hashed).map(([name, address]) => [name, new URL(address, location.href)])))];
    const kept = (await MirrorGan.cached()).filter(({ url }) => url.includes("assets")).length;
    return { pictures, files: described.files.length, kept, after: (await MirrorGan.describe(hashed)).files.every(({ cached, when }) => cached || when === "match"), cleared: await MirrorGan.clearCache(hashed) };
  });
  assert.ok(found.pictures.every((picture) => picture === expected));
  assert.deepEqual({ ...found, pictures: null }, { pictures: null, files: 5, kept: 5, after: true, cleared: true });
});

test("Files of a picker, Blobs of an archive, bytes: nothing is downloaded", async () => {
  const found = await page.evaluate(async () => {
    const blobs = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await (await fetch(`tiny/${name}`)).blob()])));
    const files = names.map((name) => new File([blobs[name]], name));
    const bytes = Object.fromEntries(await Promise.all(names.map(async (name) => [name, new Uint8Array(await blobs[name].arrayBuffer())])));
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    globalThis.inHand = { blobs, files, list: transfer.files, map: new Map(Object.entries(blobs)), bytes };
    return Object.keys(inHand);
  });
  server.log = [];
  for (const kind of found) {
    const { picture, events, described } = await page.evaluate(async (kind) => {
      const events = [];
      const picture = await draw(inHand[kind], { onProgress: (event) => events.push(event) });
      return { picture, events, described: await MirrorGan.describe(inHand[kind]) };
    }, kind);
    assert.ok(picture === expected, kind);
    assert.equal(described.cachedBytes, described.bytes);
    const glam = events.filter(({ file }) => file === "glam.safetensors");
    assert.deepEqual([...new Set(glam.map(({ status }) => status))], ["initiate", "download", "progress", "done"]);
  }
  assert.deepEqual(asked(), []);
  assert.deepEqual(await page.evaluate(async () => (await MirrorGan.cached()).filter(({ url }) => !url.endsWith(".wasm"))), []);
  const codes = await page.evaluate(async () => {
    const { "config.json": config, "stream.safetensors": stream, ...rest } = inHand.blobs;
    const mute = await MirrorGan.load({ "config.json": config, ...rest });
    const codes = [await code(mute.generate(prompt)), await code(mute.caption(new ImageData(8, 8))), (await MirrorGan.describe({ "config.json": config })).cachedBytes];
    await mute.dispose();
    for (const wrong of [{}, [], new Map(), rest, { "config.json": 7 }, { "config.json": null }, [7], [new Blob()], { "config.json": "http://[" }]) codes.push(await code(MirrorGan.load(wrong)));
    codes.push(await code(MirrorGan.load({ "config.json": config })), await code(MirrorGan.load({ ...inHand.blobs, "glam.safetensors": new Blob(["x"]) })));
    return codes;
  });
  assert.deepEqual(codes, ["ok", "bad-input", 0, ...Array(9).fill("bad-input"), "bad-input", "integrity"]);
});

test("in a Worker that was made of a blob:, addresses are relative to the origin", async () => {
  const told = await page.evaluate(() => {
    const source = `import { MirrorGan } from "${location.href}pkg/index.js";
      const draw = async (model) => {
        const gan = await MirrorGan.load(model, { warmUp: false });
        const { pictures } = await gan.generate(${JSON.stringify(prompt)}, { seed: 7 });
        await gan.dispose();
        return pictures[0].stages.at(-1).image.data.join();
      };
      Promise.all(["tiny", "/tiny"].map(draw)).then(postMessage, (error) => postMessage(error.message));`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    return new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
  });
  assert.ok(Array.isArray(told) && told.every((picture) => expected.startsWith(picture)), String(told).slice(0, 200));
});

const brotli = (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

for (const [encoding, compress] of [["gzip", gzipSync], ["br", brotli]]) {
  test(`progress of what comes compressed (${encoding}) never exceeds all of it, whether it may be seen or not`, async () => {
    const answer = (each) => (request, response, path) => {
      const found = /tiny|wasm/.test(path) && request.method === "GET" && each.find(path);
      if (!found) return false;
      const content = compress(readFileSync(found.file));
      const type = path.endsWith("wasm") ? "application/wasm" : "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-encoding": encoding, "content-length": content.length }).end(content);
      return true;
    };
    server.answer = answer(server);
    other.answer = answer(other);
    // Its content-length may be read, its content-encoding not.
    other.headers = { "access-control-allow-origin": "*" };
    for (const address of [server.address, other.address]) {
      const { events, picture } = await page.evaluate(async (address) => {
        const events = [];
        const picture = await draw(`${address}tiny`, { device: "cpu", threads: 1, wasm: `${address}pkg/mirrorgan_cpu_bg.wasm`, cache: false, onProgress: (event) => events.push(event) });
        return { events, picture };
      }, address);
      assert.ok(picture === expected);
      const progress = events.filter(({ progress }) => progress !== undefined);
      assert.ok(progress.filter(({ status }) => status === "progress").length >= 4);
      for (const { file, loaded, total, progress: percent } of progress) {
        assert.ok(percent <= 100 && (total === 0 || loaded <= total), `${file}: ${loaded} of ${total}, ${percent} %`);
      }
    }
  });
}

test("in Node.js: a map of paths and addresses, Blobs, a query, headers", async () => {
  const { MirrorGan } = await import("../../pkg/node.js");
  const draw = async (model, options) => {
    const gan = await MirrorGan.load(model, { warmUp: false, threads: 1, ...options });
    const { pictures } = await gan.generate(PROMPT, { seed: 7 });
    await gan.dispose();
    return pictures[0].stages.at(-1).image.data.join();
  };
  const names = ["config.json", "vocab.txt", "stem.safetensors", "glam.safetensors"];
  const paths = Object.fromEntries(names.map((name) => [name, join(TINY, name)]));
  const blobs = Object.fromEntries(names.map((name) => [name, new Blob([readFileSync(join(TINY, name))])]));
  const one = await draw(TINY);
  assert.ok(expected.startsWith(one));
  for (const model of [paths, blobs, { ...paths, "vocab.txt": `${server.address}tiny/vocab.txt` }]) assert.equal(await draw(model), one);
  server.answer = (request, response) => (!/sig=1/.test(request.url) || request.headers["x-key"] !== "2") && response.writeHead(403).end();
  assert.equal(await draw(`${server.address}tiny?sig=1`, { fetch: { headers: { "x-key": "2" } } }), one);
});
