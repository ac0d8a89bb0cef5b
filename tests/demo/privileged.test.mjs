// Pages that no server gives: an extension's (Manifest V3), and a file: page with the rights that Electron gives it.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { PROMPT, ROOT, TINY, scratch } from "./harness.mjs";
import { LIMIT } from "./watch.mjs";

/** A folder with a page that draws, the package and the small model. */
function site() {
  const folder = join(scratch(), "site");
  mkdirSync(folder);
  cpSync(join(ROOT, "pkg"), join(folder, "mirrorgan"), { recursive: true });
  cpSync(TINY, join(folder, "tiny"), { recursive: true });
  writeFileSync(join(folder, "page.html"), '<!doctype html><title>page</title><p id="status"></p><script type="module" src="page.js"></script>');
  writeFileSync(join(folder, "page.js"), `
    import { MirrorGan } from "./mirrorgan/index.js";
    const status = document.getElementById("status");
    try {
      const gan = await MirrorGan.load("tiny", { device: "cpu" });
      const { pictures } = await gan.generate(${JSON.stringify(PROMPT)}, { seed: 7, caption: true });
      const { data } = pictures[0].stages.at(-1).image;
      const kept = (await MirrorGan.cached()).filter(({ sha256 }) => sha256).length;
      const again = await MirrorGan.load("tiny", { device: "cpu" });
      const second = await again.generate(${JSON.stringify(PROMPT)}, { seed: 7 });
      const same = second.pictures[0].stages.at(-1).image.data.every((value, index) => value === data[index]);
      status.textContent = JSON.stringify({ colours: new Set(data).size, words: pictures[0].caption.words.length, kept, same });
    } catch (error) {
      status.textContent = error.code + ": " + error.message;
    }`);
  return folder;
}

/** What a page of a browser with these flags says in the end. */
async function said(flags, address) {
  const context = await chromium.launchPersistentContext(scratch(), {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    timeout: LIMIT,
    // The headless mode that has extensions.
    args: ["--headless=new", "--no-sandbox", "--disable-background-networking", "--no-first-run", ...flags],
    ignoreDefaultArgs: ["--disable-extensions", "--headless"],
  });
  try {
    const page = await context.newPage();
    await page.goto(address);
    const text = await page.waitForFunction(() => document.getElementById("status").textContent, null, { timeout: LIMIT });
    return await text.jsonValue();
  } finally {
    await context.close();
  }
}

test("a page of an extension draws, and keeps the files", async () => {
  const folder = site();
  // The key fixes the extension's identity, and so its address: the first 128 bits of its SHA-256, in letters from a to p.
  const { createHash, generateKeyPairSync } = await import("node:crypto");
  const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "der" });
  const id = [...createHash("sha256").update(key).digest("hex").slice(0, 32)].map((digit) => String.fromCharCode(97 + parseInt(digit, 16))).join("");
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({
    manifest_version: 3,
    name: "mirrorgan in an extension",
    version: "1",
    key: key.toString("base64"),
    content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" },
  }));
  const text = await said([`--disable-extensions-except=${folder}`, `--load-extension=${folder}`], `chrome-extension://${id}/page.html`);
  const told = JSON.parse(text);
  assert.ok(told.colours > 50 && told.words > 0 && told.kept > 2 && told.same, text);
});

test("a file: page with the rights of Electron's draws", async () => {
  const folder = site();
  const told = JSON.parse(await said(["--allow-file-access-from-files"], pathToFileURL(join(folder, "page.html")).href));
  assert.ok(told.colours > 50 && told.words > 0 && told.same, JSON.stringify(told));
});
