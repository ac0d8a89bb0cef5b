// The projects of tests/examples as their tests build them: copies outside the checkout, so that nothing is left in it, whatever becomes of a test.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ROOT, scratch } from "./harness.mjs";

const EXAMPLES = join(ROOT, "tests", "examples");
const CACHE = process.env.MIRRORGAN_CACHE;
/** Where they are: with MIRRORGAN_CACHE what was installed serves the next run, too. */
const HOME = CACHE ? join(CACHE, "examples") : scratch();
/** What npm and the bundlers made that is no part of the project's sources. */
const MADE = /^(node_modules|\.next|\.parcel-cache|dist|bundle|public\/bundle)$/;

/** What programs run with: they tell nobody what they build. */
export const ENV = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };

/** A program's output; what it said is told where it fails. */
export function run(folder, command, ...args) {
  try {
    return execFileSync(command, args, { cwd: folder, env: ENV, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 2 ** 28 });
  } catch (error) {
    const said = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim().slice(-4000);
    throw new Error(`${basename(command)} ${args.join(" ").slice(0, 200)}: ${error.signal ?? error.status ?? error.message}\n${said}`, { cause: error.code });
  }
}

// What one project cannot reach the next cannot either: it need not wait for it again.
let unreachable = null;

/** npm, which keeps what it downloads where the builds are kept, and does not go on for minutes where nobody answers. */
export function npm(folder, ...args) {
  if (unreachable) throw unreachable;
  const cache = CACHE ? [`--cache=${join(CACHE, "npm")}`] : [];
  try {
    return run(folder, "npm", ...args, "--prefer-offline", "--fetch-retries=1", "--fetch-retry-maxtimeout=10000", "--no-audit", "--no-fund", "--loglevel=error", ...cache);
  } catch (error) {
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network|ENOTCACHED/.test(error.message)) throw error;
    unreachable = new Error(`the registry of npm packages cannot be reached, without which the examples cannot be built:\n${error.message}`);
    throw unreachable;
  }
}

/** A copy of a project, with what was installed there before; the package that some name as ../../../pkg lies there, too. */
export function project(name) {
  const folder = join(HOME, "tests", "examples", name);
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) if (old !== "node_modules") rmSync(join(folder, old), { recursive: true, force: true });
  const from = join(EXAMPLES, name);
  cpSync(from, folder, { recursive: true, filter: (path) => !MADE.test(path.slice(from.length + 1)) });
  const pkg = join(HOME, "pkg");
  rmSync(pkg, { recursive: true, force: true });
  cpSync(join(ROOT, "pkg"), pkg, { recursive: true });
  return folder;
}

/** The package as it would be published: what npm says of it, and where its file lies. */
export function pack() {
  const folder = scratch();
  const [packed] = [JSON.parse(npm(ROOT, "pack", join(ROOT, "pkg"), "--pack-destination", folder, "--json"))].flat();
  return { ...packed, tarball: join(folder, packed.filename) };
}

/** Installs what a project's lock says, then the packed package. */
export function install(folder, tarball) {
  // Not ci: of what Parcel may have on Windows npm writes less into the lock than it asks for.
  npm(folder, "install", "--no-save");
  // By the lock first: what it does not name could not be found offline.
  npm(folder, "install", tarball, "--offline", "--no-save");
}

/** A program that a project has installed. */
export const tool = (folder, name, ...args) => run(folder, join(folder, "node_modules", ".bin", name), ...args);
