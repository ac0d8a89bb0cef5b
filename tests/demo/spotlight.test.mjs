// The spotlight: ratios to an even share, flat maps called flat, the strongest word of each region; on the large picture, by mouse, keyboard and finger.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAT, at, kept, peak, ratios, regions, tellPeak } from "../../www/spotlight.js";
import { breaches, drawAndWait } from "./demo_tools.mjs";
import { SIZES, openPage } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";

/** Two words over 10 × 10 pixels: the first has three quarters in the left half and a quarter in the right one. */
const HALVES = { words: 2, size: 10, weights: new Float32Array(200) };
for (let pixel = 0; pixel < 100; pixel++) {
  HALVES.weights[pixel] = pixel % 10 < 5 ? 0.75 : 0.25;
  HALVES.weights[100 + pixel] = 1 - HALVES.weights[pixel];
}
const FLAT_MAPS = { words: 4, size: 3, weights: new Float32Array(36).fill(0.25) };

test("a map is told as its ratio to an even share", () => {
  assert.deepEqual([...ratios(HALVES, 0)].slice(3, 7), [1.5, 1.5, 0.5, 0.5]);
  assert.equal(peak(ratios(HALVES, 0)), 1.5);
  assert.equal(kept(1.5), 1);
  assert.equal(kept(0.5), 0);
  assert.ok(kept(1) < 0.2, "an even share is faded");
  assert.ok(kept(1.5, 5) < 0.5, "beside a place with five times an even share");
  assert.equal(kept(2.5, 5), 1);
  assert.match(tellPeak("pink", 1.44), /“pink” has up to 1\.4 × of an even share/);
  assert.match(tellPeak("with", peak(ratios(FLAT_MAPS, 2))), /nearly flat/);
  assert.ok(peak(ratios(FLAT_MAPS, 0)) < FLAT);
});

test("regions go to their strongest word, with its share of the picture and a colour of its own", () => {
  const { winner, legend } = regions(HALVES);
  assert.deepEqual([...winner.subarray(0, 10)], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  assert.deepEqual(legend.map(({ index, share }) => [index, share]), [[0, 0.5], [1, 0.5]]);
  assert.notDeepEqual(legend[0].colour, legend[1].colour);
  assert.deepEqual(at(HALVES, 0.1, 0.5, { all: true }), { word: 0, ratio: 1.5 });
  assert.deepEqual(at(HALVES, 0.99, 1, { word: 0 }), { word: 0, ratio: 0.5 });
});

const PROMPT = "a red flower";
/** The darkest red of the veil where it hides most: less alpha keeps less exact colours. */
const veil = (page) =>
  page.locator("#heat").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Math.min(...data.filter((_, index) => index % 4 === 0 && data[index + 3] > 150));
  });

test("a chosen word lights the large picture and the steps; all words colour regions with a legend; the place pointed at is told", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await openPage(browser, server.address, { colorScheme, reducedMotion: "reduce" });
    await drawAndWait(page, PROMPT);
    assert.match(await page.locator(".plate").innerText(), /“a red flower”, seed 7/, "the drawn prompt is beside the picture");
    const word = page.locator("#words").getByRole("button", { name: "red", exact: true });
    assert.match(await word.getAttribute("data-ratio"), /^\d\.\d$/);
    await word.click();
    await page.mouse.move(0, 0);
    assert.equal(await page.locator("#stages .heat.shown").count(), SIZES.length - 1);
    assert.ok(await page.locator("#heat.shown.veil").isVisible());
    assert.ok((await veil(page)) >= 248, "a veil near white, which the style turns where the page is dark");
    assert.equal(await page.locator("#heat").evaluate((canvas) => getComputedStyle(canvas).filter), colorScheme === "dark" ? "invert(1)" : "none");
    assert.match(await page.locator("#spot").innerText(), /“red” (has up to|is spread nearly flat: nowhere more than) \d\.\d × of/);
    await page.locator("#picture").hover({ position: { x: 50, y: 60 } });
    assert.match(await page.locator("#spot").innerText(), /^Here “red” has \d\.\d × of an even share/);
    await page.getByRole("button", { name: "All words" }).click();
    assert.match(await page.locator("#legend").innerText(), /(a|red|flower) \d+ %/);
    assert.ok((await page.locator("#heat.shown:not(.veil)").count()) === 1);
    await page.locator("#picture").hover({ position: { x: 50, y: 60 } });
    assert.match(await page.locator("#spot").innerText(), /^Strongest here: “(a|red|flower)”, \d\.\d × of even/);
    assert.deepEqual(await breaches(page), []);
    await page.getByRole("button", { name: "All words" }).click();
    assert.equal(await page.locator(".heat.shown").count(), 0);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});

test("a finger chooses a word, slides over the picture, and lets the word go again", async () => {
  const page = await openPage(browser, server.address, { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });
  await drawAndWait(page, PROMPT);
  const word = page.locator("#words").getByRole("button", { name: "red", exact: true });
  await word.tap();
  assert.ok(await page.locator("#heat.shown").isVisible());
  await page.locator("#picture").tap({ position: { x: 100, y: 100 } });
  assert.match(await page.locator("#spot").innerText(), /^Here “red” has/);
  await word.tap();
  assert.equal(await page.locator(".heat.shown").count(), 0);
  assert.doesNotMatch(await page.locator("#words-block .hint").innerText(), /Tab key/);
  await page.context().close();
});
