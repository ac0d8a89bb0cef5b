// Films taken away: what is in the files, read back by their bytes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gifPlaces, places } from "../../www/films.js";
import { encode, withComment } from "../../www/gif.js";
import { TAG, commentOf, readFilm, tagOf } from "../../www/filmed.js";
import { VERSION } from "../../www/png.js";
import { elementAt, withTags } from "../../www/webm.js";
import { TINY_PROMPT, drawAndWait, told } from "./demo_tools.mjs";
import { difference, openPage, shownError, stagePixels } from "./harness.mjs";
import { readGif, readWebm } from "./read_films.mjs";
import { browser, server } from "./tiny_page.mjs";

test("a film goes there and back, its ends once", () => {
  assert.deepEqual(places(4), [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]);
  // Of seventeen pictures each, of nine what is between two of them as well.
  for (const count of [17, 9]) assert.equal(gifPlaces(count).length, 32);
  assert.deepEqual(gifPlaces(2).slice(0, 3), [0, 1 / 16, 2 / 16]);
});

test("a GIF has its pictures, their size and a comment in ASCII that says what it was drawn from", () => {
  const [width, height] = [5, 3];
  const picture = (index) => ({ width, height, data: Uint8ClampedArray.from({ length: 4 * width * height }, (_, at) => (at % 4 === 3 ? 255 : (at * 16 + 90 * index) % 256)) });
  const facts = { prompt: `a röd 花 🌸 ${"long ".repeat(100)}`, seed: 7 };
  const done = [];
  const gif = readGif(Buffer.from(encode([0, 1, 2].map(picture), 120, facts, (count) => done.push(count))));
  assert.deepEqual(done, [1, 2, 3]);
  assert.deepEqual([gif.width, gif.height, gif.repeats], [width, height, 0]);
  assert.deepEqual(gif.frames.map((frame) => [frame.width, frame.height, frame.delay]), Array(3).fill([width, height, 120]));

  assert.ok(gif.frames.every(({ palette }) => palette === gif.palette), "one palette: what stands still does not flicker");
  assert.match(gif.comment, /^[\x20-\x7e]+$/);
  assert.deepEqual(JSON.parse(gif.comment), facts);
  assert.deepEqual(JSON.parse(readGif(Buffer.from(withComment(Uint8Array.from([...Buffer.from("GIF89a"), 1, 0, 1, 0, 0, 0, 0, 0x3b]), { a: 1 }))).comment), { a: 1 });
});

const WALKED = { prompt: "a röd 花 🌸", seed: 7, towards: 12, model: "flowers", weights: "0123456789ab" };
const BLENDED = { from: "a red flower", to: `a white flower ${"and more ".repeat(60)}`, seed: 0, model: "flowers", weights: null };
const gifOf = (facts) => encode([{ width: 2, height: 2, data: new Uint8ClampedArray(16).fill(255) }], 120, facts);
const webmOf = (facts) => withTags(Uint8Array.from([0x1a, 0x45, 0xdf, 0xa3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255]), { TITLE: "x", [TAG]: typeof facts === "string" ? facts : JSON.stringify(facts) });

