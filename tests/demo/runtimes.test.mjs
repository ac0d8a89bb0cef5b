// The package in Node.js as hosts run it: required, in a thread, with flags, with a Worker of the caller's; in Deno and Bun; and compiled to
// older JavaScript.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import typescript from "typescript";
import { PROMPT, ROOT, TINY, scratch } from "./harness.mjs";

const PKG = join(ROOT, "pkg");
const [major, minor] = process.versions.node.split(".").map(Number);

/** Prints a hash of the picture that `MirrorGan` draws. */
const DRAW = `
  const gan = await MirrorGan.load(${JSON.stringify(TINY)}, { warmUp: false, threads: 2, ...globalThis.more });
  const { pictures } = await gan.generate(${JSON.stringify(PROMPT)}, { seed: 7 });
  await gan.dispose();
  const { createHash } = await import("node:crypto");
  const drawn = createHash("sha256").update(pictures[0].stages.at(-1).image.data).digest("hex");`;

const runBy = (command, script, flags = [], name = "script.mjs") => {
  const file = join(scratch(), name);
  writeFileSync(file, script);
  return execFileSync(command, [...flags, file], { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "pipe"] }).trim();
};
const node = (...more) => runBy(process.execPath, ...more);
const importing = (pkg = PKG) => `import { MirrorGan, MirrorGanError } from ${JSON.stringify(pathToFileURL(join(pkg, "node.js")).href)};`;

let expected;

before(() => {
  expected = node(`${importing()}${DRAW} console.log(drawn);`);
  assert.match(expected, /^[0-9a-f]{64}$/);
});

test("require() of a CommonJS script", { skip: major < 20 || (major === 20 && minor < 19) }, () => {
  assert.equal(node(`const { MirrorGan } = require(${JSON.stringify(join(PKG, "node.js"))}); (async () => {${DRAW} console.log(drawn); })();`, [], "script.cjs"), expected);
});

test("in a thread of the caller's", () => {
  const script = `import { Worker, isMainThread, parentPort } from "node:worker_threads";
    ${importing()}
    if (isMainThread) new Worker(new URL(import.meta.url)).on("message", (drawn) => console.log(drawn));
    else {${DRAW} parentPort.postMessage(drawn); }`;
  assert.equal(node(script), expected);
});

test("with a Worker of the caller's, from node:worker_threads", () => {
  const script = `import { Worker } from "node:worker_threads";
    ${importing()}
    let made = 0;
    globalThis.more = { worker: () => (made++, new Worker(new URL(${JSON.stringify(pathToFileURL(join(PKG, "node-worker.js")).href)}))) };
    ${DRAW} console.log(drawn, made);`;
  assert.equal(node(script), `${expected} 1`);
});

test("the flags of the process are those of its threads; flags of a process alone do no harm", () => {
  const preload = join(scratch(), "preload.mjs");
  writeFileSync(preload, "globalThis.preloaded = true;");
  for (const flags of [[], ["--import", pathToFileURL(preload).href], ["--expose-gc", "--max-old-space-size=512"], ["--no-warnings", "--stack-trace-limit=5"]]) {
    assert.equal(node(`${importing()}${DRAW} console.log(drawn);`, flags), expected, String(flags));
  }
});

test("the permission model: with what it needs it draws, without it is told", () => {
  const flag = major >= 24 ? "--permission" : "--experimental-permission";
  const script = `${importing()}
    const told = await (async () => {${DRAW} return drawn; })().catch((error) => (error instanceof MirrorGanError ? error.code + ": " + error.message : "untyped: " + error));
    console.log(told);`;
  assert.equal(node(script, ["--no-warnings", flag, "--allow-fs-read=*", "--allow-worker"]), expected);
  assert.match(node(script, ["--no-warnings", flag, "--allow-fs-read=*"]), /^unsupported: no Worker could be made: Access to this API has been restricted/);
});

