// What a visitor downloads, and the limits that it must not outgrow.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { ROOT } from "./harness.mjs";

const PKG = join(ROOT, "pkg");

/**
 * MB after Brotli at level 9, which a server can afford on the fly, a few percent above what they are. Level 11, as hosts compress ahead of
 * time, takes another eighth off. The WebGPU module computes on the CPU too: a visitor downloads one of the three.
 */
const LIMITS = {
  "the CPU alone": { files: /^mirrorgan_cpu_bg\.wasm$/, limit: 0.565 },
  "the CPU with threads": { files: /^mirrorgan_threads_bg\.wasm$/, limit: 0.565 },
  "WebGPU and CPU": { files: /^mirrorgan_webgpu_bg\.wasm$/, limit: 2.35 },
  // The glue of the module with threads is in it twice: thread.js is one script.
  JavaScript: { files: /(?<!node[\w-]*)\.js$/, limit: 0.0525 },
};
/** What was promised: a module and the JavaScript together. */
const PROMISED = { "the CPU alone": 0.6, // Only they need thread.js.
  "the CPU with threads": 0.61, "WebGPU and CPU": 2.5 };

const compress = promisify(brotliCompress);
const sizes = new Map();

before(async () => {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
  const files = readdirSync(PKG).filter((file) => /\.(js|wasm)$/.test(file));
  await Promise.all(
    files.map(async (file) => {
      const content = readFileSync(join(PKG, file));
      sizes.set(file, (await compress(content, { params: { ...params, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } })).length / 1e6);
    }),
  );
});

const sum = (files) => [...sizes].filter(([file]) => files.test(file)).reduce((total, [, size]) => total + size, 0);

for (const [name, { files, limit }] of Object.entries(LIMITS)) {
  test(`${name} is at most ${limit} MB`, (t) => {
    const size = sum(files);
    t.diagnostic(`${size.toFixed(3)} MB`);
    assert.ok(size > 0 && size <= limit, `${name} is ${size.toFixed(3)} MB`);
  });
}

test("with their JavaScript they are what was promised", () => {
  for (const [name, promised] of Object.entries(PROMISED)) {
    const size = sum(LIMITS[name].files) + sum(LIMITS.JavaScript.files);
    assert.ok(size <= promised, `${name}: ${size.toFixed(3)} MB of ${promised} MB`);
  }
});

test("nothing in the package is left over or for somebody else", () => {
  const known = /^(\w+(-\w+)*\.js|(index|types)\.d\.ts|mirrorgan_\w+_bg\.wasm|package\.json|README\.md|LICENSE-(MIT|APACHE)|THIRD-PARTY\.txt|SOURCES\.sha256)$/;
  assert.deepEqual(readdirSync(PKG).filter((file) => !known.test(file)), []);
});
