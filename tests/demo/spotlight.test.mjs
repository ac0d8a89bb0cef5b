// The spotlight: ratios to an even share, flat maps called flat, the strongest word of each region; on the large picture, by mouse, keyboard and finger.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAT, at, foundMaps, kept, peak, ratios, regions, tellFound, tellPeak } from "../../www/spotlight.js";
import { breaches, drawAndWait, told } from "./demo_tools.mjs";
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

test("where a judge finds a word is told as its ratio to an even share of the places; what it cannot place is said", () => {
  // Three words over 2 × 2 places: one is found in the last of them, one everywhere alike, one fits nothing.
  const weights = Float32Array.from([0, 0.125, 0.125, 0.75, 0.25, 0.25, 0.25, 0.25, 0, 0, 0, 1]);
  const maps = foundMaps({ words: Float32Array.from([0.4, 0.3, -0.2]), places: { words: 3, size: 2, weights } });
  assert.deepEqual([...ratios(maps, 0)].map((ratio) => Math.round(10 * ratio) / 10), [0, 0.5, 0.5, 3]);
  assert.equal(tellFound("pink", maps, 0), "The judge finds “pink” here, with up to 3.0 × of an even share.");
  assert.match(tellFound("with", maps, 1), /cannot place “with”: nowhere more than 1\.0 ×/);
  assert.match(tellFound("blue", maps, 2), /finds nothing like “blue” in this picture/);
  assert.match(tellFound("red", maps, 3), /behind the last word that counts/);
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

/** What `match` of the package says of a picture and a text, as the buttons of the words print it and as lines. */
const judged = (page, canvas, text) =>
  page.evaluate(async ([canvas, text]) => {
    const { MirrorGan } = await import(new URL("pkg/index.js", document.baseURI).href);
    const { foundMaps, peak, ratios, tellFound } = await import(new URL("spotlight.js", document.baseURI).href);
    const gan = await MirrorGan.load("models/flowers/", { warmUp: false });
    const match = await gan.match(document.querySelector(canvas), text);
    await gan.dispose();
    const maps = foundMaps(match);
    const known = match.tokens.filter(({ known }) => known);
    return known.slice(0, maps.words).map(({ word }, index) => ({ word, ratio: peak(ratios(maps, index)).toFixed(1), told: tellFound(word, maps, index) }));
  }, [canvas, text]);
const printed = (page, root) => page.locator(`${root} button`).evaluateAll((all) => all.map(({ textContent, dataset }) => [textContent, dataset.ratio]));

test("beside where it looked: where the judge finds each word in the finished picture, by mouse and by keyboard", async () => {
  const page = await openPage(browser, server.address, { reducedMotion: "reduce" });
  await drawAndWait(page, PROMPT);
  const looked = await printed(page, "#words");
  const expected = await judged(page, "#stages figure:last-child .picture", PROMPT);
  const group = page.getByRole("group", { name: "What is shown of the words" });
  const word = page.locator("#words").getByRole("button", { name: "red", exact: true });
  const maps = () => page.evaluate(() => ["#heat", "#stages figure:last-child .heat"].map((each) => document.querySelector(each).toDataURL()));
  await word.focus();
  const attention = await maps();
  await group.getByRole("radio", { name: "where it looked" }).focus();
  await page.keyboard.press("ArrowRight");
  assert.ok(await group.getByRole("radio", { name: "where the judge finds it" }).isChecked());
  assert.match(await page.locator("#spot").innerText(), /^The judge compares words with the finished picture/);
  assert.deepEqual(await printed(page, "#words"), expected.map(({ word, ratio }) => [word, ratio]));
  await word.focus();
  assert.equal(await page.locator("#spot").innerText(), expected[1].told);
  // The large picture has the judge's map, the steps what the network looked at.
  const [large, small] = await maps();
  assert.notEqual(large, attention[0]);
  assert.equal(small, attention[1]);
  assert.ok(await page.locator("#heat.shown").isVisible());
  await word.press("Enter");
  await page.locator("#picture").hover({ position: { x: 50, y: 60 } });
  assert.match(await page.locator("#spot").innerText(), /^Here “red” is found with \d\.\d × of an even share/);
  assert.deepEqual(await breaches(page), []);
  await page.getByRole("button", { name: "All words" }).click();
  assert.match(await page.locator("#spot").innerText(), /the word that the judge finds there most/);
  assert.match(await page.locator("#legend").innerText(), /(a|red|flower) \d+ %/);
  await group.getByText("where it looked").click();
  assert.deepEqual(await printed(page, "#words"), looked);
  await page.getByRole("button", { name: "All words" }).click();
  // Nothing of the judge is left beside a picture that it was not asked about.
  await group.getByText("where the judge finds it").click();
  await page.getByLabel("Describe the result").uncheck();
  await drawAndWait(page, PROMPT, 8);
  assert.ok(await group.isHidden());
  assert.equal(await page.locator(".heat.shown").count(), 0);
  assert.ok((await word.getAttribute("data-ratio")) !== null);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("where the judge finds the words that were said of an own picture", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await openPage(browser, server.address, { reducedMotion: "reduce", colorScheme });
    await drawAndWait(page, PROMPT);
    const file = Buffer.from((await page.evaluate(() => document.querySelector("#stages figure:last-child .picture").toDataURL())).split(",")[1], "base64");
    assert.ok(await page.locator("#finding").isHidden(), "no place for what is not there");
    await page.locator("#file").setInputFiles({ name: "own.png", mimeType: "image/png", buffer: file });
    await told(page, /^Described/);
    const expected = await judged(page, "#dropped", await page.locator("#drop-text").innerText());
    assert.deepEqual((await printed(page, "#finding-words")).map(([word]) => word), expected.map(({ word }) => word));
    const first = page.getByRole("group", { name: "Where the judge finds each word" }).getByRole("button").first();
    await first.focus();
    await page.keyboard.press("Enter");
    assert.ok(await page.locator("#dropped-heat.shown").isVisible());
    assert.match(await page.locator("#finding-spot").innerText(), new RegExp(`“${expected[0].word}”`));
    assert.equal(await first.getAttribute("aria-pressed"), "true");
    assert.deepEqual(await breaches(page), []);
    await page.keyboard.press("Enter");
    await first.blur();
    assert.equal(await page.locator("#dropped-heat.shown").count(), 0);
    assert.equal(await page.locator("#finding-spot").innerText(), "");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});
