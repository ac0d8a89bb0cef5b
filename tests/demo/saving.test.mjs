// Taking pictures away and bringing them back: PNG files that know what they were drawn from, the strip of the steps.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { VERSION, readDrawn, textsFor, textsOf, withTexts } from "../../www/png.js";
import { TINY_PROMPT, drawAndWait, told } from "./demo_tools.mjs";
import { ROOT, TINY, cli, difference, openPage, pngPixels, scratch, shownError, stagePixels } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";
import { address } from "./watch.mjs";

/** A picture of one pixel. */
const PIXEL = Uint8Array.from(Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64"));

test("texts go into a PNG and come back, in any script", () => {
  const wish = { prompt: "a röd 花 🌸", seed: Number.MAX_SAFE_INTEGER, noise: { towards: 0, position: 0.123 }, model: "flowers", weights: "0123456789ab" };
  const png = withTexts(PIXEL, textsFor(wish));
  assert.deepEqual(readDrawn(png), wish);
  assert.equal(textsOf(png).Title, wish.prompt);
  assert.match(textsOf(png).Software, new RegExp(`MirrorGAN ${VERSION}`));
  assert.equal(VERSION, JSON.parse(readFileSync(join(ROOT, "pkg", "package.json"), "utf8")).version);
});

test("what a PNG says is data: nonsense in it is no wish", () => {
  for (const said of ["", "{", "null", "[]", '{"prompt":1,"seed":1,"model":"x"}', '{"prompt":"x","seed":-1,"model":"x"}', '{"prompt":"x","seed":1.5,"model":"x"}', '{"prompt":"x","seed":1,"model":"../x"}', '{"prompt":"x","seed":1,"towards":2,"position":7,"model":"x"}', JSON.stringify({ prompt: "x".repeat(3000), seed: 1, model: "x" })]) {
    assert.equal(readDrawn(withTexts(PIXEL, { mirrorgan: said })), null, said);
  }
  assert.equal(readDrawn(withTexts(PIXEL, { mirrorgan: '{"prompt":"x","seed":1,"model":"x","weights":"<b>"}' })).weights, null);
  for (const bytes of [new Uint8Array(0), PIXEL, PIXEL.subarray(0, 20), Uint8Array.from(Buffer.from("no picture at all"))]) assert.equal(readDrawn(bytes), null);
});

test("a picture of the command line says the same, and a second one is no first one", () => {
  const out = scratch();
  cli("generate", "--model", TINY, TINY_PROMPT, "--seed", "5", "--out", join(out, "one.png"));
  cli("generate", "--model", TINY, TINY_PROMPT, "--seed", "5", "--count", "2", "--out", out);
  const read = (name) => readFileSync(join(out, name));
  const weights = JSON.parse(readFileSync(join(TINY, "config.json"), "utf8")).files["glam.safetensors"].sha256.slice(0, 12);
  for (const name of ["one.png", "00.png"]) assert.deepEqual(readDrawn(read(name)), { prompt: TINY_PROMPT, seed: 5, noise: null, model: basename(TINY), weights });
  assert.equal(textsOf(read("one.png")).Title, TINY_PROMPT);
  assert.equal(textsOf(read("one.png")).Software, `MirrorGAN ${VERSION}`);
  assert.equal(readDrawn(read("01.png")), null, "by prompt and seed alone the first one would be drawn");
  assert.deepEqual(JSON.parse(textsOf(read("01.png"))["mirrorgan-picture"]).picture, 1);
});

const save = async (page, name) => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return download;
};

test("a saved picture brings back prompt, seed and model; a model that is not here is told in the card", async () => {
  const page = await openPage(browser, `${server.address}?model=tiny`);
  await drawAndWait(page, TINY_PROMPT, 11);
  const shown = (await stagePixels(page)).at(-1).rgba;
  await page.evaluate(() => {
    const button = document.getElementById("save");
    window.labels = [];
    new MutationObserver(() => window.labels.push(button.textContent)).observe(button, { childList: true });
  });
  const download = await save(page, "Save as PNG");
  // On the button itself, for a moment.
  await page.waitForFunction(() => window.labels.join() === "Saved,Save as PNG");
  const file = join(scratch(), "saved.png");
  await download.saveAs(file);
  assert.equal(difference((await pngPixels(page, file)).rgba, shown), 0);
  const { weights, ...wish } = readDrawn(readFileSync(file));
  assert.deepEqual(wish, { prompt: TINY_PROMPT, seed: 11, noise: null, model: "tiny" });
  assert.equal(weights, JSON.parse(readFileSync(join(TINY, "config.json"), "utf8")).files["glam.safetensors"].sha256.slice(0, 12));

  const other = await openPage(browser, server.address);
  await other.locator("#file:enabled").setInputFiles(file);
  await told(other, /^Done/);
  assert.equal(await other.getByLabel("What should the picture show?").inputValue(), TINY_PROMPT);
  assert.equal(await other.getByLabel("Seed", { exact: true }).inputValue(), "11");
  assert.equal(await other.locator("#model-list :checked").inputValue(), "tiny");
  assert.equal(difference((await stagePixels(other)).at(-1).rgba, shown), 0);
  // The weights have changed since.
  writeFileSync(file, withTexts(PIXEL, textsFor({ prompt: "a red flower", seed: 3, model: "tiny", weights: "000000000000" })));
  await other.locator("#file").setInputFiles(file);
  await told(other, /the model has learned since/);
  writeFileSync(file, withTexts(PIXEL, textsFor({ prompt: "a red flower", seed: 3, model: "elsewhere" })));
  await other.locator("#file").setInputFiles(file);
  assert.match(await shownError(other), /“elsewhere”, which is not here/);
  assert.ok(await other.locator('#mirror [role="alert"]').isVisible());
  assert.deepEqual(other.problems, []);
  await other.context().close();
  await page.context().close();
});

