// Films taken away: what is in the files, read back by their bytes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gifPlaces, places } from "../../www/films.js";
import { encode, withComment } from "../../www/gif.js";
import { VERSION } from "../../www/png.js";
import { elementAt, withTags } from "../../www/webm.js";
import { TINY_PROMPT, drawAndWait, told } from "./demo_tools.mjs";
import { openPage } from "./harness.mjs";
import { readGif, readWebm } from "./read_films.mjs";
import { browser, server } from "./tiny_page.mjs";

test("a film goes there and back, its ends once", () => {
  assert.deepEqual(places(4), [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]);
  // Of seventeen pictures each, of nine what is between two of them as well.
  for (const count of [17, 9]) assert.equal(gifPlaces(count).length, 32);
  assert.deepEqual(gifPlaces(2).slice(0, 3), [0, 1 / 16, 2 / 16]);
});

test("a GIF has its pictures, their size and a comment in ASCII that says what it was drawn from", async () => {
  const [width, height] = [5, 3];
  const picture = (index) => ({ width, height, data: Uint8ClampedArray.from({ length: 4 * width * height }, (_, at) => (at % 4 === 3 ? 255 : (at * 16 + 90 * index) % 256)) });
  const facts = { prompt: `a röd 花 🌸 ${"long ".repeat(100)}`, seed: 7 };
  const gif = readGif(Buffer.from(await encode(3, picture, 120, facts, new AbortController().signal)));
  assert.deepEqual([gif.width, gif.height, gif.repeats], [width, height, 0]);
  assert.deepEqual(gif.frames.map((frame) => [frame.width, frame.height, frame.delay]), Array(3).fill([width, height, 120]));

  assert.ok(gif.frames.every(({ palette }) => palette === gif.palette), "one palette: what stands still does not flicker");
  assert.match(gif.comment, /^[\x20-\x7e]+$/);
  assert.deepEqual(JSON.parse(gif.comment), facts);
  assert.deepEqual(JSON.parse(readGif(Buffer.from(withComment(Uint8Array.from([...Buffer.from("GIF89a"), 1, 0, 1, 0, 0, 0, 0, 0x3b]), { a: 1 }))).comment), { a: 1 });
  const stopped = new AbortController();
  stopped.abort("enough");
  await assert.rejects(encode(3, picture, 120, facts, stopped.signal), (reason) => reason === "enough");
});

test("tags go to the end of a WebM whose segment is its end, and nowhere else", () => {
  const header = [0x1a, 0x45, 0xdf, 0xa3, 0x80];
  const open = Uint8Array.from([...header, 0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255]);
  assert.deepEqual(elementAt(open, 5), { id: 0x18538067, size: null, from: 17, width: 8 });
  const tags = { TITLE: "a röd 花", MIRRORGAN: "x".repeat(300) };
  assert.deepEqual(readWebm(Buffer.from(withTags(open, tags))).tags, tags);
  // A void element of two bytes is all that it has.
  const whole = Uint8Array.from([...header, 0x18, 0x53, 0x80, 0x67, 0x01, 0, 0, 0, 0, 0, 0, 2, 0xec, 0x80]);
  const tagged = withTags(whole, tags);
  assert.equal(elementAt(tagged, 5).size, tagged.length - 17);
  assert.deepEqual(readWebm(Buffer.from(tagged)).tags, tags);
  for (const other of [Uint8Array.from([...header, 0x18, 0x53, 0x80, 0x67, 0x80, 0xec, 0x80]), Uint8Array.from([...header, 0x18, 0x53, 0x80, 0x67, 0x82, 0xec, 0x80]), Uint8Array.from([...header, 0xec, 0x80])]) assert.equal(withTags(other, tags), other);
});

/** Pixels of the first picture of a file, as a browser shows it that has no policy of ours. */
async function firstPicture(page, file, type) {
  const other = await page.context().newPage();
  const pixels = await other.evaluate(async ([source, type]) => {
    const video = type.startsWith("video/");
    const picture = document.createElement(video ? "video" : "img");
    picture.src = source;
    if (video) {
      await new Promise((resolve, reject) => [(picture.onloadeddata = resolve), (picture.onerror = () => reject(picture.error))]);
      // The first picture can be drawn for sure once it was sought.
      for (const time of [picture.duration, 0]) {
        picture.currentTime = time;
        await new Promise((resolve) => (picture.onseeked = resolve));
      }
    } else {
      await picture.decode();
    }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = video ? [picture.videoWidth, picture.videoHeight] : [picture.width, picture.height];
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
  }, [`data:${type};base64,${readFileSync(file).toString("base64")}`, type]);
  await other.close();
  return pixels;
}

const mean = (a, b) => a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length;

/** Means of the colours over squares of 32 pixels of a picture of 256. */
function coarse(pixels) {
  const sums = new Array(8 * 8 * 3).fill(0);
  for (let at = 0; at < pixels.length; at++) {
    const [pixel, channel] = [at >> 2, at & 3];
    if (channel < 3) sums[3 * ((pixel >> 13) * 8 + ((pixel & 255) >> 5)) + channel] += pixels[at] / 1024;
  }
  return sums;
}

