// The history in this browser, prompts of every kind, servers that answer nonsense, no network.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawAndWait, told } from "./demo_tools.mjs";
import { difference, draw, openPage, shownError, stagePixels } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";

const entries = (page) => page.locator("#history-list .tile");

/** A new visit: not a reload, for then the page draws what its address names, and keeps it. */
async function visit(page, hash = "") {
  await page.goto("about:blank");
  await page.goto(server.address + hash);
  await page.locator("#draw:enabled").waitFor();
}

test("what was drawn is kept over a visit, brought back by a click, bounded, and can be cleared", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#draw:enabled").waitFor();
  assert.ok(await page.locator("#history").isHidden(), "nothing before the first picture");
  await drawAndWait(page, "a red flower", 3);
  const red = (await stagePixels(page)).at(-1).rgba;
  await drawAndWait(page, "a white flower", 4);
  await drawAndWait(page, "a white flower", 4);
  assert.equal(await entries(page).count(), 2, "the same picture is kept once");
  assert.match(await entries(page).first().locator("img").getAttribute("alt"), /^a white flower, seed 4/);
  await visit(page);
  assert.equal(await entries(page).count(), 2);
  await entries(page).nth(1).click();
  await told(page, /^Done/);
  assert.equal(await page.getByLabel("What should the picture show?").inputValue(), "a red flower");
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, red), 0);

  // Bounded, and small.
  await page.evaluate(() => {
    const [first] = JSON.parse(localStorage.getItem("mirrorgan.history"));
    localStorage.setItem("mirrorgan.history", JSON.stringify(Array.from({ length: 40 }, (_, seed) => ({ ...first, seed: 1000 + seed }))));
  });
  await visit(page);
  await drawAndWait(page, "a pink flower", 1);
  assert.equal(await entries(page).count(), 24);
  assert.ok((await page.evaluate(() => localStorage.getItem("mirrorgan.history").length)) < 500_000);

  await page.getByRole("button", { name: "Clear" }).click();
  assert.ok(await page.locator("#history").isHidden());
  await visit(page);
  assert.equal(await entries(page).count(), 0);
  await page.context().close();
});

test("a history that someone else wrote is read with care", async () => {
  const page = await openPage(browser, server.address);
  for (const text of ["{", "null", '{"a":1}', '[1,null,{"prompt":"x"},{"prompt":"x","seed":1,"model":"../x","picture":"data:image/png;base64,AA"},{"prompt":"x","seed":1,"model":"flowers","picture":"javascript:alert(1)"}]']) {
    await page.evaluate((value) => localStorage.setItem("mirrorgan.history", value), text);
    await page.reload();
    await page.locator("#draw:enabled").waitFor();
    assert.equal(await entries(page).count(), 0, text);
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("prompts of every kind are drawn or explained", async () => {
  const page = await openPage(browser, server.address);
  const prompt = page.getByLabel("What should the picture show?");
  // Ten thousand words, by a link: what can be read of them is drawn.
  await page.goto("about:blank");
  await page.goto(`${server.address}#${new URLSearchParams({ prompt: "pink petals ".repeat(5000), seed: "2" })}`);
  await told(page, /very long/);
  await page.locator("#draw:enabled").waitFor();
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await told(page, /^Done/);
  assert.ok((await page.locator("#words > *").count()) <= 61);
  assert.match(await page.locator("#words").innerText(), /and \d+ more/);
  // Ten thousand words, by the clipboard.
  await prompt.evaluate((area) => (area.value = "white ".repeat(10_000)));
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await told(page, /^Done/);
  assert.ok((await prompt.inputValue()).length <= 2000);
  await drawAndWait(page, "🌸 a pink\u0000\u0007 flower 🌸");
  assert.equal((await prompt.inputValue()).includes("\u0007"), false);
  await draw(page, "🌸🌸🌸");
  assert.match(await shownError(page), /nothing to draw yet/);
  for (const seed of ["", "-3", "1.5"]) {
    await drawAndWait(page, "a red flower", seed);
    assert.match(await page.getByLabel("Seed", { exact: true }).inputValue(), /^\d+$/, `seed ${seed}`);
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a server that answers with pages of its own, or not at all, is explained, and the page draws afterwards", async () => {
  const page = await openPage(browser, server.address);
  const nonsense = { status: 200, contentType: "text/html", body: "<!doctype html><title>Welcome</title>" };
  await page.route("**/models/index.json", (route) => route.fulfill(nonsense));
  await page.route("**/vocab.txt", (route) => route.fulfill(nonsense));
  await page.route("**/gallery/**", (route) => route.fulfill(nonsense));
  await page.addInitScript(() => {
    const { text } = Response.prototype;
    Response.prototype.text = async function () {
      const all = await text.call(this);
      globalThis.hasRead = `${globalThis.hasRead} ${this.url}`;
      return all;
    };
  });
  await visit(page, "#prompt=a+purpel+flower");
  await page.waitForFunction(() => /vocab\.txt/.test(globalThis.hasRead));
  assert.equal(await page.locator("#suggestions p").count(), 0, "no list of words, no suggestions");
  await draw(page, "a red flower");
  assert.match(await shownError(page), /vocab\.txt: the server answered with a web page/);
  await page.unroute("**/vocab.txt");
  await visit(page, "#prompt=a+purpel+flower");
  await page.locator("#suggestions p").waitFor();
  // Whatever came whole meanwhile is kept.
  await page.evaluate(async () => Promise.all((await caches.keys()).map((name) => caches.delete(name))));
  await page.route("**/glam.safetensors", (route) => route.fulfill(nonsense));
  await draw(page, "a red flower");
  assert.match(await shownError(page), /glam\.safetensors: the server answered with a web page/);
  await page.unroute("**/glam.safetensors");
  await page.context().setOffline(true);
  await draw(page, "a red flower");
  assert.match(await shownError(page), /You are offline/);
  await page.context().setOffline(false);
  await drawAndWait(page, "a red flower");
  assert.ok(await page.getByRole("alert").isHidden());
  // What is loaded draws on without a network.
  await page.context().setOffline(true);
  await drawAndWait(page, "a white flower", 9);
  await page.context().close();
});

test("the model files that the browser keeps are counted and can be removed", async () => {
  const page = await openPage(browser, "about:blank");
  // Where nothing can be had, nothing is kept: the page has counted, and says nothing of it.
  await page.route("**/config.json", (route) => route.fulfill({ status: 404, body: "" }));
  await visit(page);
  await page.waitForFunction(() => document.getElementById("kept-text").textContent);
  assert.ok(await page.locator("#kept").isHidden());
  await page.unroute("**/config.json");
  await drawAndWait(page, "a red flower");
  // More than what was looked at before it was loaded.
  await page.getByText(/^Your browser keeps [\d.]+ MB/).waitFor();
  await page.getByRole("button", { name: "Remove the files" }).click();
  await told(page, /files are removed/);
  assert.ok(await page.locator("#kept").isHidden());
  assert.equal(await page.evaluate(() => caches.open("mirrorgan-v1").then((store) => store.keys()).then((keys) => keys.length)), 0);
  // What is in memory draws on.
  await drawAndWait(page, "a white flower");
  await page.context().close();
});
