// relaxed.js in a page of headless Chromium. Arguments: the folder with both builds, rounds (default 15), numbers of threads (default 1,2).

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { HEAD, MODELS, rows } from "./relaxed.js";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const [folder, rounds = "15", threads = "1,2"] = process.argv.slice(2);
const mounts = [["bench", here], ["plain", join(folder, "plain")], ["relaxed", join(folder, "relaxed")], ...MODELS.map((model) => [`models/${model}`, join(root, "models", model)])];
const flags = mounts.flatMap(([path, from]) => ["--mount", `${path}=${from}`]);
const server = spawn("python3", [join(root, "scripts/serve.py"), "--port", "0", "--quiet", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
const address = await new Promise((resolve) => server.stdout.once("data", (line) => resolve(/http:\S+/.exec(String(line))[0])));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  console.log(`Chromium ${browser.version()}\n\n${HEAD}`);
  const page = await browser.newPage();
  await page.goto(`${address}bench/relaxed.html`);
  for (const model of MODELS) {
    for (const count of threads.split(",").map(Number)) {
      const results = await page.evaluate(
        async ([model, threads, rounds]) => {
          const [plain, relaxed] = await Promise.all(["plain", "relaxed"].map(async (kind) => (await import(new URL(`../${kind}/index.js`, location.href).href)).MirrorGan));
          const { compare } = await import(new URL("relaxed.js", location.href).href);
          return compare(plain, relaxed, `../models/${model}`, threads, rounds);
        },
        [model, count, Number(rounds)],
      );
      for (const row of rows("Chromium", model, count, results)) console.log(row);
    }
  }
} finally {
  await browser.close();
  server.kill();
}
