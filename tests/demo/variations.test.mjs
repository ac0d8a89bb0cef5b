// Variations, suggestions, the wall, the choice of models.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LARGEST_SEED, LONGEST_PROMPT, between, cleanPrompt, isModelName, parseSeed, readLink, sameWish } from "../../www/link.js";
import { distance, nearest, replaceWord, unknownWords } from "../../www/suggest.js";
import { STRENGTHS, wishesFor } from "../../www/variations.js";
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

test("links are read with care", () => {
  assert.deepEqual(readLink("#prompt=a+red+flower&seed=11&model=birds"), { prompt: "a red flower", seed: 11, noise: null, model: "birds", problems: [] });
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

test("variations are as far on the way to other seeds as their strength says", () => {
  const wish = { prompt: "a red flower", seed: 7 };
  assert.deepEqual(wishesFor(wish, 0.25).slice(0, 2), [{ ...wish, noise: { towards: 8, position: 0.25 } }, { ...wish, noise: { towards: 9, position: 0.25 } }]);
  assert.deepEqual(wishesFor(wish, 1).map(({ seed, noise }) => [seed, noise]), [8, 9, 10, 11, 12, 13].map((seed) => [seed, null]));
  assert.equal(wishesFor({ prompt: "x", seed: LARGEST_SEED }, 1)[0].seed, 0);
  const shares = STRENGTHS.map(({ share }) => share);
  assert.deepEqual(shares, [...shares].sort((a, b) => a - b));
  assert.equal(shares.at(-1), 1);
});

test("noise on the way to another seed goes into links and comes back; what cannot be is told", () => {
  const noise = { towards: 12, position: 0.3 };
  assert.deepEqual(readLink("#prompt=a+red+flower&seed=7&towards=12&position=0.3&model=birds"), { prompt: "a red flower", seed: 7, noise, model: "birds", problems: [] });
  assert.deepEqual(between(7, 12, 0.3), { seed: 7, noise });
  assert.deepEqual([between(7, 12, 0), between(7, 12, 1)], [{ seed: 7, noise: null }, { seed: 12, noise: null }]);
  for (const wrong of ["towards=12", "towards=12&position=2", "towards=-1&position=0.5", "towards=x&position=0.5", "towards=12&position=NaN", "towards=12&position=0"]) {
    const { noise, problems } = readLink(`#prompt=x&seed=7&${wrong}`);
    assert.deepEqual([noise, problems.length], [null, 1], wrong);
  }
  assert.ok(sameWish({ prompt: "x", seed: 7, noise, model: "m" }, { prompt: "x", seed: 7, noise: { ...noise }, model: "m" }));
  assert.ok(!sameWish({ prompt: "x", seed: 7, noise, model: "m" }, { prompt: "x", seed: 7, noise: null, model: "m" }));
});

const pixelsOf = (canvas) => canvas.evaluate((each) => Array.from(each.getContext("2d").getImageData(0, 0, each.width, each.height).data));

test("six variations stay as near as is asked for; one becomes the main picture, with its noise in form, link and history", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  const own = (await stagePixels(page)).at(-1).rgba;
  await page.getByRole("button", { name: "Six variations" }).click();
  await told(page, /^Six variations drawn/);
  const tiles = page.locator("#variation-grid .tile");
  const slider = page.getByRole("slider", { name: "How different" });
  const apart = async () => {
    const pixels = await pixelsOf(tiles.first().locator("canvas"));
    return pixels.reduce((sum, value, index) => sum + Math.abs(value - own[index]), 0) / pixels.length;
  };
  const found = [];
  for (const [key, name] of [["Home", "nearly the same"], ["ArrowRight", "alike"], ["End", "another"]]) {
    await slider.focus();
    await page.keyboard.press(key);
    await told(page, /^Six variations drawn/);
    assert.equal(await slider.getAttribute("aria-valuetext"), name);
    assert.ok(await slider.evaluate((each) => each === document.activeElement), "the slider keeps the focus");
    found.push(await apart());
  }
  assert.ok(found[0] > 0 && found[0] < found[1] && found[1] < found[2], found.join(" "));
  await page.keyboard.press("Home");
  await told(page, /^Six variations drawn/);
  assert.match(await tiles.nth(2).getAttribute("aria-label"), /seed 7, 12 % of the way to seed 10/);
  const third = await pixelsOf(tiles.nth(2).locator("canvas"));
  await tiles.nth(2).click();
  await told(page, /^Done/);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, third), 0);
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "7");
  assert.match(await page.locator("#between").innerText(), /12 % of the way to seed 10/);
  assert.match(await page.locator("#plate-prompt").innerText(), /seed 7, 12 % of the way to seed 10$/);
  const link = await address(page);
  assert.match(link, /seed=7&towards=10&position=0.12/);
  // The link draws the same; so does the history, and a word is changed with the same noise.
  const second = await page.context().newPage();
  await second.goto(link);
  await told(second, /^Done/);
  assert.equal(difference((await stagePixels(second)).at(-1).rgba, third), 0);
  await second.close();
  await page.getByRole("button", { name: "The seed alone" }).click();
  assert.ok(await page.locator("#between").isHidden());
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await told(page, /^Done/);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, own), 0);
  await page.locator("#history-list button").nth(1).click();
  await told(page, /^Done/);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, third), 0);
  // Another seed is another noise.
  await page.getByLabel("Seed", { exact: true }).fill("8");
  assert.ok(await page.locator("#between").isHidden());
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("six variations at full strength are the seeds that follow; cut short, their sketches stay", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  await page.getByRole("button", { name: "Six variations" }).click();
  await told(page, /^Six variations drawn/);
  await page.getByRole("slider", { name: "How different" }).focus();
  await page.keyboard.press("End");
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
  // Cancelled when two sketches are there: they stay and the page draws on.
  const held = await hold(page, "stage", 2);
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