test("noise that is not one seed comes back too: of a variation and of a place of a walk", async () => {
  const page = await openPage(browser, `${server.address}?model=tiny`, { reducedMotion: "reduce" });
  await drawAndWait(page, TINY_PROMPT, 7);
  await page.getByRole("button", { name: "Six variations" }).click();
  await told(page, /^Six variations drawn/);
  await page.locator("#variation-grid .tile").nth(2).click();
  await told(page, /^Done/);
  const files = [];
  const keep = async () => {
    const file = join(scratch(), "noise.png");
    await (await save(page, "Save as PNG")).saveAs(file);
    files.push({ file, shown: (await stagePixels(page)).at(-1).rgba, plate: await page.locator("#plate-prompt").innerText(), drawn: readDrawn(readFileSync(file)) });
  };
  await keep();
  await page.locator("#walk summary").click();
  await page.locator("#walk-to").fill("30");
  await page.locator("#walk-start").click();
  await told(page, /^Walked/);
  await page.locator("#walk-slider").fill("250");
  await page.locator("#walk").getByRole("button", { name: "Make it the main picture" }).click();
  await told(page, /^Done/);
  await keep();
  assert.deepEqual(files.map(({ drawn }) => [drawn.seed, drawn.noise?.towards]), [[7, 10], [7, 30]]);
  assert.equal(files[1].drawn.noise.position, 0.313);
  assert.notEqual(difference(files[0].shown, files[1].shown), 0);

  const other = await openPage(browser, server.address);
  for (const { file, shown, plate, drawn } of files) {
    await other.locator("#file:enabled").setInputFiles(file);
    await told(other, /^Done in/);
    assert.equal(difference((await stagePixels(other)).at(-1).rgba, shown), 0, plate);
    assert.equal(await other.locator("#plate-prompt").innerText(), plate);
    assert.equal(await other.getByLabel("Seed", { exact: true }).inputValue(), "7");
    assert.match(await other.locator("#between").innerText(), new RegExp(`% of the way to seed ${drawn.noise.towards}`));
    assert.equal(await other.locator("#model-list :checked").inputValue(), "tiny");
    assert.match(await address(other), new RegExp(`seed=7&towards=${drawn.noise.towards}&position=${drawn.noise.position}&model=tiny`));
  }
  assert.deepEqual(other.problems, []);
  await other.context().close();
  await page.context().close();
});

test("the steps are saved side by side", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, "a red flower", 4);
  const download = await save(page, "Save the steps");
  assert.equal(download.suggestedFilename(), "a-red-flower-4-steps.png");
  const file = join(scratch(), "strip.png");
  await download.saveAs(file);
  const stages = await stagePixels(page);
  const { size, rgba } = await pngPixels(page, file);
  assert.equal(size, 3 * 256 + 2 * 8);
  assert.equal(rgba.length, 4 * size * 256, "as high as one picture");
  // Each pixel of a small picture is a square of the strip.
  stages.forEach((stage, index) => {
    const scale = 256 / stage.size;
    const left = index * (256 + 8);
    for (const [x, y] of [[0, 0], [17, 90], [128, 128], [200, 31], [255, 255]]) {
      const [from, to] = [4 * (Math.floor(y / scale) * stage.size + Math.floor(x / scale)), 4 * (y * size + left + x)];
      assert.deepEqual(rgba.slice(to, to + 4), stage.rgba.slice(from, from + 4), `${stage.size} px at ${x}, ${y}`);
    }
  });
  const { prompt, seed, model } = readDrawn(readFileSync(file));
  assert.deepEqual({ prompt, seed, model }, { prompt: "a red flower", seed: 4, model: "flowers" });
  await page.context().close();
});
