// The report of a training: one file that shows everything anywhere, with and without its script.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { breaches } from "./demo_tools.mjs";
import { CLI, openBrowser, scratch, screenshot } from "./harness.mjs";
import { newContext } from "./watch.mjs";

const PHASES = `[${[64, 8, 160].map((pictures) => `{stages=1,pictures=${pictures},batch=8,trains="all"}`).join(",")}]`;
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

let browser, report;

before(async () => {
  browser = await openBrowser();
  const folder = join(scratch(), "report");
  mkdirSync(folder);
  const run = (...args) => execFileSync(CLI, args, { cwd: folder, stdio: "pipe" });
  run("tiny-data", "--out", "data");
  const short = ["stem.epochs=60", "stream.epochs=60", "gan.sample_every=16", `gan.phases=${PHASES}`].flatMap((change) => ["--set", change]);
  run("train", "all", "--data", "data", "--recipe", "tiny", "--out", "run", "--device", "cpu", ...short);
  report = pathToFileURL(join(folder, "run", "report.html")).href;
});

after(() => browser?.close());

async function open(options) {
  const context = await newContext(browser, options);
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => /^(file|data|blob):/.test(request.url()) || problems.push(`asks for ${request.url()}`));
  await page.goto(report);
  return { page, problems, close: () => context.close() };
}

for (const [name, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const javaScriptEnabled of [true, false]) {
      test(`the report on a ${name}, ${colorScheme}, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
        const { page, problems, close } = await open({ viewport, colorScheme, javaScriptEnabled });
        for (const part of [/^STEM\b/, /^STREAM\b/, /^Generator\b/]) assert.equal(await page.getByRole("heading", { name: part, level: 2 }).count(), 1, part.source);
        assert.ok((await page.locator("figure.plot svg path.line").count()) >= 10, "curves");
        const grids = page.locator("img[src^='data:image']");
        assert.ok((await grids.count()) >= 3, "sample grids and examples");
        const wide = await page.locator("html").evaluate((html) => html.scrollWidth - html.clientWidth);
        assert.ok(wide <= 0, `${wide} px wider than the window`);
        // Short phases lie close together: their names must not lie on each other.
        const marks = page.locator("svg:has(path.phase)").first().locator("text.phase");
        const boxes = await marks.evaluateAll((texts) => texts.map((text) => text.getBoundingClientRect().toJSON()));
        assert.equal(boxes.length, 3, "a mark for each phase");
        const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
        assert.ok(boxes.every((a, i) => boxes.slice(i + 1).every((b) => apart(a, b))), JSON.stringify(boxes));
        if (javaScriptEnabled) assert.deepEqual(await breaches(page), []);
        await screenshot(page, `report-${name}-${colorScheme}${javaScriptEnabled ? "" : "-plain"}`);
        assert.deepEqual(problems, []);
        await close();
      });
    }
  }
}

test("a curve tells its values under the pointer", async () => {
  const { page, problems, close } = await open({ viewport: SIZES.desktop });
  const figure = page.locator("figure.plot").first();
  await figure.scrollIntoViewIfNeeded();
  const before = await figure.locator(".now").innerText();
  const box = await figure.locator("svg").boundingBox();
  await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
  const says = (text, same) => page.waitForFunction(([text, same]) => (document.querySelector("figure.plot .now").innerText === text) === same, [text, same]);
  await says(before, false);
  assert.match(await figure.locator(".now").innerText(), /step/);
  await page.mouse.move(2, 2);
  await says(before, true);
  assert.deepEqual(problems, []);
  await close();
});
