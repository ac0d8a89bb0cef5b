// One word changed with the same noise: a wiper between before and after, where they differ; the grid; how it works, with and without attention.

import assert from "node:assert/strict";
import { test } from "node:test";
import { meanDifference, verdict } from "../../www/attention.js";
import { differences } from "../../www/compare.js";
import { cellsOf, valuesOf } from "../../www/grid.js";
import { others, replaceAt } from "../../www/kinds.js";
import { breaches, drawAndWait, told } from "./demo_tools.mjs";
import { difference, oneStage, openPage, pngPixels, serve, shownError, stagePixels } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";
import { hold, saidSoFar } from "./watch.mjs";

test("words are exchanged by their place, for others of their kind that the model knows", () => {
  assert.equal(replaceAt("a red, Red flower", 2, "white"), "a red, white flower");
  assert.equal(replaceAt("a red flower", 9, "white"), "a red flower");
  assert.deepEqual(others("red", new Set(["blue", "white", "petals"])), ["blue", "white"]);
  assert.ok(others("belly", null).includes("wings"));
  assert.deepEqual([...differences([0, 0, 0, 255, 9, 9, 9, 255], [30, 60, 0, 255, 9, 9, 9, 255])], [30, 0]);
});

test("the pictures of a grid are every pair of its words, or of a word and a seed", () => {
  assert.deepEqual(valuesOf(" red, white,,red ;blue"), ["red", "white", "blue"]);
  assert.equal(valuesOf("1 2,3,4,5,6,7,8,9").length, 6);
  const base = { prompt: "a red flower with pink petals", seed: 3, model: "flowers", rows: { place: 1, words: ["dark blue", "white"] } };
  const cells = cellsOf({ ...base, columns: { place: 4, words: ["yellow"] } });
  assert.deepEqual(cells.map(({ prompt, seed }) => [prompt, seed]), [["a dark blue flower with yellow petals", 3], ["a white flower with yellow petals", 3]]);
  assert.deepEqual(cellsOf({ ...base, columns: { place: "seeds", words: ["8", "9"] } }).map(({ seed }) => seed), [8, 9, 8, 9]);
});

const pixelsOf = (locator) => locator.evaluate((canvas) => Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data));

