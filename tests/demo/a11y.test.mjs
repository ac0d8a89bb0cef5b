// What axe finds in each state of the page (nothing), and what a keyboard and a screen reader meet.

import assert from "node:assert/strict";
import { test } from "node:test";
import { breaches, drawAndWait, told } from "./demo_tools.mjs";
import { draw, openPage, shownError } from "./harness.mjs";
import { hold, newContext, saidSoFar } from "./watch.mjs";
import { browser, server } from "./tiny_page.mjs";

for (const [colorScheme, width] of [["light", 1200], ["dark", 320]]) {
  test(`axe finds nothing in any state: ${colorScheme}, ${width} px wide`, async () => {
    const page = await openPage(browser, server.address, { colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" });
    const clean = async (state) => {
      assert.deepEqual(await breaches(page), [], state);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${state}: the page is ${wider} px wider than the window`);
    };
    await page.locator("#draw:enabled").waitFor();
    await page.getByText(/^Downloads/).waitFor();
    await clean("fresh");
    await draw(page, "?!");
    assert.match(await shownError(page), /nothing to draw yet/);
    await clean("error");
    await drawAndWait(page, "this flower has pink petals zeppelin");
    await clean("result, history, unknown word");
    await page.getByRole("button", { name: "petals", exact: true }).click();
    await page.getByRole("button", { name: "Six variations" }).click();
    await told(page, /^Six variations drawn/);
    await page.getByRole("button", { name: "Blend", exact: true }).click();
    await told(page, /^Blended/);
    await page.locator("#walk summary").click();
    await page.locator("#walk-start").click();
    await told(page, /^Walked/);
    await clean("variations, blend and walk");
    await page.locator("#variation-grid .tile").first().click();
    await told(page, /^Done/);
    await page.locator("#between-off").waitFor();
    await clean("noise between two seeds");
    await page.getByRole("button", { name: "How this is counted" }).click();
    await clean("explanation");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Keyboard" }).click();
    await clean("shortcuts");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}

test("a browser that lacks something is told what and which browsers have it, and nothing else breaks", async () => {
  const context = await newContext(browser, { viewport: { width: 375, height: 800 } });
  for (const [remove, expected] of [
    [() => { WebAssembly.validate = () => false; }, /WebAssembly with SIMD/],
    [() => { delete globalThis.Worker; }, /Workers/],
  ]) {
    const page = await context.newPage();
    await page.addInitScript(remove);
    await page.goto(server.address);
    const notice = page.getByRole("region", { name: "This browser cannot draw here yet" });
    await notice.waitFor();
    assert.match(await notice.innerText(), expected);
    assert.match(await notice.innerText(), /Chrome[\s\S]*Firefox[\s\S]*Safari/);
    assert.ok(await page.getByRole("button", { name: "Draw", exact: true }).isDisabled());
    assert.deepEqual(await breaches(page), []);
    await page.close();
  }
  await context.close();
});

test("the whole way works by keyboard: draw, look at words, cancel, shortcuts that can be turned off", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#draw:enabled").waitFor();
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "prompt");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("a red flower");
  await page.keyboard.press("Enter");
  await told(page, /^Done/);
  // What the Tab key reaches in one round, and that it is seen there.
  const reached = new Set();
  await page.locator("h1").click();
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press("Tab");
    const [at, visible] = await page.evaluate(() => {
      const at = document.activeElement;
      // Some fields show it at the label that they are in.
      const seen = [at, at.closest("label:not(.check)")].filter((each) => each?.matches(":focus-within")).map((each) => getComputedStyle(each));
      return [at.id || at.textContent.trim() || at.tagName, seen.some(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 2)];
    });
    if (reached.has("forget") || at === "BODY") break;
    assert.ok(visible, `${at} shows no focus`);
    reached.add(at);
  }
  for (const id of ["help", "prompt", "seed", "dice", "device", "describe", "draw", "red", "why", "vary", "save", "copy", "history-clear", "blend-from", "blend-draw", "file", "mirror-own"]) {
    assert.ok(reached.has(id), `Tab does not reach ${id}`);
  }
  await page.locator("h1").click();
  const held = await hold(page, "stage");
  await page.keyboard.press("d");
  await held.reached();
  await page.keyboard.press("Escape");
  await told(page, /^Cancelled/);
  await held.release();
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.getByLabel(/Single keys/).uncheck();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  const seed = await page.locator("#seed").inputValue();
  await page.keyboard.press("d");
  assert.equal(await page.locator("#seed").inputValue(), seed);
  await page.context().close();
});

test("a screen reader hears little while it draws, and the picture has prompt and description as its name", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, "a red flower");
  const heard = await saidSoFar(page);
  assert.ok(heard.length <= 4, `too much: ${heard.join(" | ")}`);
  const name = await page.locator("#picture").getAttribute("aria-label");
  assert.match(name, /a red flower/);
  const caption = (await page.locator("#caption").innerText()).replace("(no words)", "");
  if (caption) assert.ok(name.includes(caption), name);
  await page.context().close();
});

test("who asked for less motion sees none", async () => {
  for (const [reducedMotion, expected] of [["reduce", false], ["no-preference", true]]) {
    const page = await openPage(browser, server.address, { reducedMotion });
    await page.evaluate(() => {
      window.moved = false;
      for (const begins of ["transitionrun", "animationstart"]) addEventListener(begins, () => (window.moved = true));
      // Those too that a script moves.
      const look = () => {
        window.moved ||= document.getAnimations().some((animation) => animation.playState === "running");
        requestAnimationFrame(look);
      };
      look();
    });
    await drawAndWait(page, "a red flower");
    assert.equal(await page.evaluate(() => window.moved), expected, reducedMotion);
    await page.context().close();
  }
});
