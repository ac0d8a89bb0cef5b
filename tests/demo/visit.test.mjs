// A first visit, shared links, words that are misspelt or cannot be followed, and what is lost by nobody: errors, seeds, the way back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rateOf } from "../../www/progress.js";
import { honestly, meant } from "../../www/spelling.js";
import { slipsOf } from "../../www/suggest.js";
import { explain, list } from "../../www/text.js";
import { breaches, drawAndWait, told } from "./demo_tools.mjs";
import { difference, openPage, shownError, stagePixels } from "./harness.mjs";
import { browser, server } from "./tiny_page.mjs";

test("a slip that the model knows is offered its right word; right words are left alone", () => {
  const vocabulary = new Set("yelow yellow blak black beek beak flwoer flower while white pedals".split(" "));
  assert.deepEqual(slipsOf("a yelow blak flower", vocabulary).map(({ word, near }) => [word, near[0]]), [["yelow", "yellow"], ["blak", "black"]]);
  assert.equal(meant("flwoer", vocabulary), "flower");
  assert.equal(meant("beek", vocabulary), "beak");
  assert.equal(meant("while", vocabulary), null);
  assert.equal(meant("pedals", vocabulary), null, "the right word is not there");
  assert.match(honestly(["a", "flower", "without", "leaves"]), /“without” takes nothing away/);
  assert.match(honestly(["two", "birds"]), /do not count/);
  assert.equal(honestly(["a", "red", "flower"]), "");
  assert.equal(list(["x".repeat(2000)]).length, 26);
});

test("a rate comes of the last seconds; offline, no developer's words", () => {
  assert.equal(rateOf([[0, 0]], 0), null);
  assert.equal(rateOf([[0, 0], [1000, 2_000_000]], 1000), 2000);
  assert.equal(rateOf([[0, 0], [9000, 1000], [10_000, 3000]], 10_000), 2);
  globalThis.document = { baseURI: "http://localhost/" };
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  const { title, text } = explain({ code: "network", message: "http://localhost/x could not be reached: TypeError: Failed to fetch" }, "Press Blend");
  assert.match(title, /You are offline/);
  assert.equal(text, "Connect, then press Blend again.");
});

test("misspelt words and words that cannot be followed are told under the prompt", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#draw:enabled").waitFor();
  const prompt = page.getByLabel("What should the picture show?");
  await prompt.fill(`a flower without leaves ${"q".repeat(1900)}`);
  const told = page.locator("#suggestions");
  await told.getByText(/“without” takes nothing away/).waitFor();
  await told.getByText("q".repeat(23)).waitFor();
  assert.ok((await told.innerText()).length < 400);
  await page.context().close();
});

test("an untouched example goes along with the model; what was written stays", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#draw:enabled").waitFor();
  const prompt = page.getByLabel("What should the picture show?");
  await page.waitForFunction(() => document.getElementById("prompt").value);
  const first = await prompt.inputValue();
  await page.locator('#model-list [value="tiny"]').check();
  assert.notEqual(await prompt.inputValue(), "");
  await page.locator('#model-list [value="flowers"]').check();
  assert.equal(await prompt.inputValue(), first);
  await prompt.fill("a red flower");
  await page.locator('#model-list [value="tiny"]').check();
  assert.equal(await prompt.inputValue(), "a red flower");
  await page.context().close();
});

test("a shared link says so, shows what it will draw and what that downloads, the same everywhere; what is drawn is it", async () => {
  const page = await openPage(browser, `${server.address}#prompt=a+red+flower&seed=12&model=flowers`, { reducedMotion: "reduce" });
  await page.evaluate(() => {
    window.labels = [];
    new MutationObserver(() => window.labels.push(document.getElementById("download-label").textContent)).observe(document.getElementById("download-label"), { childList: true, characterData: true, subtree: true });
  });
  const invitation = page.getByRole("region", { name: "A picture was shared with you" });
  await invitation.waitFor();
  assert.match(await invitation.innerText(), /a red flower[\s\S]*seed 12/);
  const [, size] = /downloads ([\d.]+ [kM]B) for it/.exec(await invitation.innerText());
  assert.match(await page.locator("#note").innerText(), new RegExp(`^Downloads ${size} to draw`));
  assert.ok(await page.locator("#kept").isHidden(), "nothing is kept yet");
  assert.ok(await page.locator("#wall").isHidden());
  assert.deepEqual(await breaches(page), []);
  await page.getByRole("button", { name: "Draw it" }).click();
  await told(page, /^Done/);
  assert.ok(await invitation.isHidden());
  const labels = await page.evaluate(() => window.labels);
  const totals = new Set(labels.map((label) => /^Downloading .* of ([\d.]+ [kM]B)/.exec(label)?.[1]).filter(Boolean));
  assert.ok(totals.has(size), `${[...totals]} has not the ${size} that were named`);
  assert.match(page.url(), /seed=12/);
  assert.ok(await page.locator("#kept").isVisible());
  await page.context().close();
});

test("a bad seed in a link is told, and stays told until another one is chosen", async () => {
  const page = await openPage(browser, `${server.address}#prompt=a+red+flower&seed=1e5&model=flowers`);
  await told(page, /seed “1e5” is no whole number/);
  await page.locator("#draw:enabled").click();
  await told(page, /^Done/);
  assert.match(await page.locator("#link-note").innerText(), /seed “1e5” is no whole number/);
  await page.getByRole("button", { name: "Draw with another seed" }).click();
  await told(page, /^Done/);
  assert.equal(await page.locator("#link-note").innerText(), "");
  await page.context().close();
});

