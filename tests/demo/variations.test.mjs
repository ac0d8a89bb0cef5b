// Variations, suggestions, the wall, the score, the choice of models.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LONGEST_PROMPT, cleanPrompt, isModelName, parseSeed, readLink } from "../../www/link.js";
import { agreeing, recall } from "../../www/score.js";
import { distance, nearest, replaceWord, unknownWords } from "../../www/suggest.js";
import { TINY_PROMPT, drawAndWait, told } from "./demo_tools.mjs";
import { FLOWERS, MODEL, ROOT, difference, openPage, serve, shownError, stagePixels } from "./harness.mjs";
import { address, hold } from "./watch.mjs";
import { browser, server } from "./tiny_page.mjs";

test("edit distance counts insertions, deletions, replacements and swaps", () => {
  for (const [from, to, edits] of [["", "", 0], ["red", "red", 0], ["purpel", "purple", 1], ["yelow", "yellow", 1], ["petal", "petals", 1], ["kitten", "sitting", 3], ["", "abc", 3]]) {
    assert.equal(distance(from, to), edits, `${from} ${to}`);
    assert.equal(distance(to, from), edits, `${to} ${from}`);
  }
  assert.equal(distance("zeppelin", "red", 2), 3);
});

test("the nearest known words come first; what is near nothing gets none", () => {
  const vocabulary = new Set(["purple", "petals", "petal", "yellow", "white", "pistil", "a"]);
  assert.equal(nearest("purpel", vocabulary)[0], "purple");
  assert.equal(nearest("yelow", vocabulary)[0], "yellow");
  assert.deepEqual(nearest("zeppelin", vocabulary), []);
  assert.deepEqual(unknownWords("Purpel petals 🌸 and PURPEL", new Set([...vocabulary, "and"])).map(({ word }) => word), ["purpel"]);
  assert.equal(replaceWord("a Purpel, purpels purpel", "purpel", "purple"), "a purple, purpels purple");
});

test("the score is the share of telling words found again", () => {
  const tokens = ["this", "flower", "has", "pink", "petals", "and", "yellow", "centers", "zeppelin"].map((word) => ({ word, known: word !== "zeppelin" }));
  const words = "this flower has yellow petals and a yellow center".split(" ");
  const { found, all, missed } = recall(words, tokens);
  assert.deepEqual([found, all, missed], [2, 3, ["pink"]]);
  assert.deepEqual(words.filter((_, index) => agreeing(words, tokens)[index]), ["yellow", "yellow", "center"]);
  assert.equal(recall(words, [{ word: "flower", known: true }]), null);
});

test("links are read with care", () => {
  assert.deepEqual(readLink("#prompt=a+red+flower&seed=11&model=birds"), { prompt: "a red flower", seed: 11, model: "birds", problems: [] });
  for (const seed of ["NaN", "-1", "1.5", "1e99", "", "9007199254740993", "0x10"]) assert.equal(parseSeed(seed), null, seed);
  for (const name of ["..", "a/b", ".hidden", "", "a b", "x".repeat(65), "//host", null]) assert.equal(isModelName(name), false, String(name));
  assert.equal(readLink("#prompt=x&seed=NaN&model=../x").problems.length, 2);
  const long = cleanPrompt("petal ".repeat(10_000));
  assert.ok(long.cut && long.prompt.length <= LONGEST_PROMPT);
  assert.equal(cleanPrompt("a\u0000red\u0007 \u202eflower").prompt, "a red flower");
});

test("an unknown word gets suggestions; a click replaces it", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#draw:enabled").waitFor();
  const prompt = page.getByLabel("What should the picture show?");
  await prompt.fill("a purpel flower with qqqqqqqq");
  const suggestion = page.getByRole("button", { name: "Replace purpel by purple" });
  await suggestion.click();
  assert.equal(await prompt.inputValue(), "a purple flower with qqqqqqqq");
  assert.match(await page.locator("#suggestions").innerText(), /qqqqqqqq is unknown/);
  assert.equal(await suggestion.count(), 0);
  await page.context().close();
});

