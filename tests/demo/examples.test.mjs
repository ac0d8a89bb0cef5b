// The package as others get it: packed, installed, bundled. Every example draws the same picture.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, TINY, difference, openBrowser, openPage, scratch, serve } from "./harness.mjs";
import { install, npm, pack, project, run } from "./projects.mjs";
import { keptFiles, told } from "./watch.mjs";

const EXAMPLES = join(ROOT, "tests", "examples");

let browser, packed, tarball, consumer, expected;

before(async () => {
  browser = await openBrowser();
  packed = pack();
  ({ tarball } = packed);
  // A project that has nothing but the packed package.
  consumer = scratch();
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  npm(consumer, "install", tarball, "--offline");
});

after(async () => browser?.close());

/** Serves `site` with `mounts`, opens it, and gives the picture it draws; `then(page, stop)` goes on with it. */
async function picture(site, mounts = {}, then = () => {}) {
  const server = await serve({ "": site, "models/tiny": TINY, ...mounts });
  const page = await openPage(browser, `${server.address}?model=models/tiny/`, { serviceWorkers: "allow" });
  try {
    const rgba = await drawnPicture(page);
    assert.deepEqual(page.problems, []);
    await then(page, server);
    return rgba;
  } finally {
    await page.context().close();
    server.stop();
  }
}

async function drawnPicture(page) {
  const status = await told(page, /^Done|^\S+: /);
  // The server isolates its pages: a bundler that lost thread.js would show here.
  const threads = Math.min(availableParallelism(), 16);
  assert.match(status, new RegExp(`^Done with ${threads} threads: `));
  return page.evaluate(() => Array.from(document.querySelector("#picture").getContext("2d").getImageData(0, 0, 256, 256).data));
}

function same(rgba) {
  expected ??= rgba;
  assert.ok(new Set(rgba).size > 50, "it is a picture");
  assert.equal(difference(rgba, expected), 0);
}

const installed = () => ({ "node_modules/mirrorgan": join(consumer, "node_modules", "mirrorgan") });

test("the tarball has what is used and what is promised, no more", () => {
  const files = packed.files.map(({ path }) => path).sort();
  const allowed = /^(package\.json|README\.md|LICENSE-(MIT|APACHE)|THIRD-PARTY\.txt|[a-z_-]+\.js|(index|types)\.d\.ts|mirrorgan_(cpu|webgpu|threads)\w*\.(js|wasm))$/;
  assert.deepEqual(files.filter((file) => !allowed.test(file)), []);
  const { exports, types, main } = JSON.parse(readFileSync(join(ROOT, "pkg", "package.json"), "utf8"));
  const named = [types, main, ...Object.values(exports).flatMap((target) => (typeof target === "string" ? target : Object.values(target)))];
  for (const file of [...named, "README.md", "LICENSE-MIT", "LICENSE-APACHE"]) {
    assert.ok(files.includes(file.replace("./", "")), `${file} is in the tarball`);
  }
  // What a script of the package imports is there too.
  for (const file of files.filter((file) => file.endsWith(".js"))) {
    for (const [, path] of readFileSync(join(ROOT, "pkg", file), "utf8").matchAll(/from "\.\/([^"]+)"/g)) assert.ok(files.includes(path), `${file} imports ${path}`);
  }
});

test("plain ES modules, and without network from the second visit on", async () => {
  const rgba = await picture(join(EXAMPLES, "plain"), installed(), async (page, server) => {
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.reload();
    await drawnPicture(page);
    await keptFiles(page, "config.json");
    server.stop();
    await page.context().setOffline(true);
    await page.reload();
    same(await drawnPicture(page));
  });
  same(rgba);
});

test("inside a Worker of the page's own", async () => same(await picture(join(EXAMPLES, "worker"), installed())));

test("a Vite project with `npm install ./pkg`", async () => {
  const folder = project("vite");
  npm(folder, "ci");
  npm(folder, "run", "build");
  same(await picture(join(folder, "dist")));
});

test("a webpack project with the packed package", async () => {
  const folder = project("webpack");
  install(folder, tarball);
  npm(folder, "run", "build");
  same(await picture(join(folder, "public")));
});

test("from another origin, as from a CDN", async () => {
  const page = join(scratch(), "page");
  mkdirSync(page);
  const html = readFileSync(join(EXAMPLES, "plain", "index.html"), "utf8");
  cpSync(join(EXAMPLES, "vite", "main.js"), join(page, "main.js"));
  const { createServer } = await import("node:http");
  const types = { js: "text/javascript", wasm: "application/wasm" };
  const cdn = createServer((request, response) => {
    const file = new URL(request.url, "http://x").pathname.slice(1);
    try {
      const body = readFileSync(join(ROOT, "pkg", file));
      response.writeHead(200, { "access-control-allow-origin": "*", "content-type": types[file.split(".").pop()], "cross-origin-resource-policy": "cross-origin" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => cdn.listen(0, "127.0.0.1", resolve));
  try {
    writeFileSync(join(page, "index.html"), html.replace("./node_modules/mirrorgan/", `http://127.0.0.1:${cdn.address().port}/`));
    same(await picture(page));
  } finally {
    cdn.closeAllConnections();
    cdn.close();
  }
});

test("Node.js, from a folder's path", () => {
  cpSync(join(EXAMPLES, "node", "draw.mjs"), join(consumer, "draw.mjs"));
  const out = join(consumer, "out.ppm");
  assert.match(run(consumer, process.execPath, "draw.mjs", TINY, out), /ms: /);
  const rgb = readFileSync(out).subarray("P6 256 256 255\n".length);
  same(Array.from({ length: 4 * 256 * 256 }, (_, index) => (index % 4 === 3 ? 255 : rgb[(index >> 2) * 3 + (index % 4)])));
});

for (const [module, resolution] of [["node16", "node16"], ["es2022", "bundler"]]) {
  test(`the packed types with moduleResolution ${resolution}`, () => {
    cpSync(join(ROOT, "tests", "types", "usage.ts"), join(consumer, "usage.ts"));
    const flags = ["--strict", "--noEmit", "--target", "es2023", "--module", module, "--moduleResolution", resolution, "--lib", "es2023,dom,dom.iterable"];
    try {
      run(consumer, process.execPath, join(ROOT, "node_modules", "typescript", "lib", "tsc.js"), ...flags, "usage.ts");
    } catch (error) {
      assert.fail(error.stdout);
    }
  });
}