test("Back brings the picture before, and at last the wall", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, "a red flower", 1);
  const red = (await stagePixels(page)).at(-1).rgba;
  await drawAndWait(page, "a white flower", 2);
  await page.evaluate(() => (document.getElementById("status").textContent = ""));
  await page.goBack();
  await told(page, /^Done/);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, red), 0);
  assert.equal(await page.getByLabel("What should the picture show?").inputValue(), "a red flower");
  await page.goBack();
  await page.locator("#result").waitFor({ state: "hidden" });
  assert.ok(await page.locator("#picture").isHidden());
  await page.goForward();
  await told(page, /^Done/);
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, red), 0);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("after cancelled dice the form has the seed of the picture that is shown, with its words and steps", async () => {
  const page = await openPage(browser, server.address);
  await drawAndWait(page, "a red flower", 7);
  const before = (await stagePixels(page)).at(-1).rgba;
  await page.locator("#words").getByRole("button", { name: "red", exact: true }).click();
  await page.evaluate(() => {
    document.getElementById("dice").click();
    document.getElementById("cancel").click();
  });
  await told(page, /^Cancelled/);
  await page.waitForFunction(() => document.getElementById("seed").value === "7");
  assert.equal(difference((await stagePixels(page)).at(-1).rgba, before), 0);
  assert.ok(await page.locator("#heat.shown").isVisible(), "the word is lit as before");
  assert.ok(await page.getByRole("button", { name: "Save as PNG" }).isEnabled());
  assert.match(await page.locator("#picture").getAttribute("aria-label"), /a red flower/);
  await page.context().close();
});

test("errors are told in the card that they belong to, in sight", async () => {
  const page = await openPage(browser, server.address, { viewport: { width: 1280, height: 700 }, reducedMotion: "reduce" });
  await page.locator("#draw:enabled").waitFor();
  const seen = async (place) => {
    await shownError(page);
    const box = await page.locator(`[data-errors="${place}"] [role="alert"]`).boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= 700, `${place}: ${JSON.stringify(box)}`);
  };
  await page.getByRole("textbox", { name: "From" }).fill("zeppelin");
  await page.getByRole("button", { name: "Blend", exact: true }).click();
  await page.getByText(/knows none of these words/).waitFor();
  await seen("blend");
  await page.locator("#file").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("nothing") });
  await page.getByText(/not a picture/).waitFor();
  await seen("mirror");
  await page.getByLabel("What should the picture show?").fill("?");
  await page.keyboard.press("Enter");
  await page.getByText(/nothing to draw yet/).waitFor();
  await seen("form");
  assert.equal(await page.getByRole("alert").count(), 1);
  await page.context().close();
});

for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
  test(`hardly anything moves while the page loads and the first picture comes: ${viewport.width} px`, async () => {
    const page = await openPage(browser, "about:blank", { viewport, serviceWorkers: "allow" });
    const complaints = [];
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    await page.addInitScript(() => {
      window.moved = 0;
      const add = (entries) => entries.forEach(({ value, hadRecentInput }) => (window.moved += hadRecentInput ? 0 : value));
      window.watcher = new PerformanceObserver((list) => add(list.getEntries()));
      window.watcher.observe({ type: "layout-shift", buffered: true });
    });
    await page.route("**/glam.safetensors", async (route) => {
      await page.waitForTimeout(700);
      await route.continue();
    });
    await page.goto(server.address);
    await page.getByText(/^Downloads/).waitFor();
    const loaded = await page.evaluate(() => window.moved);
    assert.ok(loaded < 0.02, `${loaded} while it loads`);
    await drawAndWait(page, "this flower has pink petals and a yellow center");
    const drawn = (await page.evaluate(() => window.moved)) - loaded;
    assert.ok(drawn < 0.05, `${drawn} while it draws`);
    assert.deepEqual(complaints, []);
    await page.context().close();
  });
}

test("borders of fields have three to one, and print keeps picture and words", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await openPage(browser, server.address, { colorScheme });
    const ratio = await page.evaluate(() => {
      const luminance = (colour) => {
        const [r, g, b] = colour.match(/[\d.]+/g).map((value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const border = luminance(getComputedStyle(document.getElementById("prompt")).borderTopColor);
      return Math.min(...["body", "#prompt"].map((each) => luminance(getComputedStyle(document.querySelector(each)).backgroundColor)).map((ground) => (Math.max(border, ground) + 0.05) / (Math.min(border, ground) + 0.05)));
    });
    assert.ok(ratio >= 3, `${colorScheme}: ${ratio}`);
    if (colorScheme === "light") {
      await drawAndWait(page, "a red flower");
      await page.emulateMedia({ media: "print" });
      for (const kept of ["#picture", "#plate-prompt", "#words", "#caption", "#stages"]) assert.ok(await page.locator(kept).isVisible(), kept);
      for (const left of ["#form", "#save", "#blend", "#mirror", "#grid", "#history"]) assert.ok(await page.locator(left).isHidden(), left);
    }
    await page.context().close();
  }
});
