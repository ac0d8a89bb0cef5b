// What bundlers make of the package's addresses, and scripts on another origin than the page: made by hand, as they make it.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, ROOT, openBrowser, openPage, scratch } from "./harness.mjs";

const PKG = join(ROOT, "pkg");
const CROSS = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

let browser, expected;

before(async () => {
  browser = await openBrowser();
  const server = await new FilesServer().start();
  server.headers = ISOLATED;
  expected = await drawnWith("pkg/index.js", server);
  await server.stop();
  assert.ok(expected.threads > 1);
});

after(() => browser?.close());

/** The package with names that nobody could guess, its addresses written by `rewrite(name, hashed)` as a bundler does. */
function bundled(rewrite) {
  const folder = join(scratch(), "assets");
  mkdirSync(folder);
  const hashed = (name) => name.replace(/\.(js|wasm)$/, ".a1b2c3.$1");
  for (const name of readdirSync(PKG).filter((name) => /\.(js|wasm)$/.test(name) && !name.startsWith("node"))) {
    if (name.endsWith("wasm")) {
      copyFileSync(join(PKG, name), join(folder, hashed(name)));
      continue;
    }
    const source = readFileSync(join(PKG, name), "utf8")
      .replace(/new URL\("\.\/([\w.]+)", import\.meta\.url\)/g, (_, file) => rewrite(file, hashed(file)))
      .replace(/from"?\s*"\.\/([\w.-]+)"/g, (_, file) => `from "./${hashed(file)}"`)
      // webpack's is the place of the source on the machine that built it.
      .replaceAll("import.meta.url", '"file:///build/node_modules/mirrorgan/index.js"');
    writeFileSync(join(folder, hashed(name)), source);
  }
  return folder;
}

async function draw(page) {
  return page.evaluate(async () => {
    try {
      const gan = await MirrorGan.load("tiny");
      const { pictures } = await gan.generate(prompt, { seed: 7 });
      const { threads } = gan.info;
      await gan.dispose();
      return { threads, picture: pictures[0].stages.at(-1).image.data.join() };
    } catch (error) {
      return { error: `${error.code}: ${error.message}` };
    }
  });
}

/** Draws in a page of its own with the package from `pkg`, an address relative to the page. */
async function drawnWith(pkg, server) {
  const page = await prepare(await openPage(browser, server.address), PROMPT, pkg);
  const drawn = await draw(page);
  await page.context().close();
  return drawn;
}

test("as Next.js: an object whose href is a path, and import.meta.url a path of the build machine", async () => {
  const relative = (_, hashed) => `({ href: "/assets/${hashed}", pathname: "/assets/${hashed}", toString() { return this.href; }, toJSON() { return this.href; } })`;
  const server = await new FilesServer({ assets: bundled(relative) }).start();
  server.headers = ISOLATED;
  assert.deepEqual(await drawnWith("assets/index.a1b2c3.js", server), expected);
  await server.stop();
});

for (const headers of [{}, ISOLATED]) {
  test(`as Vite's base or webpack's publicPath on another origin, hashed names${headers === ISOLATED ? ", isolated" : ""}`, async () => {
    let cdn;
    const absolute = (_, hashed) => `new URL("CDN/assets/${hashed}", import.meta.url)`;
    const folder = bundled(absolute);
    cdn = await new FilesServer({ assets: folder }).start();
    cdn.headers = { ...CROSS, ...headers };
    for (const name of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
      const path = join(folder, name);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll("CDN/", cdn.address));
    }
    const server = await new FilesServer().start();
    server.headers = headers;
    const found = await drawnWith(`${cdn.address}assets/index.a1b2c3.js`, server);
    assert.equal(found.error, undefined);
    assert.ok(found.picture === expected.picture);
    assert.equal(found.threads, headers === ISOLATED ? expected.threads : 1);
    await Promise.all([server.stop(), cdn.stop()]);
  });
}

test("the package itself from another origin, as from a CDN, isolated or not", async () => {
  for (const headers of [{}, ISOLATED]) {
    const [server, cdn] = [await new FilesServer().start(), await new FilesServer().start()];
    [server.headers, cdn.headers] = [headers, { ...CROSS, ...headers }];
    const found = await drawnWith(`${cdn.address}pkg/index.js`, server);
    assert.equal(found.error, undefined);
    assert.ok(found.picture === expected.picture);
    assert.equal(found.threads, headers === ISOLATED ? expected.threads : 1);
    await Promise.all([server.stop(), cdn.stop()]);
  }
});

test("a bundler that leaves no address: the error names the option", async () => {
  const server = await new FilesServer({ assets: bundled((name, hashed) => (name.endsWith("wasm") ? 'new URL("http://[")' : `new URL("/assets/${hashed}", location.href)`)) }).start();
  const { error } = await drawnWith("assets/index.a1b2c3.js", server);
  assert.match(error, /^unsupported: where the cpu module lies cannot be told from this script: say so with the option wasm/);
  await server.stop();
});

test("no module of the Worker leads back to it: bundlers that follow Workers would go round", () => {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    const source = readFileSync(join(PKG, name), "utf8");
    for (const [, next] of source.matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) visit(next);
    assert.doesNotMatch(source, /new URL\("\.\/worker\.js"/, name);
  };
  visit("worker.js");
  assert.ok(seen.has("threads.js") && seen.has("platform.js"));
});
