// Photographs that are stored turned: the browser and the command line turn them alike, all eight ways.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, TINY, cli, openBrowser, openPage, scratch } from "./harness.mjs";

let browser, server, page;

before(async () => {
  [browser, server] = [await openBrowser(), await new FilesServer({ "": { "/": "<!doctype html><title>page</title><link rel=icon href=data:,>" } }).start()];
  page = await prepare(await openPage(browser, server.address), PROMPT);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The bytes of a JPEG with an EXIF segment whose orientation (tag 0x0112 of TIFF) is 1 to 8, after its start. */
function turned(jpeg, orientation) {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  const exif = [...Buffer.from("Exif\0\0", "latin1"), ...tiff];
  return Buffer.from([...jpeg.subarray(0, 2), 0xff, 0xe1, 0, exif.length + 2, ...exif, ...jpeg.subarray(2)]);
}

test("each of the eight orientations is described alike by the browser and the command line", async () => {
  const base64 = await page.evaluate(async () => {
    globalThis.gan = await MirrorGan.load("tiny", { warmUp: false });
    // Wider than high, and no two corners alike.
    const canvas = Object.assign(document.createElement("canvas"), { width: 144, height: 96 });
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, 144, 96);
    for (const [colour, x, y, width, height] of [["red", 0, 0, 72, 40], ["blue", 100, 10, 40, 30], ["black", 20, 60, 100, 8], ["green", 60, 70, 70, 26]]) {
      context.fillStyle = colour;
      context.fillRect(x, y, width, height);
    }
    return canvas.toDataURL("image/jpeg", 1).split(",")[1];
  });
  const jpeg = Buffer.from(base64, "base64");
  const folder = scratch();
  const files = [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => {
    const file = join(folder, `${orientation}.jpg`);
    writeFileSync(file, turned(jpeg, orientation));
    return file;
  });
  const native = cli("match", ...files, "--text", PROMPT, "--model", TINY, "--json").trim().split("\n").map((line) => JSON.parse(line));
  const values = ({ similarity, words }) => [similarity, ...words];
  const natives = native.map((found) => values({ ...found, words: found.words.map((word) => word.similarity) }));
  const browsers = [];
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const found = await page.evaluate(async ([bytes, text]) => {
      const { similarity, words } = await gan.match(new Blob([new Uint8Array(bytes)], { type: "image/jpeg" }), text);
      return { similarity, words: [...words] };
    }, [[...turned(jpeg, orientation)], PROMPT]);
    browsers.push(values(found));
  }
  const distance = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));
  for (const [index, found] of browsers.entries()) {
    const own = distance(found, natives[index]);
    // Two decoders round differently; any other turn is much further away.
    for (const [other, value] of natives.entries()) {
      if (other !== index) assert.ok(own < 0.5 * distance(found, value), `${index + 1} is ${own} from its own and ${distance(found, value)} from ${other + 1}`);
    }
  }
});
