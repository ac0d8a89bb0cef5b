// Downloads that break off or are cancelled go on where they were: weights by their sum, modules by what the server calls their version.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { FilesServer, prepare } from "./files_server.mjs";
import { FLOWERS, PROMPT, ROOT, openBrowser, openPage } from "./harness.mjs";
import { until } from "./watch.mjs";

let browser, server, page;

before(async () => {
  [browser, server] = [await openBrowser(), await new FilesServer({ flowers: FLOWERS }).start()];
  page = await prepare(await openPage(browser, server.address), PROMPT);
});

beforeEach(async () => {
  await page.evaluate(() => MirrorGan.clearCache());
  Object.assign(server, { log: [], answer: () => false, headers: {} });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What breaks off where, and how much is kept at once. */
const KINDS = [
  { file: "glam.safetensors", folder: FLOWERS, cut: 3_000_000, piece: 2 ** 20 },
  { file: "mirrorgan_cpu_bg.wasm", folder: join(ROOT, "pkg"), cut: 1_500_000, piece: 2 ** 20 },
];
const TAG = { etag: '"one"' };

/** Has the server break off in a file after `bytes` of an answer, once; gives where its answers began, those to come too. */
function breakOff(file, bytes, { ranges = true, version = () => TAG, refusal = null } = {}) {
  let broken = false;
  const starts = [];
  server.answer = (request, response, path) => {
    if (!path.endsWith(file)) return false;
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    if (from && refusal) return response.writeHead(refusal).end();
    const content = server.content(path);
    const start = ranges && from !== undefined ? Number(from) : 0;
    const body = content.subarray(start);
    starts.push(start);
    const range = start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {};
    const headers = { "content-length": body.length, "cache-control": "no-store", ...range, ...version(starts.length) };
    response.writeHead(start > 0 ? 206 : 200, headers);
    if (broken) return response.end(body);
    broken = true;
    response.write(body.subarray(0, bytes), () => setTimeout(() => response.destroy(), 300));
    return true;
  };
  return starts;
}

/** As the server answers, but what is written of a file comes in slices, and none after `most` bytes: who cancels then may take its time. */
function slowly(file, most) {
  const { answer } = server;
  server.answer = (request, response, path) => {
    if (!path.endsWith(file)) return false;
    const write = response.write.bind(response);
    response.write = (content, done) => {
      let at = 0;
      const timer = setInterval(() => {
        if (response.destroyed) return clearInterval(timer), done?.();
        if (at >= most) return clearInterval(timer);
        write(content.subarray(at, (at += 100_000)));
      }, 10);
    };
    return answer(request, response, path);
  };
}

/** Loads the larger model; the code of its error, and what was told of the file. */
const load = (file, abortAfter = Infinity) =>
  page.evaluate(
    async ([file, abortAfter]) => {
      const controller = new AbortController();
      const events = [];
      const onProgress = (event) => {
        if (event.file !== file) return;
        events.push([event.status, event.loaded, event.progress]);
        if (event.loaded > abortAfter) controller.abort();
      };
      const outcome = await code(MirrorGan.load("flowers", { device: "cpu", threads: 1, warmUp: false, signal: controller.signal, onProgress }).then((gan) => gan.dispose()));
      return { outcome, begun: events.find(([status]) => status === "download")?.[1], last: events.at(-1), most: Math.max(...events.map(([, , progress = 0]) => progress)) };
    },
    [file, abortAfter],
  );

const keys = (file) => page.evaluate(async (file) => (await (await caches.open("mirrorgan-v1")).keys()).map(({ url }) => url).filter((url) => url.includes(file)), file);

/** What was kept of a file is of another one, of the same length, by now. */
const damage = (file) =>
  page.evaluate(async (file) => {
    const cache = await caches.open("mirrorgan-v1");
    const part = (await cache.keys()).find(({ url }) => url.includes(file) && /part=0$/.test(url));
    const kept = await cache.match(part);
    await cache.put(part, new Response(new Uint8Array((await kept.arrayBuffer()).byteLength), { headers: kept.headers }));
  }, file);

for (const { file, folder, cut, piece } of KINDS) {
  const size = statSync(join(folder, file)).size;

  test(`a download of ${file} that breaks goes on where it was`, async () => {
    const starts = breakOff(file, cut);
    assert.equal((await load(file)).outcome, "network");
    assert.deepEqual(await page.evaluate(async (file) => (await MirrorGan.cached()).filter(({ url }) => url.includes(file)), file), []);
    const { outcome, begun, last, most } = await load(file);
    assert.equal(outcome, "ok");
    assert.equal(starts.length, 2);
    assert.ok(starts[1] >= piece && starts[1] <= cut, `it went on at ${starts[1]}`);
    assert.deepEqual([begun, last, most], [starts[1], ["done", size, 100], 100]);
    // Kept whole, once, without its parts; a module beside its use.
    await until(page, async (file) => (await (await caches.open("mirrorgan-v1")).keys()).filter(({ url }) => url.includes(file)).every(({ url }) => !/part=/.test(url)), file);
    assert.ok((await keys(file)).length <= 1);
  });

  test(`a download of ${file} that is cancelled goes on where it was`, async () => {
    const starts = breakOff(file, size);
    slowly(file, cut + 200_000);
    assert.equal((await load(file, cut)).outcome, "aborted");
    // A module's parts are put away beside its use, and so perhaps after the error.
    await until(page, async (file) => (await (await caches.open("mirrorgan-v1")).keys()).some(({ url }) => url.includes(file) && /part=0$/.test(url)), file);
    const begun = () => page.evaluate(async (file) => (await MirrorGan.describe("flowers")).files.find((entry) => entry.file === file)?.begun, file);
    const there = await begun();
    assert.equal((await load(file)).outcome, "ok");
    assert.ok(starts.at(-1) >= piece, `${starts}`);
    // Of modules nothing is described.
    if (there !== undefined) assert.deepEqual([there, await begun()], [starts.at(-1), 0]);
  });

  test(`${file}: where the server knows no ranges, or has another file by now, it begins anew`, async () => {
    const all = breakOff(file, cut, { ranges: false });
    assert.equal((await load(file)).outcome, "network");
    assert.equal((await load(file)).outcome, "ok");
    assert.deepEqual(all, [0, 0]);
    // Parts of what it was not: the sum tells, or that it does not compile, and all of it is asked for.
    await page.evaluate(() => MirrorGan.clearCache());
    const starts = breakOff(file, cut);
    assert.equal((await load(file)).outcome, "network");
    await damage(file);
    assert.equal((await load(file)).outcome, "ok");
    assert.deepEqual(starts.map((start) => start > 0), [false, true, false]);
  });

  test(`${file}: a refusal of ranges costs nothing but the time`, async () => {
    for (const refusal of [416, 403, 500]) {
      await page.evaluate(() => MirrorGan.clearCache());
      breakOff(file, cut, { refusal });
      assert.equal((await load(file)).outcome, "network");
      assert.equal((await load(file)).outcome, "ok", `after ${refusal}`);
    }
  });
}

const [, { file: MODULE, cut: CUT }] = KINDS;
const DATE = { "last-modified": "Sat, 01 Aug 2026 00:00:00 GMT" };

for (const [what, version, expected] of [
  ["of another version is not added to", (answer) => ({ etag: `"${answer}"` }), [false, true, false]],
  ["of which nothing says the version is not kept", () => ({}), [false, false]],
  ["with a weak tag alone is not kept", () => ({ etag: 'W/"one"' }), [false, false]],
  ["with a weak tag goes on by its date", () => ({ etag: 'W/"one"', ...DATE }), [false, true]],
  ["with a date goes on, while that is the same", (answer) => (answer > 1 ? { "last-modified": "Sun, 02 Aug 2026 00:00:00 GMT" } : DATE), [false, true, false]],
]) {
  test(`half a module ${what}`, async () => {
    const starts = breakOff(MODULE, CUT, { version });
    assert.equal((await load(MODULE)).outcome, "network");
    assert.equal((await load(MODULE)).outcome, "ok");
    assert.deepEqual(starts.map((start) => start > 0), expected);
  });
}

test("half a module is kept of another origin's, too, and not of what came compressed: the rest would be longer than all", async (t) => {
  const other = await new FilesServer().start();
  t.after(() => other.stop());
  const log = [];
  const packed = gzipSync(other.content(`/pkg/${MODULE}`));
  let compressed = false;
  other.headers = { "access-control-allow-origin": "*" };
  other.answer = (request, response, path) => {
    log.push([request.method, Boolean(request.headers.range)]);
    const content = compressed ? packed : other.content(path);
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const body = content.subarray(Number(from ?? 0));
    response.writeHead(from ? 206 : 200, { "content-length": body.length, "cache-control": "no-store", ...DATE, ...(compressed ? { "content-encoding": "gzip", "access-control-expose-headers": "*" } : {}) });
    if (log.length > 1) return response.end(body);
    // More than a part.
    response.write(body.subarray(0, body.length * 0.75), () => setTimeout(() => response.destroy(), 300));
    return true;
  };
  const twice = () =>
    page.evaluate(async (wasm) => {
      const load = () => code(MirrorGan.load("tiny", { device: "cpu", threads: 1, warmUp: false, wasm }).then((gan) => gan.dispose()));
      return [await load(), await load()];
    }, `${other.address}pkg/${MODULE}`);
  assert.deepEqual(await twice(), ["network", "ok"]);
  // No question beforehand whether it may be asked so.
  assert.deepEqual(log, [["GET", false], ["GET", true]]);
  await page.evaluate(() => MirrorGan.clearCache());
  log.length = 0;
  compressed = true;
  assert.deepEqual(await twice(), ["network", "ok"]);
  assert.deepEqual(log, [["GET", false], ["GET", false]]);
});
