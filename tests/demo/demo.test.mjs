// The path of a visitor: a prompt becomes three pictures and a caption, the same ones that the command line makes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  FLOWERS,
  MODEL,
  PROMPT,
  SIZES,
  TINY,
  cli,
  difference,
  draw,
  drawn,
  openBrowser,
  openPage,
  pngPixels,
  scratch,
  screenshot,
  serve,
  stagePixels,
} from "./harness.mjs";
import { drawAndWait, told } from "./demo_tools.mjs";
import { address, keptFiles, until } from "./watch.mjs";

let browser, server;

before(async () => {
  [browser, server] = [await openBrowser(), await serve({ "models/tiny": TINY })];
});

after(async () => {
  await browser?.close();
  server?.stop();
});

/** What the command line says of a picture in three sentences: the likeliest first, or where the model has a judge what matches best. */
function said(picture) {
  const { captions } = JSON.parse(cli("caption", "--model", MODEL, "--count", "3", "--json", picture));
  const judge = JSON.parse(readFileSync(join(MODEL, "config.json"), "utf8")).matcher;
  const match = (text) => JSON.parse(cli("match", "--model", MODEL, "--text", text, "--json", picture)).similarity;
  const judged = captions.map(({ text }) => ({ text, similarity: judge && text ? match(text) : -2 }));
  return judged.sort((a, b) => b.similarity - a.similarity).map(({ text }) => text || "(no words)");
}

