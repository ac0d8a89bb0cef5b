// What the demo's tests share: a server, a browser, a model, the command line.

import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { LIMIT, newContext, skip, still, told } from "./watch.mjs";

export { shownError } from "./watch.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const CLI = process.env.MIRRORGAN_CLI ?? join(ROOT, "target", "debug", "mirrorgan");
const SCREENSHOTS = join(ROOT, "tests", "demo", "screenshots");

/** The trained model where there is one, else the one that `cargo test --test native tiny_model` draws at random. */
export const FLOWERS = join(ROOT, "models", "flowers");
export const TINY = process.env.MIRRORGAN_TINY ?? join(dirname(CLI), "..", "tmp", "tiny-model");
export const MODEL = existsSync(join(FLOWERS, "config.json")) ? FLOWERS : TINY;
/** Heights of its pictures. */
export const SIZES = [64, 128, 256].slice(0, JSON.parse(readFileSync(join(MODEL, "config.json"), "utf8")).generator.stages);
export const PROMPT = "this flower has pink petals and a yellow center";

/** Starts scripts/serve.py with `mounts`: { "models/x": folder }; gives the address and a way to stop it. */
export async function serve(mounts = {}, prefix = "/") {
  const flags = Object.entries({ "models/flowers": MODEL, ...mounts }).flatMap(([path, folder]) => ["--mount", `${path}=${folder}`]);
  const server = spawn("python3", [join(ROOT, "scripts", "serve.py"), "--port", "0", "--quiet", "--prefix", prefix, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const address = await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.once("data", (line) => resolve(/http:\S+/.exec(String(line))[0]));
  });
  return { address, stop: () => server.kill() };
}

/** Chromium, with a software WebGPU adapter. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    timeout: LIMIT,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      // Heap sizes to the byte, and gc().
      "--enable-precise-memory-info",
      "--js-flags=--expose-gc",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
    ],
  });
}

/** A page whose errors are kept in `page.problems`; it sketches what is typed where `sketches` says so, for that would be in the way of what is held back. */
export async function openPage(browser, address, { sketches = false, ...options } = {}) {
  // Requests that a service worker answers cannot be seen or changed by a test.
  const context = await newContext(browser, { viewport: { width: 1200, height: 1100 }, serviceWorkers: "block", ...options });
  if (!sketches) {
    await context.addInitScript(() => {
      try {
        localStorage.setItem("mirrorgan.sketch", "off");
      } catch {
        // A frame, or a mode, that has none.
      }
    });
  }
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    // A missing file is reported by the browser itself too.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  await page.goto(address);
  return page;
}

/** Types a prompt, presses Draw; what is read of the page afterwards was said since. */
export async function draw(page, prompt, seed = 7) {
  await page.getByLabel("What should the picture show?").fill(prompt);
  await page.getByLabel("Seed", { exact: true }).fill(String(seed));
  await skip(page);
  await page.getByRole("button", { name: "Draw", exact: true }).click();
}

/** Waits until the page has said that the last stage is drawn: since `draw`, or, where it draws by itself, since it was opened. */
export const drawn = (page, limit = LIMIT) => told(page, /^Done/, limit);

/** RGBA bytes of the canvas of each stage. */
export function stagePixels(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("#stages .drawn .picture")].map((canvas) => ({
      size: canvas.width,
      rgba: Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data),
    })),
  );
}

/** RGBA bytes of a PNG file. */
export function pngPixels(page, file) {
  const url = `data:image/png;base64,${readFileSync(file).toString("base64")}`;
  return page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return { size: image.width, rgba: Array.from(context.getImageData(0, 0, image.width, image.height).data) };
  }, url);
}

/** The largest difference of two pictures, in 255ths. */
export function difference(a, b) {
  if (a.length !== b.length) throw new Error(`${a.length} bytes against ${b.length}`);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index])), 0);
}

export const cli = (...args) => execFileSync(CLI, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const scratches = [];
process.once("exit", () => scratches.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder that is removed when the tests end. */
export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "mirrorgan-demo-"));
  scratches.push(folder);
  return folder;
}

/** A copy of a model with `damage(folder)` done to it. */
export function damaged(damage, model = MODEL) {
  const folder = join(scratch(), "model");
  cpSync(model, folder, { recursive: true, dereference: true });
  damage(folder);
  return folder;
}

/** The small model cut down to its first stage: one that never looks at single words. */
export const oneStage = () =>
  damaged((folder) => {
    const [weights, settings] = ["glam.safetensors", "config.json"].map((file) => join(folder, file));
    const content = readFileSync(weights);
    const from = 8 + Number(content.readBigUInt64LE());
    const { __metadata__, ...tensors } = JSON.parse(content.subarray(8, from));
    const header = __metadata__ ? { __metadata__ } : {};
    const parts = [];
    let end = 0;
    for (const [name, tensor] of Object.entries(tensors).filter(([name]) => !/^(refine|heads\.[12])\./.test(name))) {
      const [low, high] = tensor.data_offsets;
      header[name] = { ...tensor, data_offsets: [end, (end += high - low)] };
      parts.push(content.subarray(from + low, from + high));
    }
    const text = JSON.stringify(header);
    const head = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    const kept = Buffer.concat([length, head, ...parts]);
    writeFileSync(weights, kept);
    const config = JSON.parse(readFileSync(settings));
    config.generator.stages = 1;
    config.files["glam.safetensors"] = { sha256: createHash("sha256").update(kept).digest("hex"), bytes: kept.length };
    writeFileSync(settings, JSON.stringify(config));
  }, TINY);

/** A picture of the page as it is when nothing moves any more. */
export async function screenshot(page, name) {
  await still(page);
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}
