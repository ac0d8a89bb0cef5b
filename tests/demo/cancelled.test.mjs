// A download that is cancelled in the page is not lost: the next one goes on where it was, on the same visit and on the next one.

import assert from "node:assert/strict";
import { createServer, request as ask } from "node:http";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bytes } from "../../www/text.js";
import { TINY_PROMPT, serveTiny } from "./demo_tools.mjs";
import { TINY, draw, drawn, openBrowser, openPage } from "./harness.mjs";
import { told, until } from "./watch.mjs";

const FILE = "glam.safetensors";
const SIZE = statSync(join(TINY, FILE)).size;

let browser, server, between;
/** What was asked for of the file, and up to which of its bytes it is answered; the rest stays away until the visitor leaves. */
const asked = [];
let most = Infinity;

before(async () => {
  [browser, server] = [await openBrowser(), await serveTiny()];
  between = createServer((request, response) => {
    const there = ask(new URL(request.url, server.address), { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      if (!request.url.endsWith(FILE)) return answer.pipe(response);
      const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      // A browser may ask first whether what it has is as it was.
      if (answer.statusCode !== 304) asked.push([first, answer.statusCode]);
      let at = first;
      answer.on("data", (chunk) => {
        const part = chunk.subarray(0, Math.max(0, most - at));
        at += chunk.length;
        if (part.length) response.write(part);
      });
      answer.on("end", () => at <= most && response.end());
    });
    there.end();
  });
  await new Promise((resolve) => between.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  await browser?.close();
  between?.closeAllConnections();
  between?.close();
  server?.stop();
});

/** Bytes of the file that the browser keeps in parts. */
const kept = (page) =>
  page.evaluate(async (file) => {
    const cache = await caches.open("mirrorgan-v1");
    const parts = (await cache.keys()).filter(({ url }) => url.includes(file) && /part=/.test(url));
    const sizes = await Promise.all(parts.map(async (key) => (await (await cache.match(key)).arrayBuffer()).byteLength));
    return sizes.reduce((sum, size) => sum + size, 0);
  }, FILE);

/** Keeps every text of the bar, which are gone soon, and how much has come of the file. */
const watchBar = (page) =>
  page.addInitScript((file) => {
    window.labels = [];
    addEventListener("DOMContentLoaded", () => {
      const label = document.getElementById("download-label");
      new MutationObserver(() => window.labels.push(label.textContent)).observe(label, { childList: true });
    });
    globalThis.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data: { event } }) => {
          if (event?.file === file) window.loaded = event.loaded;
        });
      }
    };
  }, FILE);

/** Draws, and cancels when the file has come so far. */
async function cancelAt(page, come) {
  most = come;
  const before = asked.length;
  await draw(page, TINY_PROMPT);
  // No byte more comes.
  await page.waitForFunction((most) => window.loaded === most, come);
  assert.equal(asked.length, before + 1);
  await page.getByRole("button", { name: "Cancel" }).click();
  await told(page, /^Cancelled\. What has come of the download is kept\.$/);
}

test("a cancelled download goes on where it was, on this visit and on the next, and the page says how much is left", async () => {
  const page = await openPage(browser, "about:blank");
  await watchBar(page);
  await page.goto(`http://127.0.0.1:${between.address().port}/?model=tiny`);
  await page.getByText(/^Downloads .* to draw/).waitFor();
  await cancelAt(page, 120_000);
  // It is put away beside the page.
  await until(page, async () => (await caches.open("mirrorgan-v1")).keys().then((keys) => keys.some(({ url }) => /glam.*part=0$/.test(url))));
  const first = await kept(page);
  assert.ok(first > 0 && first <= 120_000, `${first} bytes`);

  await page.evaluate(() => (window.labels.length = 0));
  await cancelAt(page, 240_000);
  assert.deepEqual(asked, [[0, 200], [first, 206]]);
  await page.waitForFunction((first) => caches.open("mirrorgan-v1").then((cache) => cache.keys()).then((keys) => keys.some(({ url }) => url.includes(`part=${first}`))), first);
  const second = await kept(page);
  assert.ok(second > first && second <= 240_000, `${second} bytes`);

  // Another visit: what is left is told before anything is asked for.
  await page.reload();
  await page.getByText(/still to come/).waitFor();
  const left = SIZE - second + statSync(join(TINY, "stream.safetensors")).size + statSync(join(TINY, "damsm.safetensors")).size;
  assert.match(await page.locator("#note").innerText(), new RegExp(`^Downloads .* to draw.*\\(${bytes(left).replace(".", "\\.")} of that still to come\\)`));
  most = Infinity;
  await draw(page, TINY_PROMPT);
  await drawn(page);
  assert.deepEqual(asked.slice(2), [[second, 206]]);
  // The bar began with what was there.
  const begun = (await page.evaluate(() => window.labels)).find((text) => text.startsWith("Downloading"));
  assert.match(begun, new RegExp(`^Downloading ${bytes(second)} of `));
  assert.equal(await kept(page), 0, "nothing in parts is left");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