// Binaries of other versions, where there are some for this machine.
for (const version of [22, 24]) {
  const command = join(ROOT, "node_modules", `node-${version}`, "bin", "node");
  test(`Node.js ${version} draws the same, required too`, { skip: !existsSync(command) }, () => {
    assert.match(execFileSync(command, ["--version"], { encoding: "utf8" }), new RegExp(`^v${version}\\.`));
    assert.equal(runBy(command, `${importing()}${DRAW} console.log(drawn);`), expected);
    const script = `const { MirrorGan } = require(${JSON.stringify(join(PKG, "node.js"))}); (async () => {${DRAW} console.log(drawn); })();`;
    assert.equal(runBy(command, script, ["--no-warnings"], "script.cjs"), expected);
  });
}

for (const [runtime, ...flags] of [
  ["deno", "run", "--quiet", "--no-prompt", "--allow-read"],
  ["bun", "run"],
]) {
  const run = (script) => runBy(join(ROOT, "node_modules", ".bin", runtime), script, flags);

  test(`${runtime} draws the same`, () => {
    assert.equal(run(`${importing()}${DRAW} console.log(drawn);`), expected);
  });

  test(`in ${runtime} what goes wrong is told by its code, and what follows works`, () => {
    const script = `${importing()}
      const failure = await MirrorGan.load(${JSON.stringify(join(TINY, "absent"))}).catch((error) => error);
      console.log(failure instanceof MirrorGanError, failure.code);
      {${DRAW} console.log(drawn);
      console.log(await gan.generate("red").catch((error) => error.code)); }`;
    const told = run(script);
    assert.equal(told, node(script));
    assert.match(told, new RegExp(`^true \\w+\n${expected}\ndisposed$`));
  });

  test(`in ${runtime} a fault in the Worker is a typed error`, () => {
    const worker = join(scratch(), "faulty.mjs");
    writeFileSync(worker, `import ${JSON.stringify(pathToFileURL(join(PKG, "node-worker.js")).href)};\nsetTimeout(() => { throw new Error("a fault of its own"); });`);
    const script = `import { Worker } from "node:worker_threads";
      ${importing()}
      const failure = await MirrorGan.load(${JSON.stringify(TINY)}, { worker: () => new Worker(new URL(${JSON.stringify(pathToFileURL(worker).href)})) }).catch((error) => error);
      console.log(failure instanceof MirrorGanError, failure.code, failure.message);
      process.exit();`;
    assert.match(run(script), /^true crashed [^]*a fault of its own/);
  });
}

test("a bundle that lost its files says what to do", () => {
  const folder = join(scratch(), "bundle");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const name of readdirSync(PKG).filter((name) => /\.js$/.test(name) && name !== "node-worker.js")) copyFileSync(join(PKG, name), join(folder, name));
  const told = node(`${importing(folder)} console.log(await MirrorGan.load(${JSON.stringify(TINY)}).catch(({ code, message }) => code + ": " + message));`);
  assert.match(told, /^unsupported: .*node-worker\.js is not there: mirrorgan must stay out of bundles for Node\.js/);
});

test("compiled to the JavaScript of 2015 it draws the same", () => {
  const folder = join(scratch(), "older");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const name of readdirSync(PKG)) {
    if (name.endsWith(".wasm")) copyFileSync(join(PKG, name), join(folder, name));
    if (!name.endsWith(".js")) continue;
    const compilerOptions = { target: typescript.ScriptTarget.ES2015, module: typescript.ModuleKind.ESNext, downlevelIteration: true };
    // Only the package's own modules wait at their top, for which there is nothing older.
    const { outputText } = typescript.transpileModule(readFileSync(join(PKG, name), "utf8"), { compilerOptions, fileName: name });
    writeFileSync(join(folder, name), outputText);
  }
  assert.match(readFileSync(join(folder, "index.js"), "utf8"), /__classPrivateFieldGet/);
  assert.equal(node(`${importing(folder)}${DRAW} console.log(drawn);`), expected);
});
