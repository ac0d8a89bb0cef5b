// What the tests of the demo's parts share, beyond harness.mjs.

import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { ROOT, TINY, draw, drawn, scratch } from "./harness.mjs";
import { still } from "./watch.mjs";

export { told } from "./watch.mjs";

/** A policy as strict as the page can live with, to be sent as a header too. */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
  "style-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Words that the small model knows. */
export const TINY_PROMPT = "this flower has pink petals and a yellow center";

/** The demo as scripts/build-site.sh makes it, with the small model. Given once a process. */
export function builtSite() {
  const site = join(scratch(), "site");
  execFileSync(join(ROOT, "scripts", "build-site.sh"), [site], { stdio: "pipe" });
  return site;
}

/** scripts/serve.py with any flags; the small model is models/tiny and, unless told otherwise, models/flowers. */
export async function serveWith(...flags) {
  const server = spawn("python3", [join(ROOT, "scripts", "serve.py"), "--port", "0", "--quiet", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  const address = await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.once("data", (line) => resolve(/http:\S+/.exec(String(line))[0]));
  });
  return { address, stop: () => server.kill() };
}

export const serveTiny = (...flags) => serveWith("--mount", `models/tiny=${TINY}`, "--mount", `models/flowers=${TINY}`, ...flags);

/** Draws and waits for this very drawing. */
export async function drawAndWait(page, prompt = TINY_PROMPT, seed = 7) {
  await draw(page, prompt, seed);
  await drawn(page);
}

/** Breaches of WCAG 2 A and AA and of axe's best practices, as short lines. */
export async function breaches(page) {
  // Colours are measured when nothing fades any more.
  await still(page);
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}
