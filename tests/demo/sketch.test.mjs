// Sketches that follow the keys, the sentences that it finds likely, and the mirror in the mirror.

import assert from "node:assert/strict";
import { test } from "node:test";
import { percent } from "../../www/sentences.js";
import { TINY_PROMPT, breaches, drawAndWait, told } from "./demo_tools.mjs";
import { difference, openPage, stagePixels } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";

const field = (page) => page.getByLabel("What should the picture show?");
const sketch = (page) => page.locator("#sketch");
/** The sketch's pixels once it is of this prompt and size. */
const sketchOf = async (page, prompt, size) => {
  const shown = await page.waitForFunction(([text, width]) => {
    const canvas = document.getElementById("sketch-picture");
    if (document.getElementById("sketch").hidden || canvas.width !== width || !canvas.parentElement.ariaLabel.includes(`“${text}”`)) return null;
    return Array.from(canvas.getContext("2d").getImageData(0, 0, width, width).data);
  }, [prompt, size]);
  return shown.jsonValue();
};

/** Counts the pictures that the Worker is asked for from here on; the first sketch of a key is asked for before anything else can happen. */
const countAsked = (page) =>
  page.evaluate(() => {
    const { postMessage } = Worker.prototype;
    globalThis.asked = 0;
    Worker.prototype.postMessage = function (message, ...more) {
      if (message?.method === "generate") asked++;
      return postMessage.call(this, message, ...more);
    };
  });
const asked = (page) => page.evaluate(() => globalThis.asked);

test("probabilities are told with the digits that say something", () => {
  assert.deepEqual([0.5, 0.123, 0.0234, 0.00001].map((share) => percent(Math.log(share))), ["50 %", "12 %", "2.3 %", "less than 0.1 %"]);
});

test("the sketch follows what is written, becomes finer, and is what Draw draws", async () => {
  const page = await openPage(browser, server.address, { sketches: true });
  const loaded = [];
  page.on("request", (request) => loaded.push(request.url()));
  await countAsked(page);
  await field(page).pressSequentially("red");
  assert.equal(await asked(page), 0);
  assert.ok(await sketch(page).isHidden(), "nothing is drawn before the visitor has asked for a picture");
  assert.deepEqual(loaded.filter((url) => /safetensors|wasm/.test(url)), [], "and nothing is downloaded");

  await drawAndWait(page, TINY_PROMPT, 7);
  assert.ok(await sketch(page).isHidden());
  const before = loaded.length;
  await field(page).fill("");
  const prompt = "a white flower with red petals";
  await field(page).pressSequentially(prompt);
  const coarse = await sketchOf(page, prompt, 64);
  const fine = await sketchOf(page, prompt, 256);
  assert.deepEqual(loaded.slice(before), []);
  assert.deepEqual(await breaches(page), []);

  // The main picture is still the one that was asked for, and keeps it until the sketch is taken.
  assert.match(await page.locator("#plate-prompt").textContent(), /pink petals/);
  await sketch(page).click();
  await told(page, /^Done/);
  const stages = await stagePixels(page);
  assert.equal(difference(stages[0].rgba, coarse), 0);
  assert.equal(difference(stages.at(-1).rgba, fine), 0);
  assert.ok(await sketch(page).isHidden());

  // Words that nobody knows have none.
  await field(page).fill("red");
  await sketchOf(page, "red", 64);
  await field(page).fill("qwertz");
  await page.waitForFunction(() => document.getElementById("sketch").hidden);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("sketches can be switched off, which is remembered, and are off where motion or data shall be saved", async () => {
  const page = await openPage(browser, server.address, { sketches: true, reducedMotion: "reduce" });
  const box = page.getByLabel("Sketch while I write");
  // The page has read what is wished by the time that it can draw.
  const ready = () => page.locator("#draw:enabled").waitFor();
  await ready();
  assert.equal(await box.isChecked(), false);
  await drawAndWait(page, TINY_PROMPT, 7);
  await countAsked(page);
  await field(page).fill("red");
  assert.equal(await asked(page), 0);
  assert.ok(await sketch(page).isHidden());
  await box.check();
  await sketchOf(page, "red", 256);
  await box.uncheck();
  assert.ok(await sketch(page).isHidden());
  const before = await asked(page);
  assert.ok(before > 0);
  await field(page).fill("white");
  assert.equal(await asked(page), before);
  assert.ok(await sketch(page).isHidden());
  await page.evaluate(() => localStorage.setItem("mirrorgan.sketch", "on"));
  await page.reload();
  await ready();
  assert.equal(await box.isChecked(), true);
  await page.context().close();
  const saving = await openPage(browser, "about:blank", { sketches: true });
  await saving.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
  await saving.goto(server.address);
  await saving.locator("#draw:enabled").waitFor();
  assert.equal(await saving.getByLabel("Sketch while I write").isChecked(), false);
  await saving.context().close();
});

test("the likeliest sentences are listed with their probabilities, and one can be drawn", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  const items = page.locator("#sentences li");
  await items.nth(2).waitFor();
  const texts = await items.locator(".sentence").allTextContents();
  assert.equal(new Set(texts).size, 3);
  for (const text of await items.locator(".hint").allTextContents()) assert.match(text, /^match -?\d\.\d\d · (less than 0\.1|\d+(\.\d)?) %$/);
  assert.deepEqual(await breaches(page), []);
  const chosen = (await items.locator(".sentence:enabled").all())[0];
  const text = await chosen.textContent();
  await chosen.click();
  await told(page, /^Done/);
  assert.equal(await field(page).inputValue(), text);

  await page.getByRole("button", { name: "Describe the picture above" }).click();
  await told(page, /^Described/);
  assert.equal(await page.locator("#mirror-sentences li").count(), 3);
  assert.equal(await page.locator("#mirror-sentences .sentence").first().textContent(), await page.locator("#drop-text").textContent());
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("the mirror in the mirror draws what was said, round after round", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  const said = await page.locator("#caption").textContent();
  await page.getByRole("heading", { name: "Mirror in mirror" }).click();
  await page.locator("#loop-start").click();
  await told(page, /says what was said before|pictures; the last one/);
  const rounds = page.locator("#loop-body li");
  assert.ok((await rounds.count()) >= 2);
  assert.equal(await rounds.first().locator("p").textContent(), `“${TINY_PROMPT}”`);
  assert.equal(await rounds.nth(1).locator("p").textContent(), `“${said}”`);
  assert.deepEqual(await breaches(page), []);
  await rounds.nth(1).getByRole("button").click();
  await told(page, /^Done/);
  assert.equal(await field(page).inputValue(), said);
  // Cancelled half-way, what is whole stays.
  await page.locator("#loop-start").click();
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  assert.equal(await page.locator("#loop-body .waiting").count(), 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
