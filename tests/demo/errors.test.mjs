// Whatever goes wrong, the page says what and stays usable.

import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PROMPT, SIZES, damaged, difference, draw, drawn, openBrowser, openPage, pngPixels, serve, shownError, stagePixels } from "./harness.mjs";
import { address, hold, holdRequests, told } from "./watch.mjs";

let browser, server;

const flip = (folder, file) => {
  const bytes = readFileSync(join(folder, file));
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(join(folder, file), bytes);
};

before(async () => {
  server = await serve({
    "models/truncated": damaged((folder) => truncateSync(join(folder, "glam.safetensors"), statSync(join(folder, "glam.safetensors")).size / 2)),
    "models/flipped": damaged((folder) => flip(folder, "glam.safetensors")),
    "models/mute": damaged((folder) => rmSync(join(folder, "stream.safetensors"))),
    "models/hole": damaged((folder) => rmSync(join(folder, "stem.safetensors"))),
    "models/nonsense": damaged((folder) => writeFileSync(join(folder, "config.json"), "<!doctype html>")),
    "models/newer": damaged((folder) => {
      const config = JSON.parse(readFileSync(join(folder, "config.json")));
      writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, format_version: 999 }));
    }),
  });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  server?.stop();
});

/** The page after an error still draws. */
async function stillDraws(page) {
  await draw(page, PROMPT);
  await drawn(page);
  assert.equal((await stagePixels(page)).length, SIZES.length);
  assert.ok(await page.getByRole("alert").isHidden(), "the error is gone");
}

test("an empty prompt and unknown words are named, and the page draws on", async () => {
  const page = await openPage(browser, server.address);
  await draw(page, "  ?!");
  assert.match(await shownError(page), /nothing to draw yet/);
  await draw(page, "zeppelin quux");
  assert.match(await shownError(page), /knows none of these words[\s\S]*“zeppelin” and “quux”/);
  await stillDraws(page);
  await page.context().close();
});

for (const [model, expected] of [
  ["truncated", /arrived damaged[\s\S]*glam\.safetensors/],
  ["flipped", /arrived damaged[\s\S]*glam\.safetensors/],
  ["hole", /could not be downloaded[\s\S]*stem\.safetensors[\s\S]*404/],
  ["absent", /could not be downloaded[\s\S]*config\.json[\s\S]*404/],
  ["nonsense", /cannot be used[\s\S]*config\.json/],
  ["newer", /cannot be used[\s\S]*version/],
]) {
  test(`a model folder that is ${model} is explained, and a whole one works afterwards`, async () => {
    const page = await openPage(browser, `${server.address}?model=models/${model}/`);
    await draw(page, PROMPT);
    assert.match(await shownError(page), expected);
    // The same page, the same form: only the server has the files again.
    const good = new URL("models/flowers/", server.address).href;
    await page.context().route(`**/models/${model}/**`, async (route) => {
      const file = new URL(route.request().url()).pathname.split("/").pop();
      await route.fulfill({ response: await route.fetch({ url: good + file }) });
    });
    await stillDraws(page);
    await page.context().close();
  });
}

for (const [during, holdIt] of [["loading", (page) => holdRequests(page, "**/glam.safetensors")], ["drawing", (page) => hold(page, "stage")]]) {
  test(`cancelling ends the ${during}, and the next one works`, async () => {
    const page = await openPage(browser, server.address);
    const held = await holdIt(page);
    await draw(page, PROMPT);
    await held.reached();
    await page.getByRole("button", { name: "Cancel" }).click();
    await told(page, /^Cancelled\./);
    await held.release();
    await stillDraws(page);
    await page.context().close();
  });
}

test("a file that is no picture is refused, and the next one works", async () => {
  const page = await openPage(browser, server.address);
  // As for a visitor: no file can be chosen before the page knows that this browser can describe it.
  await page.locator("#file:enabled").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("not a picture") });
  assert.match(await shownError(page), /not a picture/);
  await stillDraws(page);
  await page.context().close();
});

test("after a cancellation it is the picture that is shown which is saved and linked", async () => {
  const page = await openPage(browser, server.address);
  await draw(page, "a white flower", 11);
  await drawn(page);
  const held = await hold(page, "stage");
  await draw(page, PROMPT, 3);
  await held.reached();
  const offered = await page.evaluate(() => ["save", "copy", "vary"].map((id) => !document.getElementById(id).disabled));
  assert.deepEqual(offered, [false, false, false], "while it is drawn");
  await page.getByRole("button", { name: "Cancel" }).click();
  await told(page, /^Cancelled\./);
  await held.release();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as PNG" }).click()]);
  assert.equal(download.suggestedFilename(), `${PROMPT.replaceAll(" ", "-")}-3.png`);
  const saved = await pngPixels(page, await download.path());
  assert.equal(difference(saved.rgba, (await stagePixels(page)).at(-1).rgba), 0);
  assert.ok(await page.locator("#caption-block").isHidden(), "no heading over nothing");
  await page.context().close();
});

test("a picture whose description cannot be downloaded is there all the same", async () => {
  const page = await openPage(browser, `${server.address}?model=models/mute/`);
  await draw(page, PROMPT, 3);
  assert.match(await shownError(page), /could not be downloaded[\s\S]*stream\.safetensors/);
  assert.equal((await stagePixels(page)).length, SIZES.length);
  assert.match(await address(page), /seed=3/);
  assert.match(await page.locator("#timings").innerText(), /ms|s on/);
  assert.ok(await page.locator("#caption-block").isHidden());
  assert.ok(await page.getByRole("button", { name: "Save as PNG" }).isEnabled());
  await page.context().close();
});

test("a model that cannot be had is told when it is chosen, and another one can be", async () => {
  const page = await openPage(browser, server.address);
  const group = page.getByRole("group", { name: "Model" });
  await group.locator('[value="nonsense"]').check();
  assert.match(await shownError(page), /cannot be used[\s\S]*config\.json/);
  assert.equal(await page.locator("#wall .tile").count(), 0, "the wall is of no other model");
  await group.locator('[value="flowers"]').check();
  await stillDraws(page);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