async function save(page, id) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(id).click()]);
  await told(page, /^Saved\.$/);
  return { name: download.suggestedFilename(), file: await download.path() };
}

/** Shows the beginning of a film and gives its pixels. */
const firstDrawn = async (page, slider, canvas) => {
  await page.locator(slider).fill("0");
  return page.locator(canvas).evaluate((each) => Array.from(each.getContext("2d").getImageData(0, 0, each.width, each.height).data));
};

test("a walk is saved as GIF and as WebM, with what it was drawn from", async () => {
  const page = await openPage(browser, `${server.address}?model=tiny`, { reducedMotion: "reduce" });
  await drawAndWait(page, TINY_PROMPT, 7);
  await page.locator("#walk summary").click();
  await page.getByLabel("To seed").fill("12");
  await page.locator("#walk-start").click();
  await told(page, /^Walked/);
  const drawn = await firstDrawn(page, "#walk-slider", "#walk .film-picture");

  const saved = await save(page, "#walk-gif");
  assert.equal(saved.name, "this-flower-has-pink-petals-and-a-yellow-center-7-to-12.gif");
  const gif = readGif(readFileSync(saved.file));
  assert.deepEqual([gif.width, gif.height, gif.frames.length, gif.repeats], [256, 256, 32, 0]);
  const { weights, ...facts } = JSON.parse(gif.comment);
  assert.deepEqual(facts, { prompt: TINY_PROMPT, seed: 7, model: "tiny", towards: 12, version: VERSION });
  assert.match(weights, /^[0-9a-f]{12}$/);
  const shown = await firstPicture(page, saved.file, "image/gif");
  const apart = mean(shown, drawn);
  assert.ok(apart < 6, `${apart} of 255 on average`);
  // It could not be nearer with its colours: none of the palette is much nearer to what was drawn than the one that was taken.
  const { palette } = gif.frames[0];
  const distance = (at, colours, from) => [0, 1, 2].reduce((sum, channel) => sum + (drawn[at + channel] - colours[from + channel]) ** 2, 0);
  for (let at = 0; at < drawn.length; at += 4 * 997) {
    let best = Infinity;
    for (let from = 0; from < palette.length; from += 3) best = Math.min(best, distance(at, palette, from));
    assert.ok(Math.sqrt(distance(at, shown, at)) <= Math.sqrt(best) + 12, `pixel ${at / 4}`);
  }

  const video = await save(page, "#walk-webm");
  assert.match(video.name, /-7-to-12\.webm$/);
  const webm = readWebm(readFileSync(video.file));
  assert.deepEqual([webm.width, webm.height], [256, 256]);
  // A busy machine records fewer than are shown.
  assert.ok(webm.frames > 10 && webm.frames <= 151, `${webm.frames} pictures`);
  assert.equal(webm.tags.TITLE, `${TINY_PROMPT}, from seed 7 to seed 12`);
  assert.deepEqual(JSON.parse(webm.tags.MIRRORGAN), { ...facts, weights });
  // A video in real time loses the fine grain first; the picture is the same.
  const off = mean(coarse(await firstPicture(page, video.file, "video/webm")), coarse(drawn));
  assert.ok(off < 10, `${off} of 255 on average`);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a blend is saved as GIF; saving can be cancelled; a browser that records nothing offers no video", async () => {
  const page = await openPage(browser, server.address);
  await page.addInitScript(() => delete globalThis.MediaRecorder);
  await page.reload();
  await page.locator("#blend-draw:enabled").waitFor();
  assert.ok(await page.locator("#blend-gif").isHidden());
  await page.getByRole("textbox", { name: "From" }).fill("a red flower");
  await page.getByRole("textbox", { name: "To", exact: true }).fill("a white flower");
  await page.locator("#blend-draw").click();
  await told(page, /^Blended/);
  assert.ok(await page.locator("#blend-webm").isHidden());
  const drawn = await firstDrawn(page, "#blend-slider", "#blend-picture");
  const saved = await save(page, "#blend-gif");
  assert.equal(saved.name, "a-red-flower-to-a-white-flower-7.gif");
  const gif = readGif(readFileSync(saved.file));
  assert.equal(gif.frames.length, 32);
  const { from, to, seed, model } = JSON.parse(gif.comment);
  assert.deepEqual({ from, to, seed, model }, { from: "a red flower", to: "a white flower", seed: 7, model: "flowers" });
  assert.ok(mean(await firstPicture(page, saved.file, "image/gif"), drawn) < 6);
  // The library comes when it is first needed: it is here by now, so this is cancelled while it encodes.
  await page.evaluate(() => {
    const status = document.getElementById("status");
    new MutationObserver(() => status.textContent.startsWith("Making") && document.getElementById("cancel").click()).observe(status, { childList: true });
  });
  await page.locator("#blend-gif").click();
  await told(page, /^Cancelled/);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
