// Opens bench.js in headless Chromium, prints a table and writes out/results-NAME.json. Arguments: name of the model, rounds (default 9).
// WEBGPU=0 leaves WebGPU out; ONLY=draw or ONLY=describe the other task; GPU=1 takes the GPU's adapter instead of SwiftShader, which computes on the CPU.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const name = process.argv[2] ?? "flowers";
const rounds = Number(process.argv[3] ?? 9);
const mounts = [["bench", here], ["ort", join(here, "node_modules/onnxruntime-web/dist")], ["onnx", join(here, "out")]];
if (process.env.PKG) mounts.push(["pkg", process.env.PKG]);
if (process.env.MODEL) mounts.push(["models/flowers", process.env.MODEL]);
const flags = mounts.flatMap(([path, folder]) => ["--mount", `${path}=${folder}`]);
const server = spawn("python3", [join(here, "../../scripts/serve.py"), "--port", "0", "--quiet", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
const address = await new Promise((resolve) => server.stdout.once("data", (line) => resolve(/http:\S+/.exec(String(line))[0])));
const args = ["--no-sandbox", "--enable-unsafe-webgpu", ...(process.env.GPU ? [] : ["--use-webgpu-adapter=swiftshader"])];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
const all = [1, Math.max(2, availableParallelism())];
const cases = all.map((threads) => ({ what: "bench", threads }));
// A software adapter takes a minute a picture.
if (process.env.WEBGPU !== "0") cases.push({ what: "bench", threads: 1, device: "webgpu", limit: 60_000 });
cases.push(...all.map((threads) => ({ what: "describe", threads })));
const wanted = { draw: "bench", describe: "describe" }[process.env.ONLY];
const results = [];
try {
  console.log(`${name}: Chromium ${browser.version()}, one 256 px picture or its description, both sides in turn in one page\n`);
  console.log("| what | load | first | median | least | rounds | memory | ratio (range) |\n| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const { what, ...one } of cases.filter((one) => !wanted || one.what === wanted)) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(String(error)));
    await page.goto(`${address}bench/index.html`);
    await page.waitForFunction((what) => window[what], what);
    const result = await page.evaluate(([what, options]) => window[what](options), [what, { rounds, ...one }]);
    results.push({ what, ...one, ...result });
    if (result.words) console.log(`| “${result.words}” | | | | | | | |`);
    for (const [index, row] of result.rows.entries()) {
      const memory = row.memory === null ? "" : `${Math.round(row.memory / 1e6)} MB`;
      const { median, least, most } = result.ratio;
      const ratio = index === 0 ? `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})` : "";
      const times = [row.load, row.first, row.median, row.least].map((time) => `${Math.round(time)} ms`).join(" | ");
      const { vendor, architecture, description } = result.adapter ?? {};
      const adapter = result.adapter ? ` on ${description || `${vendor} ${architecture}`}` : "";
      console.log(`| ${row.name}${adapter} | ${times} | ${result.rounds} | ${memory} | ${ratio} |`);
    }
    await page.close();
  }
} finally {
  await browser.close();
  server.kill();
}
writeFileSync(join(here, "out", `results-${name}.json`), `${JSON.stringify({ chromium: browser.version(), results }, null, 2)}\n`);