test("a prompt becomes the pictures and the caption of the command line", async () => {
  const page = await openPage(browser, server.address);
  await draw(page, PROMPT);
  await drawn(page);
  const stages = await stagePixels(page);
  assert.deepEqual(stages.map((stage) => stage.size), SIZES);

  const out = scratch();
  cli("generate", "--model", MODEL, PROMPT, "--seed", "7", "--stages", "--out", out);
  for (const { size, rgba } of stages) {
    const native = await pngPixels(page, join(out, `00-${size}.png`));
    assert.ok(difference(rgba, native.rgba) <= 1, `${size} px differs by ${difference(rgba, native.rgba)} of 255`);
  }
  assert.ok(stages.some(({ rgba }) => new Set(rgba).size > 100), "there is more than a few colours");
  // The first of those that are searched, which the mirror says of the same picture, too.
  const sentences = said(join(out, `00-${SIZES.at(-1)}.png`));
  const caption = await page.locator("#caption").innerText();
  assert.equal(caption, sentences[0]);
  assert.deepEqual(await page.locator("#sentences .sentence").allInnerTexts(), sentences);
  await page.locator("#mirror-own").click();
  await told(page, /^Described\.$/);
  assert.equal(await page.locator("#drop-text").innerText(), caption);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("one seed gives one picture; another seed and another prompt give others", async () => {
  const page = await openPage(browser, server.address);
  const last = async (prompt, seed) => {
    await drawAndWait(page, prompt, seed);
    return (await stagePixels(page)).at(-1).rgba;
  };
  const first = await last(PROMPT, 7);
  assert.equal(difference(first, await last(PROMPT, 7)), 0);
  assert.notEqual(difference(first, await last(PROMPT, 8)), 0);
  assert.notEqual(difference(first, await last("a white flower", 7)), 0);
  await page.context().close();
});

test("pointing at a word or moving to it shows where it was attended to", async () => {
  const page = await openPage(browser, server.address);
  await draw(page, `${PROMPT} zeppelin`);
  await drawn(page);
  const shown = (count) => page.waitForFunction((count) => document.querySelectorAll("#stages .heat.shown").length === count, count);
  assert.equal(await page.locator("#stages .heat.shown").count(), 0);
  const word = page.locator("#words").getByRole("button", { name: "petals", exact: true });
  await word.hover();
  // Every refining stage has a map.
  await shown(SIZES.length - 1);
  await screenshot(page, "attention");
  await page.mouse.move(0, 0);
  await shown(0);
  await word.focus();
  await shown(SIZES.length - 1);
  assert.equal(await page.locator("#words .unknown").innerText(), "zeppelin");
  assert.match(await page.locator("#status").innerText(), /does not know “zeppelin”/);
  await page.context().close();
});

test("a link carries prompt and seed; the picture can be saved", async () => {
  const page = await openPage(browser, server.address);
  await draw(page, "a white flower", 11);
  await drawn(page);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save as PNG" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "a-white-flower-11.png");
  const saved = await pngPixels(page, await download.path());
  assert.equal(difference(saved.rgba, (await stagePixels(page)).at(-1).rgba), 0);

  // The model is in the browser's cache now: the link draws by itself.
  const second = await page.context().newPage();
  await second.goto(await address(page));
  await drawn(second);
  assert.equal(await second.getByLabel("Seed", { exact: true }).inputValue(), "11");
  assert.equal(difference((await stagePixels(second)).at(-1).rgba, saved.rgba), 0);
  await page.context().close();
});

test("a visitor's own picture is described as the command line describes it", async () => {
  const page = await openPage(browser, server.address);
  // Not a PNG, which says what it was drawn from and is drawn again; WebP, as the command line writes it, loses nothing either.
  const out = join(scratch(), "flower.webp");
  cli("generate", "--model", MODEL, "a white flower", "--seed", "3", "--out", out);
  await page.locator("#file:enabled").setInputFiles(out);
  await told(page, /^Described\.$/);
  const sentences = said(out);
  assert.equal(await page.locator("#drop-text").innerText(), sentences[0]);
  assert.deepEqual(await page.locator("#mirror-sentences .sentence").allInnerTexts(), sentences);
  await page.context().close();
});

for (const [name, width, colorScheme] of [["desktop-light", 1200, "light"], ["desktop-dark", 1200, "dark"], ["phone-light", 375, "light"], ["phone-dark", 375, "dark"]]) {
  test(`the page with a picture: ${name}`, async () => {
    const page = await openPage(browser, server.address, { viewport: { width, height: 812 }, colorScheme });
    await draw(page, PROMPT);
    await drawn(page);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "wider than the window");
    // The easel moves along with the page.
    await page.evaluate(() => scrollTo(0, 0));
    await screenshot(page, name);
    await page.context().close();
  });
}

test("the dice draw with another seed; stages are seen before the last; timings and link tell of the picture", async () => {
  const page = await openPage(browser, `${server.address}?model=tiny&device=cpu`, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.evaluate(() => {
    window.counts = new Set();
    const count = () => window.counts.add(document.querySelectorAll("#stages .drawn").length);
    new MutationObserver(count).observe(document.getElementById("stages"), { childList: true, subtree: true, attributes: true });
  });
  await page.getByLabel("What should the picture show?").fill(PROMPT);
  await page.getByRole("button", { name: "Draw with another seed" }).click();
  await drawn(page);
  const seed = await page.getByLabel("Seed", { exact: true }).inputValue();
  assert.notEqual(seed, "7");
  assert.ok(await page.evaluate(() => window.counts.has(1) && window.counts.has(3)), "the first stage is there alone");
  assert.match(await page.locator("#timings").innerText(), new RegExp(`^[\\d.]+ m?s on \\d+ threads? of the CPU, .*, seed ${seed}$`));
  await page.evaluate(() => {
    const button = document.getElementById("copy");
    window.labels = [];
    new MutationObserver(() => window.labels.push(button.textContent)).observe(button, { childList: true });
  });
  await page.getByRole("button", { name: "Copy link" }).click();
  await told(page, /^The link to this picture is in the clipboard\.$/);
  await page.waitForFunction(() => window.labels.includes("Link copied."), null);
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(Object.fromEntries(new URLSearchParams(link.hash.slice(1))), { prompt: PROMPT, seed, model: "tiny" });
  await page.context().close();
});

test("words that the description repeats are marked and counted", async () => {
  const page = await openPage(browser, `${server.address}?model=tiny`);
  // Whatever it says: a prompt of all that it knows has the telling words of any description.
  const known = (await (await page.request.get(`${server.address}models/tiny/vocab.txt`)).text()).split("\n").filter((word) => /^[a-z]+$/.test(word));
  await draw(page, known.join(" "));
  await drawn(page);
  const meter = await page.locator("#closeness").evaluate((each) => each.value);
  const text = await page.locator("#agreement").innerText();
  const [, found, all] = /Found (\d+) of (\d+) telling/.exec(text);
  assert.ok(Math.abs(meter - found / all) < 1e-6, text);
  assert.equal(await page.locator("#caption mark").count() > 0, Number(found) > 0, text);
  await page.context().close();
});

for (const kind of ["drop", "paste"]) {
  test(`a picture is described after a ${kind}`, async () => {
    const page = await openPage(browser, `${server.address}?model=tiny`);
    await page.locator("#file:enabled").waitFor({ state: "attached" });
    await page.evaluate(async (type) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
      canvas.getContext("2d").fillRect(0, 0, 32, 32);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      const data = new DataTransfer();
      data.items.add(new File([blob], "mine.png", { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      const event = type === "drop" ? new DragEvent(type, { ...options, dataTransfer: data }) : new ClipboardEvent(type, { ...options, clipboardData: data });
      document.body.dispatchEvent(event);
    }, kind);
    await told(page, /^Described\.$/);
    assert.ok(await page.locator("#dropped").isVisible());
    await page.context().close();
  });
}

test("a second visit draws without network", async () => {
  const page = await openPage(browser, `${server.address}?model=tiny&device=cpu`, { serviceWorkers: "allow" });
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await draw(page, PROMPT);
  await drawn(page);
  const online = (await stagePixels(page)).at(-1).rgba;
  // What was loaded before the service worker is kept soon after, and so are config.json and the module.
  await until(page, async () => {
    const shell = await caches.open("mirrorgan-page");
    const loaded = performance.getEntriesByType("resource").filter(({ name, responseStatus }) => responseStatus === 200 && name.startsWith(location.origin) && !/\.(safetensors|wasm)$/.test(name));
    const there = await Promise.all([location.href, ...loaded.map(({ name }) => name)].map((url) => shell.match(url, { ignoreSearch: true })));
    return there.every(Boolean);
  });
  await keptFiles(page, "config.json", ".wasm");
  const kept = await page.evaluate(async () => (await (await caches.open("mirrorgan-page")).keys()).map(({ url }) => new URL(url).pathname));
  for (const part of ["/", "/main.js", "/style.css", "/pkg/worker.js"]) assert.ok(kept.includes(part), `${part} is not kept`);
  assert.doesNotMatch(kept.join(), /safetensors|wasm/);
  await page.close();
  await page.context().setOffline(true);
  const second = await page.context().newPage();
  await second.goto(`${server.address}?model=tiny&device=cpu`);
  await draw(second, PROMPT);
  await drawn(second);
  assert.equal(difference((await stagePixels(second)).at(-1).rgba, online), 0);
  await second.context().close();
});

test("works below a path, on a phone, in the dark", async () => {
  const below = await serve({}, "/some/where/");
  try {
    const page = await openPage(browser, below.address, { viewport: { width: 375, height: 812 }, colorScheme: "dark", deviceScaleFactor: 2 });
    await draw(page, PROMPT);
    await drawn(page);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `the page is ${wider} px wider than the phone`);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  } finally {
    below.stop();
  }
});

test("WebGPU draws what the CPU draws", async () => {
  const page = await openPage(browser, `${server.address}?model=models/tiny/&device=webgpu`);
  await draw(page, PROMPT);
  await drawn(page, 600_000);
  assert.match(await page.locator("#timings").innerText(), /WebGPU/);
  const onGpu = await stagePixels(page);
  await page.getByLabel("Compute on").selectOption("cpu");
  await drawAndWait(page, PROMPT);
  assert.match(await page.locator("#timings").innerText(), /the CPU/);
  const onCpu = await stagePixels(page);
  onGpu.forEach(({ size, rgba }, index) => {
    assert.ok(difference(rgba, onCpu[index].rgba) <= 1, `${size} px differs by ${difference(rgba, onCpu[index].rgba)} of 255`);
  });
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("the published model is the one that was tested", { skip: MODEL !== FLOWERS && "there is no models/flowers yet" }, () => {
  const { config } = JSON.parse(cli("info", "--json", FLOWERS));
  assert.equal(config.name, "flowers");
  for (const [file, { sha256 }] of Object.entries(config.files)) {
    assert.equal(createHash("sha256").update(readFileSync(join(FLOWERS, file))).digest("hex"), sha256, file);
  }
});