test("films say what they were drawn from, and nonsense in them is no wish", () => {
  for (const film of [gifOf, webmOf]) {
    assert.deepEqual(readFilm(film({ ...WALKED, version: VERSION })), { film: "walk", ...WALKED });
    assert.deepEqual(readFilm(film({ ...BLENDED, version: VERSION })), { film: "blend", ...BLENDED });
    for (const wrong of [{}, null, 1, { ...WALKED, towards: 7 }, { ...WALKED, towards: undefined }, { ...WALKED, seed: -1 }, { ...WALKED, model: "../x" }, { ...BLENDED, to: "" }, { ...BLENDED, from: "x".repeat(3000) }]) {
      assert.equal(readFilm(film(wrong)), null, JSON.stringify(wrong));
    }
    const whole = film(WALKED);
    for (let cut = 0; cut < whole.length; cut += 7) assert.equal(readFilm(whole.subarray(0, cut)), null, `${cut} bytes`);
  }
  assert.equal(readFilm(webmOf("{")), null);
  assert.equal(tagOf(webmOf(WALKED), "ARTIST"), null);
  assert.equal(commentOf(Uint8Array.from(Buffer.from("no film at all"))), null);
  assert.equal(readFilm(new Uint8Array(0)), null);
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

  // Dropped on the page they are walked again, with the prompt, the seeds and the model.
  for (const [name, file] of [["walk.gif", saved.file], ["walk.webm", video.file]]) {
    const other = await openPage(browser, server.address, { reducedMotion: "reduce" });
    await other.locator("#file:enabled").setInputFiles(fileOf(name, file));
    await told(other, /^Walking from seed 7 to seed 12/);
    await told(other, /^Walked/);
    assert.equal(difference(await firstDrawn(other, "#walk-slider", "#walk .film-picture"), drawn), 0, name);
    assert.equal(await other.locator("#walk-to").inputValue(), "12");
    assert.equal(await other.getByLabel("What should the picture show?").inputValue(), TINY_PROMPT);
    assert.equal(await other.locator("#model-list :checked").inputValue(), "tiny");
    assert.equal(difference((await stagePixels(other)).at(-1).rgba, drawn), 0, "its first picture is the main one");
    assert.deepEqual(other.problems, []);
    await other.context().close();
  }
  // Its downloads go with it.
  await page.context().close();
});

const TYPES = { gif: "image/gif", webm: "video/webm" };
const fileOf = (name, path) => ({ name, mimeType: TYPES[name.split(".").pop()], buffer: typeof path === "string" ? readFileSync(path) : Buffer.from(path) });

test("a film that says nothing of what it was drawn from is a picture where it can be, else what can be dropped is said", async () => {
  const page = await openPage(browser, server.address);
  await page.locator("#file:enabled").setInputFiles(fileOf("own.gif", gifOf({})));
  await told(page, /^Described/);
  await page.locator("#file").setInputFiles(fileOf("own.webm", webmOf({})));
  assert.match(await shownError(page), /does not say what it was drawn from\. One that was saved here is drawn again/);
  assert.ok(await page.locator('#mirror [role="alert"]').isVisible());
  await page.locator("#file").setInputFiles(fileOf("other.gif", gifOf({ ...WALKED, model: "elsewhere" })));
  assert.match(await shownError(page), /This film was drawn by the model “elsewhere”, which is not here/i);
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
  // Cancelled as soon as the first picture is told to be done: not beside the page, it could not be.
  await page.evaluate(() => {
    window.shares = [];
    new MutationObserver((changes) => {
      for (const { target } of changes) if (target.matches("progress.film-progress")) window.shares.push(target.value);
      if (window.shares.length) document.getElementById("cancel").click();
    }).observe(document.getElementById("blend-save"), { attributes: true, attributeFilter: ["value"], subtree: true });
  });
  await page.locator("#blend-gif").click();
  await told(page, /^Cancelled/);
  assert.ok((await page.evaluate(() => window.shares[0])) > 0);
  assert.equal(await page.locator(".film-progress").count(), 0);
  assert.ok(await page.locator("#blend-gif").isEnabled());
  assert.deepEqual(page.problems, []);

  const other = await openPage(browser, server.address);
  await other.locator("#file:enabled").setInputFiles(fileOf("blend.gif", saved.file));
  await told(other, /^Blended/);
  assert.equal(await other.getByRole("textbox", { name: "From" }).inputValue(), "a red flower");
  assert.equal(await other.getByRole("textbox", { name: "To", exact: true }).inputValue(), "a white flower");
  assert.equal(difference(await firstDrawn(other, "#blend-slider", "#blend-picture"), drawn), 0);
  assert.deepEqual(other.problems, []);
  await other.context().close();
  await page.context().close();
});
