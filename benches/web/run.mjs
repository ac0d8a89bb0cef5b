// Opens bench.js in headless Chromium and prints a table. Arguments: rounds (default 9).

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const rounds = Number(process.argv[2] ?? 9);
const mounts = [["bench", here], ["ort", join(here, "node_modules/onnxruntime-web/dist")], ["onnx", join(here, "out")]];
if (process.env.MODEL) mounts.push(["models/flowers", process.env.MODEL]);
const flags = mounts.flatMap(([path, folder]) => ["--mount", `${path}=${folder}`]);
const server = spawn("python3", [join(here, "../../scripts/serve.py"), "--port", "0", "--quiet", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
const address = await new Promise((resolve) => server.stdout.once("data", (line) => resolve(/http:\S+/.exec(String(line))[0])));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  console.log(`Chromium ${browser.version()}, one 256 px picture, median of ${rounds}, both sides in turn in one page\n`);
  console.log("| what | load | median | least | memory |\n| --- | --- | --- | --- | --- |");
  for (const threads of [1, 2]) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(String(error)));
    await page.goto(`${address}bench/index.html`);
    await page.waitForFunction(() => window.bench);
    for (const row of await page.evaluate((options) => window.bench(options), { threads, rounds })) {
      const memory = row.memory === null ? "" : `${Math.round(row.memory / 1e6)} MB`;
      console.log(`| ${row.name} | ${Math.round(row.load)} ms | ${Math.round(row.median)} ms | ${Math.round(row.least)} ms | ${memory} |`);
    }
    await page.close();
  }
} finally {
  await browser.close();
  server.kill();
}