test("six variations are drawn with the seeds that follow; a click makes one the main picture", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  await page.getByRole("button", { name: "Six variations" }).click();
  await told(page, /^Six variations drawn/);
  const tiles = page.locator("#variation-grid .tile");
  assert.deepEqual(await tiles.locator(".seed").allInnerTexts(), ["8", "9", "10", "11", "12", "13"]);
  const pixels = () => tiles.nth(2).locator("canvas").evaluate((canvas) => Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data));
  const third = await pixels();
  await tiles.nth(2).click();
  await told(page, /^Done/);
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "10");
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, third), 0);
  assert.equal(await tiles.count(), 6, "the others stay for the next choice");
  assert.match(await address(page), /seed=10/);
  // Cancelled half way, when two are there and the third has begun: they stay and the page draws on.
  const held = await hold(page, "stage", 7);
  await page.getByRole("button", { name: "Six variations" }).click();
  await held.reached();
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  assert.deepEqual(await tiles.locator(".seed").allInnerTexts(), ["11", "12"]);
  await held.release();
  await drawAndWait(page, TINY_PROMPT, 3);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("with several models there is a choice that shows sizes before anything is downloaded, and links carry it", async () => {
  const page = await openPage(browser, server.address);
  const big = [];
  page.on("request", (request) => /\.(safetensors|wasm)$/.test(request.url()) && big.push(request.url()));
  const group = page.getByRole("group", { name: "Model" });
  await group.getByText(/kB|MB/).first().waitFor();
  // The page offers whatever models there are: at least the first one and the tests' own.
  assert.notEqual(await group.getByRole("radio").first().getAttribute("value"), "tiny");
  await group.getByRole("radio", { checked: false }).and(page.locator('[value="tiny"]')).check();
  await page.getByText(/^Downloads .* to draw/).waitFor();
  assert.deepEqual(big, []);
  assert.equal(await group.getByRole("radio", { checked: true }).getAttribute("value"), "tiny");
  await drawAndWait(page);
  assert.match(await address(page), /model=tiny/);
  assert.ok(big.every((url) => !/models\/(?!tiny)/.test(url)), "only the chosen model is downloaded");
  await page.context().close();
});

test("choosing a model that is not there is told, and the other's wall and sizes go", async () => {
  const page = await openPage(browser, server.address);
  await page.route("**/models/tiny/config.json", (route) => route.fulfill({ status: 404, body: "" }));
  await page.getByText(/^Downloads .* to draw/).waitFor();
  await page.locator('#model-list [value="tiny"]').check();
  assert.match(await shownError(page), /config\.json[\s\S]*404/);
  assert.equal(await page.locator("#note").textContent(), "");
  assert.equal(await page.locator("#wall .tile").count(), 0);
  await page.locator('#model-list [value="flowers"]').check();
  await page.getByText(/^Downloads .* to draw/).waitFor();
  assert.ok(await page.getByRole("alert").isHidden());
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("the wall shows at once what the model draws, and a click draws exactly that", { skip: MODEL !== FLOWERS && "there is no models/flowers" }, async () => {
  const gallery = JSON.parse(readFileSync(join(ROOT, "www", "gallery", "gallery.json"), "utf8"));
  const config = JSON.parse(readFileSync(join(FLOWERS, "config.json"), "utf8"));
  assert.equal(gallery.flowers.drawnBy, config.files["glam.safetensors"].sha256, "the wall is of other weights: run node scripts/gallery.mjs");
  const real = await serve();
  try {
    const page = await openPage(browser, real.address);
    const [{ prompt, seed }] = gallery.flowers.tiles;
    await page.getByRole("button", { name: `Draw: ${prompt}` }).click();
    await told(page, /^Done/);
    assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), String(seed));
    assert.ok(await page.locator("#wall").isHidden());
    // The tile is smaller and compressed: alike, not the same.
    const apart = await page.evaluate(async () => {
      const mean = (source, left) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.imageSmoothingQuality = "high";
        context.drawImage(source, 0, 0, left, left, 0, 0, 8, 8);
        return context.getImageData(0, 0, 8, 8).data;
      };
      const sheet = new Image();
      sheet.src = "gallery/flowers.webp";
      await sheet.decode();
      const [a, b] = [mean(sheet, sheet.naturalWidth / 3), mean(document.querySelector("#stages figure:last-child .picture"), 256)];
      return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length;
    });
    assert.ok(apart < 12, `on average ${apart} of 255 apart`);
    await page.context().close();
  } finally {
    real.stop();
  }
});
