// A walk between two seeds: sketches first, refined after, scrubbed by slider and keyboard, calm where that is asked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { refining } from "../../www/walk.js";
import { TINY_PROMPT, breaches, drawAndWait, told } from "./demo_tools.mjs";
import { difference, openPage, shownError, stagePixels } from "./harness.mjs";
import { address, hold } from "./watch.mjs";
import { browser, server } from "./tiny_page.mjs";

const FRAMES = 17;
const shown = (page) => page.locator("#walk .film-picture").evaluate((each) => Array.from(each.getContext("2d").getImageData(0, 0, each.width, each.height).data));
const slider = (page) => page.getByRole("slider", { name: "Place on the way from the first seed" });
/** Widths of the pictures in the strip: 0 where there is none. */
const widths = (page) => page.locator(".walk-strip span").evaluateAll((places) => places.map((place) => place.querySelector("canvas")?.width ?? 0));

test("every place of a walk is refined once, the ends first, then what lies in the middle", () => {
  assert.deepEqual(refining(9), [0, 8, 4, 2, 6, 1, 3, 5, 7]);
  for (const count of [2, 3, 6, FRAMES]) assert.deepEqual(refining(count).toSorted((a, b) => a - b), Array.from({ length: count }, (_, index) => index));
});

test("a walk by keyboard: its ends are the pictures of both seeds, a place on the way can become the main picture", async () => {
  const page = await openPage(browser, server.address, { reducedMotion: "reduce" });
  await drawAndWait(page, TINY_PROMPT, 9);
  const to = (await stagePixels(page)).at(-1).rgba;
  await drawAndWait(page, TINY_PROMPT, 7);
  const from = (await stagePixels(page)).at(-1).rgba;
  await page.locator("#walk summary").focus();
  await page.keyboard.press("Enter");
  const field = page.getByLabel("To seed");
  await field.waitFor();
  assert.equal(await field.inputValue(), "8");
  for (const [seed, expected] of [["7", /needs another seed/], ["", /a whole number/]]) {
    await field.fill(seed);
    await page.keyboard.press("Enter");
    assert.match(await shownError(page), expected);
    assert.ok(await page.locator('[data-errors="walk"] [role=alert]').isVisible());
  }
  await field.fill("9");
  await page.keyboard.press("Enter");
  await told(page, /^Walking from seed 7 to seed 9/);
  await told(page, /^Walked/);
  assert.deepEqual(await widths(page), Array(FRAMES).fill(256));
  // Who asked for less motion sees it stand still until it is played.
  await slider(page).focus();
  await page.keyboard.press("Home");
  assert.equal(difference(await shown(page), from), 0);
  assert.equal(await slider(page).getAttribute("aria-valuetext"), "0 % of the way to seed 9");
  await page.keyboard.press("End");
  assert.equal(difference(await shown(page), to), 0);
  await slider(page).fill("400");
  assert.match(await page.locator("#walk .film-picture").getAttribute("aria-label"), /pink petals.*50 % of the way from seed 7 to seed 9/);
  const middle = await shown(page);
  assert.notEqual(difference(middle, from), 0);
  assert.notEqual(difference(middle, to), 0);
  await page.keyboard.press("ArrowRight");
  assert.equal(await slider(page).inputValue(), "401");
  await page.locator("#walk-play").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("walk-slider").value !== "401");
  assert.equal((await slider(page).inputValue()) % 50, 0, "the pictures themselves, without fades");
  await page.getByRole("button", { name: "Pause" }).click();
  assert.deepEqual(await breaches(page), []);
  await slider(page).fill("400");
  await page.locator("#walk").getByRole("button", { name: "Make it the main picture" }).click();
  await told(page, /^Done/);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, middle), 0);
  assert.match(await address(page), /seed=7&towards=9&position=0.5/);
  assert.deepEqual(await widths(page), Array(FRAMES).fill(256), "the walk stays for the next choice");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("sketches of the whole way are there first; cut short, they can be played and saved", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, TINY_PROMPT, 7);
  await page.locator("#walk summary").click();
  // The last sketch comes whole: what is kept back belongs to the first refined picture.
  const held = await hold(page, "stage", FRAMES + 1);
  await page.locator("#walk-start").click();
  await held.reached();
  assert.deepEqual(await widths(page), Array(FRAMES).fill(64));
  await page.waitForFunction(() => document.getElementById("walk-slider").value !== "0");
  assert.equal(await page.locator("#walk-play").innerText(), "Pause", "it plays already");
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  await held.release();
  await page.getByRole("button", { name: "Pause" }).click();
  assert.ok(await page.locator("#walk-gif").isVisible());
  await slider(page).fill("800");
  // Cut short among the sketches there is only the beginning.
  const again = await hold(page, "stage", 3);
  await page.locator("#walk-start").click();
  await again.reached();
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  await again.release();
  assert.ok(await page.locator("#walk-gif").isHidden());
  assert.ok(await page.locator("#walk-play").isDisabled());
  await slider(page).fill("800");
  assert.match(await page.locator("#walk .film-picture").getAttribute("aria-label"), /(6|13|19) % of the way/);
  await page.locator("#walk-start").click();
  await told(page, /^Walked/);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
