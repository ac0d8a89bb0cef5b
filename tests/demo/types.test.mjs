// The package's types: from TypeScript 5.0 to the newest, with and without the DOM's types and those of Node.js, however modules are resolved.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { ROOT, scratch } from "./harness.mjs";

const run = promisify(execFile);
const MODULES = join(ROOT, "node_modules");
const COMPILERS = ["typescript-5.0", "typescript", "typescript-newest"];

let folder;

before(() => {
  folder = scratch();
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@types"), { recursive: true });
  symlinkSync(join(ROOT, "pkg"), join(modules, "mirrorgan"));
  for (const name of ["@types/node", "undici-types"]) cpSync(join(MODULES, name), join(modules, name), { recursive: true });
  for (const name of ["usage.ts", "nodom.ts"]) cpSync(join(ROOT, "tests", "types", name), join(folder, name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
});

/** Compiles a file; what the compiler says. */
async function compile(compiler, file, options) {
  const lib = join(MODULES, compiler, "lib", "tsc.js");
  const script = existsSync(lib) ? lib : join(MODULES, compiler, "bin", "tsc");
  const compilerOptions = { strict: true, noEmit: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false, target: "es2022", ...options };
  const config = join(folder, `tsconfig.${compiler}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [file] }));
  return run(process.execPath, [script, "-p", config]).then(() => "", ({ stdout, stderr }) => stdout + stderr);
}

for (const compiler of COMPILERS) {
  const { version } = JSON.parse(readFileSync(join(MODULES, compiler, "package.json"), "utf8"));
  test(`TypeScript ${version}`, async () => {
    const told = [];
    // Every pair of them, not every three.
    for (const [module, moduleResolution, file, types] of [
      ["node16", "node16", "usage.ts", []],
      ["nodenext", "nodenext", "nodom.ts", ["node"]],
      ["es2022", "bundler", "usage.ts", ["node"]],
      ["es2022", "bundler", "nodom.ts", []],
    ]) {
      const lib = file === "usage.ts" ? ["es2022", "dom", "dom.iterable"] : ["es2022"];
      const errors = await compile(compiler, file, { module, moduleResolution, lib, types });
      if (errors) told.push(`${file}, ${moduleResolution}, types ${types}: ${errors}`);
    }
    assert.deepEqual(told, []);
  });
}

test("a mistake is found: the checks above are none of `any`", async () => {
  writeFileSync(join(folder, "wrong.ts"), 'import { MirrorGan } from "mirrorgan";\nawait MirrorGan.load("x", { device: "abacus" });\n');
  for (const compiler of COMPILERS) {
    const options = { module: "node16", moduleResolution: "node16", lib: ["es2022"], types: [] };
    assert.match(await compile(compiler, "wrong.ts", options), /abacus/, compiler);
  }
});
