// The packed package in projects as bundlers make them, with their default settings unless pkg/README.md names others: each builds, and
// draws the picture that all draw. `make test-examples`.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FilesServer } from "../demo/files_server.mjs";
import { ROOT, TINY, cli, difference, openBrowser, openPage, pngPixels, scratch, serve } from "../demo/harness.mjs";
import { told } from "../demo/watch.mjs";

const HERE = join(ROOT, "tests", "examples");
const BUNDLERS = join(HERE, "bundlers");
const QUIET = ["--silent", "--no-audit", "--no-fund"];
/** What a bundler prints is told where it fails. */
const run = (folder, command, ...args) => execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const tool = (name, ...args) => run(BUNDLERS, join("node_modules", ".bin", name), ...args);

let browser, tarball, expected;

before(async () => {
  browser = await openBrowser();
  const folder = scratch();
  const [packed] = [JSON.parse(run(ROOT, "npm", "pack", join(ROOT, "pkg"), "--pack-destination", folder, "--json"))].flat();
  tarball = join(folder, packed.filename);
  // What the examples draw: as the command line does.
  const file = join(scratch(), "expected.png");
  cli("generate", "this flower has pink petals", "--model", TINY, "--seed", "7", "--out", file);
  const shown = await openPage(browser, "about:blank");
  ({ rgba: expected } = await pngPixels(shown, file));
  await shown.context().close();
  for (const name of ["main.js", "index.html"]) cpSync(join(HERE, "vite", name), join(BUNDLERS, name));
  install(BUNDLERS);
});

after(async () => browser?.close());

/** By the lock first: what it does not name could not be found offline. */
function install(folder) {
  // Not ci: of what Parcel may have on Windows npm writes less into the lock than it asks for.
  run(folder, "npm", "install", "--no-save", ...QUIET);
  run(folder, "npm", "install", tarball, "--offline", "--no-save", ...QUIET);
}

async function pictureAt(address, threads = Math.min(availableParallelism(), 16)) {
  const page = await openPage(browser, address);
  try {
    const status = await told(page, /^Done|^\S+: /);
    assert.match(status, new RegExp(`^Done with ${threads} threads: `));
    assert.deepEqual(page.problems, []);
    return await page.evaluate(() => Array.from(document.querySelector("#picture").getContext("2d").getImageData(0, 0, 256, 256).data));
  } finally {
    await page.context().close();
  }
}

/** Serves a site beside the small model and gives what it draws; the server isolates its pages, so that threads are to be had. */
async function picture(site) {
  const server = await serve({ "": site, "models/tiny": TINY });
  try {
    return await pictureAt(`${server.address}?model=models/tiny/`);
  } finally {
    server.stop();
  }
}

/** The browser and the command line may round differently. */
function same(rgba) {
  assert.ok(new Set(rgba).size > 50, "it is a picture");
  assert.ok(difference(rgba, expected) <= 1);
}

/** Where a bundler puts its site: always a new folder. */
const fresh = () => join(scratch(), "site");
const page = (site, script) => writeFileSync(join(site, "index.html"), readFileSync(join(BUNDLERS, "index.html"), "utf8").replace("./main.js", script));

/** Serves what `site` will be, to every origin, until the test is over. */
async function cdn(t, site) {
  const server = await new FilesServer({ site }).start();
  t.after(() => server.stop());
  server.headers = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };
  return `${server.address}site/`;
}

test("Vite 8", async () => {
  const site = fresh();
  tool("vite", "build", "--base", "./", "--outDir", site);
  same(await picture(site));
});

test("Vite 8 with a base on another origin", async (t) => {
  const [site, html] = [fresh(), fresh()];
  tool("vite", "build", "--base", await cdn(t, site), "--outDir", site);
  mkdirSync(html);
  cpSync(join(site, "index.html"), join(html, "index.html"));
  same(await picture(html));
});

test("webpack 5 with a publicPath on another origin", async (t) => {
  const folder = join(HERE, "webpack");
  install(folder);
  const [site, html] = [fresh(), fresh()];
  const origin = await cdn(t, site);
  run(folder, join("node_modules", ".bin", "webpack"), "--output-path", site, "--output-public-path", origin);
  mkdirSync(html);
  page(html, `${origin}main.js`);
  same(await picture(html));
});

test("Parcel 2", async () => {
  const site = fresh();
  tool("parcel", "build", "index.html", "--dist-dir", site, "--public-url", "./", "--no-cache", "--no-source-maps");
  same(await picture(site));
});

for (const [name, args] of [
  ["Rollup 4, the package beside the bundle", (file) => ["rollup", "main.js", "--format", "es", "--external", "mirrorgan", "--file", file]],
  ["esbuild, the package beside the bundle", (file) => ["esbuild", "main.js", "--bundle", "--format=esm", "--external:mirrorgan", `--outfile=${file}`]],
]) {
  test(name, async () => {
    const site = fresh();
    tool(...args(join(site, "main.js")));
    cpSync(join(BUNDLERS, "node_modules", "mirrorgan"), join(site, "mirrorgan"), { recursive: true });
    page(site, "./main.js");
    const html = readFileSync(join(site, "index.html"), "utf8");
    writeFileSync(join(site, "index.html"), html.replace("<script", '<script type="importmap">{ "imports": { "mirrorgan": "./mirrorgan/index.js" } }</script>\n  <script'));
    same(await picture(site));
  });
}

test("a bundler that leaves the Worker behind is told what it needs", async (t) => {
  const site = fresh();
  tool("esbuild", "main.js", "--bundle", "--format=esm", `--outfile=${join(site, "main.js")}`);
  page(site, "./main.js");
  const server = await serve({ "": site, "models/tiny": TINY });
  t.after(() => server.stop());
  const shown = await openPage(browser, `${server.address}?model=models/tiny/`);
  assert.match(await told(shown, /^\S+: /), /a bundler that does not put it there needs the options worker and wasm/);
  await shown.context().close();
});

for (const bundler of ["turbopack", "webpack"]) {
  test(`Next.js 16 with ${bundler}: a client component and a route handler`, async (t) => {
    const folder = join(HERE, "next");
    install(folder);
    rmSync(join(folder, ".next"), { recursive: true, force: true });
    t.after(() => rmSync(join(folder, "public"), { recursive: true, force: true }));
    cpSync(TINY, join(folder, "public", "tiny"), { recursive: true });
    const next = join(folder, "node_modules", ".bin", "next");
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", MODEL: TINY };
    execFileSync(next, ["build", `--${bundler}`], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    const server = spawn(next, ["start", "--port", "0"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"], detached: true });
    // With what it has started, as long as it lives.
    t.after(() => server.exitCode === null && process.kill(-server.pid));
    const address = await new Promise((resolve, reject) => {
      server.once("exit", (code) => reject(new Error(`next ended with ${code}`)));
      let said = "";
      server.stdout.on("data", (text) => {
        said += text;
        const [found] = /http:\/\/localhost:\d+/.exec(said) ?? [];
        if (found && /Ready/.test(said)) resolve(found);
      });
    });
    // It does not isolate its pages: one thread.
    same(await pictureAt(`${address}/?model=/tiny/`, 1));
    const { width, height, pixels } = await (await fetch(`${address}/draw`)).json();
    assert.deepEqual([width, height, pixels.length], [64, 64, 4 * 64 * 64]);
    assert.ok(new Set(pixels).size > 50);
  });
}
