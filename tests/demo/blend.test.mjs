// Two prompts blended: ends that are what is drawn of each, a way between them, the slider, the mirror.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawAndWait, told } from "./demo_tools.mjs";
import { difference, openPage, shownError, stagePixels } from "./harness.mjs";
import { hold } from "./watch.mjs";
import { browser, server } from "./tiny_page.mjs";

const FROM = "a red flower";
const TO = "a white flower with long petals";

const blendPixels = (page) =>
  page.locator("#blend-picture").evaluate((canvas) => Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data));

const blend = async (page, from = FROM, to = TO) => {
  await page.getByRole("textbox", { name: "From" }).fill(from);
  await page.getByRole("textbox", { name: "To", exact: true }).fill(to);
  await page.getByRole("button", { name: "Blend", exact: true }).click();
};

test("the ends of a blend are the pictures of the two prompts, and the slider moves smoothly between", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, FROM, 5);
  const from = (await stagePixels(page)).at(-1).rgba;
  await drawAndWait(page, TO, 5);
  const to = (await stagePixels(page)).at(-1).rgba;
  await blend(page);
  await told(page, /^Blended/);
  const slider = page.getByRole("slider", { name: "Place on the way" });
  const at = async (value) => {
    await slider.fill(String(value));
    return blendPixels(page);
  };
  assert.ok(difference(await at(0), from) <= 1, "the first end");
  assert.ok(difference(await at(800), to) <= 1, "the last end");
  // The first step away from an end is small, and the middle is neither end.
  const apart = (a, b) => a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length;
  const whole = apart(from, to);
  assert.ok(apart(await at(0), await at(10)) < whole / 4, "a small step changes little");
  const middle = await at(400);
  assert.ok(apart(middle, from) > 0 && apart(middle, to) > 0);
  assert.equal(await slider.getAttribute("aria-valuetext"), "50 % of the way");
  assert.match(await page.locator("#blend-picture").getAttribute("aria-label"), /50 % of the way from “a red flower” to “a white/);
  assert.equal(await page.locator("#blend-strip canvas").count(), 9);
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await slider.inputValue(), "401");
  const play = page.getByRole("button", { name: "Play" });
  await play.click();
  await page.waitForFunction(() => document.getElementById("blend-slider").value !== "401");
  await page.getByRole("button", { name: "Pause" }).click();
  await play.waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("an empty end and unknown words are named; a blend can be cancelled; the next one works", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#blend-draw:enabled").waitFor();
  await blend(page, FROM, "  ");
  assert.match(await shownError(page), /needs two prompts; the second is empty/);
  await blend(page, "zeppelin", TO);
  assert.match(await shownError(page), /knows none of these words\.\s*“zeppelin”/);
  // Two frames are there, the others are not yet.
  const held = await hold(page, "frame", 2);
  await blend(page);
  await told(page, /^Drawing the way/);
  await held.reached();
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  assert.equal(await page.locator("#blend-strip canvas").count(), 2, "what is drawn stays");
  await held.release();
  await blend(page);
  await told(page, /^Blended/);
  assert.ok(await page.getByRole("alert").isHidden());
  await page.context().close();
});

test("pictures of every kind are described or refused with a reason, and the page stays usable", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#file:enabled").waitFor({ state: "attached" });
  const give = async (name, mimeType, buffer, expected) => {
    await page.locator("#file").setInputFiles({ name, mimeType, buffer });
    if (expected) {
      assert.match(await shownError(page), expected, name);
    } else {
      await told(page, /^Described/);
      assert.ok(await page.getByRole("alert").isHidden());
    }
  };
  const made = async (width, height, type) => {
    const data = await page.evaluate(([w, h, kind]) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
      const context = canvas.getContext("2d");
      context.fillStyle = "#c37";
      context.fillRect(0, 0, w, h);
      return canvas.toDataURL(kind).split(",")[1];
    }, [width, height, type]);
    return Buffer.from(data, "base64");
  };
  await give("empty.png", "image/png", Buffer.alloc(0), /file is empty/);
  await give("page.png", "image/png", Buffer.from("<!doctype html><p>no picture"), /not a picture/);
  await give("notes.txt", "text/plain", Buffer.from("words"), /not a picture/);
  await give("8k.jpg", "image/jpeg", await made(7680, 4320, "image/jpeg"));
  await give("wrong-type.gif", "image/gif", await made(64, 64, "image/png"));
  await give("line.png", "image/png", await made(300, 1, "image/png"));
  await give("drawing.svg", "image/svg+xml", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4" fill="red"/></svg>'));
  await give("nothing.svg", "image/svg+xml", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>'), /not a picture/);
  const half = await made(400, 400, "image/png");
  await give("half.png", "image/png", half.subarray(0, 40), /not a picture/);
  await drawAndWait(page);
  assert.ok(await page.getByRole("alert").isHidden());
  await page.context().close();
});