test("a word is changed by a click or by typing: what is compared is what each prompt draws, and it can be kept", async () => {
  const page = await openPage(browser, server.address, { reducedMotion: "reduce" });
  await drawAndWait(page, "a white flower", 5);
  const white = (await stagePixels(page)).at(-1).rgba;
  await drawAndWait(page, "a red flower", 5);
  const red = (await stagePixels(page)).at(-1).rgba;
  await page.locator("#words").getByRole("button", { name: "red", exact: true }).click();
  await page.getByRole("button", { name: "white in place of red" }).click();
  await told(page, /^Drawn with “white” in place of “red”: \d+ % of the picture changed/);
  assert.equal(difference(await pixelsOf(page.locator(".wiper-before canvas")), red), 0);
  assert.equal(difference(await pixelsOf(page.locator(".wiper-picture:not(.wiper-before) canvas")), white), 0);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, red), 0, "the main picture stays");
  const wiper = page.getByRole("slider", { name: /^Wiper between “red”/ });
  await wiper.focus();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await wiper.getAttribute("aria-valuetext"), "49 % of the picture before the change");
  const box = await page.locator("#compare .wiper").first().boundingBox();
  await page.mouse.click(box.x + box.width / 4, box.y + box.height / 2);
  assert.ok(Math.abs((await wiper.inputValue()) - 25) <= 1, "the wiper goes where the picture is touched");
  assert.deepEqual(await breaches(page), []);
  // An unknown word is told where it was typed, and costs nothing.
  await page.getByLabel("Another word").fill("zeppelin");
  await page.keyboard.press("Enter");
  assert.match(await shownError(page), /does not know “zeppelin”/);
  assert.ok(await page.locator('[data-errors="words"] [role=alert]').isVisible());
  await page.getByLabel("Another word").fill("pink");
  await page.keyboard.press("Enter");
  await told(page, /^Drawn with “pink”/);
  await page.getByRole("button", { name: "Make it the main picture" }).click();
  await told(page, /^Done/);
  assert.equal(await page.getByLabel("What should the picture show?").inputValue(), "a pink flower");
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "5");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a grid fills as it goes, its pictures are what their prompts draw, can be chosen, and saved as one", async () => {
  const page = await openPage(browser, server.address, { reducedMotion: "reduce" });
  await drawAndWait(page, "a white flower", 6);
  const white = (await stagePixels(page)).at(-1).rgba;
  await drawAndWait(page, "a red flower", 5);
  await page.locator("#grid summary").click();
  await page.getByLabel("Word that changes from row to row").selectOption("red");
  await page.getByLabel("What changes from column to column").selectOption("other seeds");
  const [rows, columns] = [page.locator("#grid-rows-values"), page.locator("#grid-columns-values")];
  await rows.fill("red, white");
  await columns.fill("5, six");
  await page.getByRole("button", { name: "Fill the grid" }).click();
  assert.match(await shownError(page), /seed “six” is no whole number/);
  assert.ok(await page.locator('#grid [role="alert"]').isVisible());
  await columns.fill("5, 6, 7");
  await page.getByRole("button", { name: "Fill the grid" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#grid .tile.drawn").length === 2 && document.querySelectorAll("#grid .tile:disabled").length === 4);
  await told(page, /^The grid is filled/);
  const tiles = page.locator("#grid .tile");
  assert.equal(await tiles.count(), 6);
  assert.equal(difference(await pixelsOf(tiles.nth(4).locator("canvas")), white), 0);
  assert.deepEqual(await breaches(page), []);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save the grid" }).click()]);
  assert.equal(download.suggestedFilename(), "grid-a-red-flower.png");
  assert.equal((await pngPixels(page, await download.path())).size, 110 + 3 * 192);
  await tiles.first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await told(page, /^Done/);
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "6");
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, white), 0);
  assert.equal(await tiles.count(), 6, "the grid stays for the next choice");
  // Cut short, what is drawn stays.
  await page.getByRole("button", { name: "Fill the grid" }).click();
  await page.locator("#grid .tile.drawn").first().waitFor();
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  await drawAndWait(page, "a pink flower", 1);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("how it works follows the prompt of the picture, part by part, with shapes and times", async () => {
  const page = await openPage(browser, server.address, { reducedMotion: "reduce" });
  await page.locator("#draw:enabled").waitFor();
  await page.locator("#how summary").click();
  await page.getByText("Draw a picture first").waitFor();
  await drawAndWait(page, "a red flower zeppelin", 5);
  const parts = page.locator(".how-part");
  await parts.first().waitFor();
  assert.deepEqual(await page.locator(".how-name").allInnerTexts(), ["Words", "Sentence", "64 px", "128 px", "256 px", "Words again"]);
  assert.match(await page.locator(".how-told").innerText(), /knows 3 of them; “zeppelin” is left out[\s\S]*3 words × \d+ numbers · \d+ ms/);
  await parts.nth(3).focus();
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".how-told").innerText(), /“(a|red|flower)” stood out most[\s\S]*3 maps of \d+ × \d+ → 128 × 128 × 3 · \d/);
  await parts.nth(5).click();
  assert.match(await page.locator(".how-told").innerText(), /gives these words a probability of/);
  assert.equal(await page.getByRole("link", { name: "the model's card" }).getAttribute("href"), "models/flowers/README.md");
  assert.deepEqual(await breaches(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("what attention does is told by how much the pictures differ", () => {
  assert.equal(meanDifference([0, 0, 0, 255, 9, 9, 9, 255], [30, 60, 0, 255, 9, 9, 9, 255]), 15);
  assert.match(verdict(8, 0.01), /less than 0\.1 of 255 on average, too little to be seen/);
  assert.match(verdict(8, 3.14), /by 3\.1 of 255 on average, a little/);
  assert.match(verdict(8, 20), /by 20\.0 of 255 on average, plain to see/);
  assert.match(verdict(1, 0), /one word .* nothing to choose between/);
});

const [ON, OFF] = ["attention on", "attention off"];

/** By the mouse: the radio button lies under its label. */
const press = (page, name) => page.locator(".attention-switch label", { hasText: name }).click();

/** Draws, and opens "How it works" with the switch of attention. */
async function openSwitch(page, prompt = "a red flower") {
  await drawAndWait(page, prompt, 5);
  await page.locator("#how summary").click();
  await page.getByRole("radio", { name: ON }).waitFor();
}

/** Whether attention is on again and nothing is compared. */
async function assertOn(page) {
  await page.locator(".attention-pair").waitFor({ state: "hidden" });
  assert.ok(await page.getByRole("radio", { name: ON }).isChecked());
}

test("attention is switched off by keyboard: the same prompt and seed without it, beside the picture, with how far they differ", async () => {
  const page = await openPage(browser, server.address, { reducedMotion: "reduce" });
  await openSwitch(page);
  await assertOn(page);
  const main = (await stagePixels(page)).at(-1).rgba;
  await page.getByRole("radio", { name: ON }).focus();
  await page.keyboard.press("ArrowRight");
  await told(page, /^Drawn without attention/);
  const said = await page.locator(".attention-pair p").innerText();
  assert.match(said, /^They differ by/);
  const [on, off] = [page.locator(".attention-pair canvas").nth(0), page.locator(".attention-pair canvas").nth(1)];
  const without = await pixelsOf(off);
  assert.equal(difference(await pixelsOf(on), main), 0);
  const expected = await page.evaluate(async () => {
    const { MirrorGan } = await import(new URL("pkg/index.js", location.href).href);
    const gan = await MirrorGan.load("models/flowers", { device: "cpu" });
    const { pictures } = await gan.generate("a red flower", { seed: 5, attention: false });
    await gan.dispose();
    return Array.from(pictures[0].stages.at(-1).image.data);
  });
  assert.equal(difference(without, expected), 0);
  assert.ok(difference(without, main) > 0);
  const sum = main.reduce((sum, value, at) => sum + (at % 4 < 3 ? Math.abs(value - without[at]) : 0), 0);
  const mean = sum / ((3 * main.length) / 4);
  assert.ok(said.includes(mean < 0.05 ? "less than 0.1 of 255" : `by ${mean.toFixed(1)} of 255`), `${said}, but it is ${mean}`);
  for (const name of ["With attention: a red flower", "Without attention: a red flower"]) assert.ok(await page.getByRole("img", { name, exact: true }).isVisible());
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, main), 0, "the main picture stays");
  assert.deepEqual(await breaches(page), []);
  // There and back costs no second drawing.
  await page.keyboard.press("ArrowLeft");
  await assertOn(page);
  const heard = (await saidSoFar(page)).length;
  await page.keyboard.press("ArrowRight");
  await off.waitFor();
  assert.equal(difference(await pixelsOf(off), without), 0);
  assert.equal((await saidSoFar(page)).length, heard);
  // Another picture begins with attention.
  await drawAndWait(page, "flower", 6);
  await assertOn(page);
  await press(page, OFF);
  await told(page, /^Drawn without attention/);
  assert.match(await page.locator(".attention-pair p").innerText(), /^The model knows one word of this prompt/);
  assert.equal(difference(await pixelsOf(off), await pixelsOf(on)), 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("drawing without attention is cancelled by Escape and by switching it on, and nothing moves when its picture comes", async () => {
  const page = await openPage(browser, server.address, { viewport: { width: 390, height: 844 } });
  await openSwitch(page);
  const cancelled = async (cancel) => {
    const held = await hold(page, "stage");
    await press(page, OFF);
    await held.reached();
    await cancel();
    await told(page, /^Cancelled/);
    await held.release();
    await assertOn(page);
  };
  await cancelled(() => page.keyboard.press("Escape"));
  await cancelled(() => press(page, ON));
  const place = () => page.locator("#how").evaluate((card) => card.getBoundingClientRect().height);
  const held = await hold(page, "stage");
  await press(page, OFF);
  await held.reached();
  const before = await place();
  await held.release();
  await told(page, /^Drawn without attention/);
  assert.equal(await place(), before);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("what fails without attention is told there, and the switch is where it was", async () => {
  const page = await openPage(browser, server.address);
  await openSwitch(page);
  await page.route("**/mirrorgan_webgpu_bg.wasm", (route) => route.abort());
  await page.locator("#device").selectOption("webgpu");
  await press(page, OFF);
  assert.match(await shownError(page), /could not be downloaded[\s\S]*Switch attention off to try again/);
  assert.ok(await page.locator('[data-errors="attention"] [role="alert"]').isVisible());
  await assertOn(page);
  await page.locator("#device").selectOption("cpu");
  await press(page, OFF);
  await told(page, /^Drawn without attention/);
  assert.ok(await page.getByRole("alert").isHidden());
  await page.context().close();
});

test("a model that never looks at single words has no attention to switch off", async () => {
  const one = await serve({ "models/flowers": oneStage() });
  const page = await openPage(browser, one.address);
  await drawAndWait(page, "a red flower", 5);
  await page.locator("#how summary").click();
  await page.locator(".how-part").first().waitFor();
  assert.deepEqual(await page.locator(".how-name").allInnerTexts(), ["Words", "Sentence", "64 px", "Words again"]);
  assert.ok(await page.locator("#attention").isHidden());
  assert.deepEqual(page.problems, []);
  await page.context().close();
  one.stop();
});
