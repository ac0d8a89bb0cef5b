// The packed package in projects as bundlers make them, with their default settings unless pkg/README.md names others: each builds, and
// draws the picture that all draw. `make test-examples`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FilesServer } from "../demo/files_server.mjs";
import { TINY, cli, difference, openBrowser, openPage, pngPixels, scratch, serve } from "../demo/harness.mjs";
import { ENV, install, pack, project, run, tool as toolOf } from "../demo/projects.mjs";
import { told } from "../demo/watch.mjs";

let browser, tarball, expected, bundlers;

const tool = (...args) => toolOf(bundlers, ...args);

before(async () => {
  browser = await openBrowser();
  ({ tarball } = pack());
  // What the examples draw: as the command line does.
  const file = join(scratch(), "expected.png");
  cli("generate", "this flower has pink petals", "--model", TINY, "--seed", "7", "--out", file);
  const shown = await openPage(browser, "about:blank");
  ({ rgba: expected } = await pngPixels(shown, file));
  await shown.context().close();
  bundlers = project("bundlers");
  const vite = project("vite");
  for (const name of ["main.js", "index.html"]) cpSync(join(vite, name), join(bundlers, name));
  install(bundlers, tarball);
});

after(async () => browser?.close());

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
const page = (site, script) => writeFileSync(join(site, "index.html"), readFileSync(join(bundlers, "index.html"), "utf8").replace("./main.js", script));

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
  const folder = project("webpack");
  install(folder, tarball);
  const [site, html] = [fresh(), fresh()];
  const origin = await cdn(t, site);
  toolOf(folder, "webpack", "--output-path", site, "--output-public-path", origin);
  mkdirSync(html);
  page(html, `${origin}main.js`);
  same(await picture(html));
});

test("Vue 3 with Vite 8: the instance in a ref()", async () => {
  const folder = project("vue");
  install(folder, tarball);
  toolOf(folder, "vite", "build");
  same(await picture(join(folder, "dist")));
});

test("SvelteKit 2, its pages written beforehand", async () => {
  const folder = project("sveltekit");
  install(folder, tarball);
  toolOf(folder, "vite", "build");
  same(await picture(join(folder, "build")));
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
    cpSync(join(bundlers, "node_modules", "mirrorgan"), join(site, "mirrorgan"), { recursive: true });
    page(site, "./main.js");
    const html = readFileSync(join(site, "index.html"), "utf8");
    writeFileSync(join(site, "index.html"), html.replace("<script", '<script type="importmap">{ "imports": { "mirrorgan": "./mirrorgan/index.js" } }</script>\n  <script'));
    same(await picture(site));
  });
}

for (const format of ["esm", "cjs"]) {
  test(`esbuild for Node.js, ${format}, the package left outside`, () => {
    const file = join(bundlers, "dist", format === "esm" ? "draw.mjs" : "draw.cjs");
    // An example waits at its top, which CommonJS has not.
    const script = join(bundlers, "draw.js");
    writeFileSync(
      script,
      `import { MirrorGan } from "mirrorgan";
      (async () => {
        const gan = await MirrorGan.load(process.argv[2], { warmUp: false });
        const { pictures } = await gan.generate("this flower has pink petals", { seed: 7 });
        await gan.dispose();
        console.log(JSON.stringify(Array.from(pictures[0].stages.at(-1).image.data)));
      })();`,
    );
    tool("esbuild", script, "--bundle", "--platform=node", `--format=${format}`, "--external:mirrorgan", `--outfile=${file}`);
    same(JSON.parse(run(bundlers, process.execPath, "--no-warnings", file, TINY)));
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

const servers = new Set();
/** A server with what it has started, as long as it lives. */
const stop = (server) => servers.delete(server) && server.exitCode === null && process.kill(-server.pid);
process.once("exit", () => servers.forEach(stop));
// It is in a group of its own, which a signal to this process does not reach.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** Has a tool of a project serve it until the test is over; gives the address when it has said that it is `ready`. */
function served(t, folder, ready, name, ...args) {
  const env = { ...ENV, MODEL: TINY, NO_COLOR: "1" };
  const server = spawn(join(folder, "node_modules", ".bin", name), args, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"], detached: true });
  servers.add(server);
  t.after(() => stop(server));
  return new Promise((resolve, reject) => {
    let said = "";
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`${name} ended with ${code}: ${said}`)));
    server.stdout.on("data", (text) => {
      said += text;
      const [found] = /http:\/\/localhost:\d+/.exec(said) ?? [];
      if (found && ready.test(said)) resolve(found);
    });
  });
}

test("Vite 8, its development server", async (t) => {
  const folder = project("vue");
  install(folder, tarball);
  cpSync(TINY, join(folder, "public", "tiny"), { recursive: true });
  const address = await served(t, folder, /ready/, "vite", "--port", "0");
  same(await pictureAt(`${address}/?model=/tiny/`, 1));
});

for (const bundler of ["turbopack", "webpack"]) {
  test(`Next.js 16 with ${bundler}: a client component and a route handler`, async (t) => {
    const folder = project("next");
    install(folder, tarball);
    cpSync(TINY, join(folder, "public", "tiny"), { recursive: true });
    toolOf(folder, "next", "build", `--${bundler}`);
    const address = await served(t, folder, /Ready/, "next", "start", "--port", "0");
    // It does not isolate its pages: one thread.
    same(await pictureAt(`${address}/?model=/tiny/`, 1));
    const { width, height, pixels } = await (await fetch(`${address}/draw`)).json();
    assert.deepEqual([width, height, pixels.length], [64, 64, 4 * 64 * 64]);
    assert.ok(new Set(pixels).size > 50);
  });
}
