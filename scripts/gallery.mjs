// Draws the wall of the demo: nine pictures of each model, by the package itself in headless Chromium.
//
//   node scripts/gallery.mjs [MODEL]...     all of models/ when none is named
//
// Writes www/gallery/MODEL.webp and tells www/gallery/gallery.json of it, with the sha-256 of the weights: the page shows no
// picture of other weights than it has. To be run again when a model changes.

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBrowser, openPage, serve } from "../tests/demo/harness.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SIDE = 168;
const COLUMNS = 3;

// Seeds are picked for the wall; the model cards show grids of which none is left out.
const WALLS = {
  flowers: [
    ["this flower has pink petals and a yellow center", 3],
    ["a white flower with long thin petals", 5],
    ["purple petals and a yellow stamen", 2],
    ["the petals are yellow and pointed with brown in the center", 1],
    ["bright red petals with dark spots", 4],
    ["this flower has large orange petals and long stamen", 6],
    ["a flower with blue petals", 8],
    ["a dark purple flower with a white center", 11],
    ["light pink petals with a white center", 9],
  ],
  birds: [
    ["a small bright blue bird with a white belly", 3],
    ["this bird has a red crown and a short black beak", 2],
    ["a yellow bird with black wings", 2],
    ["a brown bird with speckled wings and a long bill", 0],
    ["a large black bird with orange feet", 1],
    ["this bird is white with a grey wing", 1],
    ["a green bird with a red throat", 2],
    ["a small brown bird with a yellow breast", 11],
    ["a grey bird with a long orange beak", 9],
  ],
};

/** Runs in the page: the tiles side by side, as base64 of a WebP. */
async function draw({ model, wall, side, columns }) {
  const { MirrorGan } = await import(new URL("pkg/index.js", location.href).href);
  const gan = await MirrorGan.load(`models/${model}/`, { device: "cpu" });
  const sheet = Object.assign(document.createElement("canvas"), { width: side * columns, height: side * Math.ceil(wall.length / columns) });
  const context = sheet.getContext("2d");
  context.imageSmoothingQuality = "high";
  for (const [index, [prompt, seed]] of wall.entries()) {
    const { pictures } = await gan.generate(prompt, { seed });
    const bitmap = await createImageBitmap(pictures[0].stages.at(-1).image);
    context.drawImage(bitmap, (index % columns) * side, Math.floor(index / columns) * side, side, side);
  }
  await gan.dispose();
  return sheet.toDataURL("image/webp", 0.8).split(",")[1];
}

const file = join(ROOT, "www", "gallery", "gallery.json");
const gallery = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
const there = (model) => existsSync(join(ROOT, "models", model, "config.json"));
const asked = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(join(ROOT, "models")).filter(there);
const [server, browser] = [await serve(), await openBrowser()];
try {
  const page = await openPage(browser, server.address);
  for (const model of asked) {
    const wall = WALLS[model];
    if (!wall || !there(model)) throw new Error(`${model}: ${wall ? "models/ has no such model" : "no prompts for it in scripts/gallery.mjs"}`);
    const image = Buffer.from(await page.evaluate(draw, { model, wall, side: SIDE, columns: COLUMNS }), "base64");
    writeFileSync(join(ROOT, "www", "gallery", `${model}.webp`), image);
    const config = JSON.parse(readFileSync(join(ROOT, "models", model, "config.json"), "utf8"));
    const drawnBy = config.files["glam.safetensors"].sha256;
    gallery[model] = { drawnBy, columns: COLUMNS, tiles: wall.map(([prompt, seed]) => ({ prompt, seed })) };
    console.log(`${model}: ${wall.length} pictures, ${image.length} bytes`);
  }
  writeFileSync(file, `${JSON.stringify(gallery, null, 1)}\n`);
} finally {
  await browser.close();
  server.stop();
}
