// On a phone: what the first screen has, and that words and steps can be looked at with the picture in view.

import assert from "node:assert/strict";
import { test } from "node:test";
import { breaches, drawAndWait, told } from "./demo_tools.mjs";
import { openPage } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";

const PHONE = { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 }, reducedMotion: "reduce" };

const inView = (page, selector) =>
  page.locator(selector).evaluate((each) => {
    const { top, bottom, left, right } = each.getBoundingClientRect();
    // What is at its middle is itself, or in it: nothing lies over it.
    const middle = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return top >= -1 && bottom <= innerHeight + 1 && (each === middle || each.contains(middle));
  });

test("picture, prompt and Draw are in the first screen, before drawing and after", async () => {
  const page = await openPage(browser, server.address, PHONE);
  await page.locator("#draw:enabled").waitFor();
  for (const selector of ["#easel", "#prompt", "#draw", "#dice"]) assert.ok(await inView(page, selector), selector);
  await drawAndWait(page, "a red flower");
  await page.evaluate(() => scrollTo(0, 0));
  for (const selector of ["#easel", "#prompt", "#draw", "#dice"]) assert.ok(await inView(page, selector), selector);
  await page.context().close();
});

test("every word, step and the description is reached with the picture in view", async () => {
  const page = await openPage(browser, server.address, PHONE);
  await drawAndWait(page, "this flower has pink petals and a yellow center");
  const below = ["#words button:last-child", "#all-words", "#stages figure:last-child .frame", "#save", "#caption"];
  for (const selector of below) {
    await page.evaluate(() => scrollTo(0, 0));
    await page.locator(selector).evaluate((each) => each.scrollIntoView({ block: "end" }));
    assert.ok(await inView(page, "#easel"), `the picture, beside ${selector}`);
    assert.ok(await inView(page, selector), selector);
  }
  const word = page.locator("#words").getByRole("button", { name: "pink", exact: true });
  await word.tap();
  await page.getByRole("button", { name: "white in place of pink" }).waitFor();
  assert.ok(await inView(page, "#easel"));
  assert.deepEqual(await breaches(page), []);
  await page.getByRole("button", { name: "white in place of pink" }).tap();
  await told(page, /^Drawn with “white”/);
  await page.locator("#grid summary").tap();
  await page.getByRole("button", { name: "Fill the grid" }).tap();
  await told(page, /^The grid is filled/);
  await page.locator("#how summary").tap();
  await page.locator(".how-part").first().waitFor();
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "wider than the phone");
  assert.deepEqual(await breaches(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("what has the focus is not under the picture that stays", async () => {
  const page = await openPage(browser, server.address, { ...PHONE, viewport: { width: 390, height: 700 } });
  await drawAndWait(page, "a red flower");
  await page.locator("#copy").focus();
  for (let step = 0; step < 16; step++) {
    await page.keyboard.press("Shift+Tab");
    const [name, hidden] = await page.evaluate(() => {
      const at = document.activeElement;
      const easel = document.querySelector(".easel-place");
      const shown = at.closest("label") ?? at;
      return [at.id || at.textContent, easel.contains(at) || at === document.body ? false : shown.getBoundingClientRect().bottom <= easel.getBoundingClientRect().bottom + 4];
    });
    if (name === "prompt") break;
    assert.ok(!hidden, `${name} is under the picture`);
  }
  await page.context().close();
});
