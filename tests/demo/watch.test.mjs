// What the other tests rely on: nothing that a page says is missed, nothing is read twice, and work can be kept half done.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./harness.mjs";
import { hold, newContext, saidSoFar, shownError, skip, told, until } from "./watch.mjs";

const HTML = `<!doctype html><p id="status"></p><div id="error" hidden><b id="title"></b> <span id="text"></span></div>
<script>
  const say = (...texts) => texts.forEach((text) => (document.getElementById("status").textContent = text));
  const fail = (title, text) => {
    say("");
    document.getElementById("title").textContent = title;
    document.getElementById("text").textContent = text;
    document.getElementById("error").hidden = false;
  };
  say("Loading", "Drawing", "Done");
</script>`;

let browser, page;

before(async () => {
  browser = await openBrowser();
  page = await (await newContext(browser)).newPage();
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html", body: HTML }));
  await page.goto("http://demo.test/");
});

after(() => browser?.close());

test("what was said before the test looked is read in its order, each text once", async () => {
  assert.equal(await told(page, /^Load/), "Loading");
  assert.equal(await told(page, /^Done/), "Done");
  // The same words again are other ones.
  await assert.rejects(told(page, /^Done/, 100), /did not say \/\^Done\/.*"Loading","Drawing","Done"/);
  const next = told(page, /^done/i);
  await page.evaluate(() => say("Loading", "Done", "Cancelled"));
  assert.equal(await next, "Done");
  await skip(page);
  await assert.rejects(told(page, /^Cancelled/, 100));
  // Written into the text that is there, as frameworks do it.
  await page.evaluate(() => (document.getElementById("status").firstChild.data = "Done again"));
  assert.equal(await told(page, /^Done/), "Done again");
  assert.deepEqual(await saidSoFar(page), ["Loading", "Drawing", "Done", "Loading", "Done", "Cancelled", "Done again"]);
});

test("an error is not taken for the next one that is worded alike, and is read where it is hidden by then", async () => {
  await page.evaluate(() => fail("No picture.", "It is empty."));
  assert.equal(await shownError(page), "No picture. It is empty.");
  await assert.rejects(shownError(page, /No picture/, 100));
  await page.evaluate(() => fail("No picture.", "It is empty."));
  await page.evaluate(() => (document.getElementById("error").hidden = true));
  assert.equal(await shownError(page, /No picture/), "No picture. It is empty.");
});

test("a Worker's events can be kept back, and come in their order when they are let go", async () => {
  await page.evaluate(() => {
    const source = 'onmessage = () => [1, 2, 3].forEach((number) => postMessage({ event: { kind: number === 1 ? "progress" : "stage", number } }))';
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    globalThis.heard = [];
    worker.addEventListener("message", ({ data }) => heard.push(data.event.number));
    globalThis.ask = () => worker.postMessage("go");
  });
  const held = await hold(page, "stage");
  await page.evaluate(() => ask());
  await held.reached();
  await page.evaluate(() => ask());
  // The third of the first answer, and the whole second one.
  await until(page, () => watched.kept() === 4);
  assert.deepEqual(await page.evaluate(() => heard), [1, 2]);
  await held.release();
  assert.deepEqual(await page.evaluate(() => heard), [1, 2, 3, 1, 2, 3]);
});
