// What the page itself weighs, the sizes that it names, and that its modules stay small.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ROOT } from "./harness.mjs";

const WWW = join(ROOT, "www");
const PKG = join(ROOT, "pkg");
const packed = (file) => gzipSync(readFileSync(file)).length;

test("the page without models is at most 0.30 MB, with all tools and the largest wall", (t) => {
  const own = readdirSync(WWW).filter((file) => /\.(html|css|js|svg)$/.test(file)).map((file) => packed(join(WWW, file)));
  const vendored = readdirSync(join(WWW, "vendor")).filter((file) => file.endsWith(".js")).map((file) => packed(join(WWW, "vendor", file)));
  const scripts = ["index.js", "check.js", "connection.js", "describe.js", "download.js", "errors.js", "listed.js", "picture.js", "platform.js", "support.js"].map((file) => packed(join(PKG, file)));
  const walls = readdirSync(join(WWW, "gallery")).filter((file) => file.endsWith(".webp")).map((file) => readFileSync(join(WWW, "gallery", file)).length);
  const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);
  const whole = (sum(own) + sum(vendored) + sum(scripts) + Math.max(...walls)) / 1e6;
  t.diagnostic(`${whole.toFixed(3)} MB`);
  assert.ok(whole <= 0.3, `${whole.toFixed(3)} MB`);
});

test("the sizes of the program that the page names are those of pkg/", async () => {
  // The browser's package has no place here: the table alone is read.
  const source = readFileSync(join(WWW, "program.js"), "utf8");
  const rows = [...source.matchAll(/file: "([^"]+)", bytes: ([\d_]+), packed: ([\d_]+)/g)];
  assert.equal(rows.length, 3);
  for (const [, file, bytes, small] of rows) {
    const content = readFileSync(join(PKG, file));
    const near = (named, is) => Math.abs(Number(named.replaceAll("_", "")) / is - 1) < 0.1;
    assert.ok(near(bytes, content.length), `${file} has ${content.length} bytes`);
    assert.ok(near(small, gzipSync(content, { level: 6 }).length), `${file} has ${gzipSync(content, { level: 6 }).length} bytes packed`);
  }
});

test("what is not ours is there with its licence, and says which version it is", () => {
  for (const file of readdirSync(join(WWW, "vendor")).filter((each) => each.endsWith(".js"))) {
    assert.match(readFileSync(join(WWW, "vendor", file), "utf8"), /^\/\/ \S+ \d+\.\d+\.\d+, https:\S+, MIT/);
    assert.match(readFileSync(join(WWW, "vendor", file.replace(/\.js$/, ".LICENSE.txt")), "utf8"), /MIT License[\s\S]*Copyright/);
  }
});

test("no module is longer than 300 lines, and no style is written into the page", () => {
  for (const file of readdirSync(WWW).filter((each) => each.endsWith(".js"))) {
    const text = readFileSync(join(WWW, file), "utf8");
    assert.ok(text.split("\n").length <= 301, `${file} has ${text.split("\n").length} lines`);
    assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write|\beval\(/, file);
  }
  assert.doesNotMatch(readFileSync(join(WWW, "index.html"), "utf8"), /\sstyle=|<style|\son\w+=/);
});

test("what is loaded later is kept for visits without network", () => {
  const all = readdirSync(WWW).filter((file) => file.endsWith(".js"));
  const later = new Set(all.flatMap((file) => [...readFileSync(join(WWW, file), "utf8").matchAll(/import\("\.\/([^"]+)"\)/g)].map(([, path]) => path)));
  later.delete("main.js");
  const [, listed] = /TOOLS = \[([^\]]*)\]/.exec(readFileSync(join(WWW, "tools.js"), "utf8"));
  for (const file of later) assert.ok(listed.includes(`"${file}"`), file);
});

test("what the page imports at once is named at its top", () => {
  const found = new Set();
  const follow = (file) => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, path] of readFileSync(join(WWW, file), "utf8").matchAll(/from "\.\/([\w-]+\.js)"/g)) follow(path);
  };
  follow("main.js");
  const named = [...readFileSync(join(WWW, "index.html"), "utf8").matchAll(/rel="modulepreload" href="([\w-]+\.js)"/g)].map(([, file]) => file);
  assert.deepEqual(named.sort(), [...found].sort());
});
