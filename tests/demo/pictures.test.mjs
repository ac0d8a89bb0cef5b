// Whatever a picture is: every kind that a page can have, of this realm and of an iframe's, is described as its pixels are.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FilesServer, prepare } from "./files_server.mjs";
import { PROMPT, TINY, openBrowser, openPage } from "./harness.mjs";

let browser, server, page;

before(async () => {
  [browser, server] = [await openBrowser(), await new FilesServer({ "": { "/": "<!doctype html><title>page</title><link rel=icon href=data:,>" } }).start()];
  page = await prepare(await openPage(browser, server.address), PROMPT);
  await page.evaluate(async () => {
    const gan = await MirrorGan.load("tiny", { warmUp: false });
    const { pictures } = await gan.generate(prompt, { seed: 7 });
    const { data, width, height } = pictures[0].stages.at(-1).image;
    const frame = document.body.appendChild(document.createElement("iframe"));
    const expected = await gan.caption({ data, width, height });
    Object.assign(globalThis, { gan, expected, pixels: data, width, height, realms: { here: globalThis, "an iframe": frame.contentWindow } });

    /** A canvas of a realm with the picture on it. */
    globalThis.canvasOf = ({ document, ImageData, Uint8ClampedArray }) => {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
      return canvas;
    };
    globalThis.fileOf = async (realm, type = "image/png") => {
      const canvas = canvasOf(realm);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, type));
      return new realm.Blob([await blob.arrayBuffer()], { type });
    };
    globalThis.imageOf = async (realm) => {
      const image = new realm.Image();
      image.src = canvasOf(realm).toDataURL();
      await image.decode();
      return image;
    };
    globalThis.same = (caption) => JSON.stringify(caption) === JSON.stringify(expected);
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Each makes the picture of a realm, `realm`. */
const KINDS = {
  "Uint8ClampedArray data": "({ data: new realm.Uint8ClampedArray(pixels), width, height })",
  "Uint8Array data": "({ data: new realm.Uint8Array(pixels), width, height })",
  "data that is a view of more": "({ data: new realm.Uint8Array(new realm.Uint8Array([1, 2, 3, 4, ...pixels, 5]).buffer, 4, pixels.length), width, height })",
  ImageData: "new realm.ImageData(new realm.Uint8ClampedArray(pixels), width, height)",
  Blob: "await fileOf(realm)",
  File: 'new realm.File([await fileOf(realm)], "picture.png", { type: "image/png" })',
  "the bytes of a file": "new realm.Uint8Array(await (await fileOf(realm)).arrayBuffer())",
  "an ArrayBuffer of a file": "await (await fileOf(realm)).arrayBuffer()",
  "a Response": "new realm.Response(await fileOf(realm))",
  URL: "new realm.URL(realm.URL.createObjectURL(await fileOf(realm)))",
  "a canvas": "canvasOf(realm)",
  OffscreenCanvas: "(() => { const canvas = new realm.OffscreenCanvas(width, height); canvas.getContext('2d').drawImage(canvasOf(realm), 0, 0); return canvas; })()",
  ImageBitmap: "await realm.createImageBitmap(canvasOf(realm))",
  HTMLImageElement: "await imageOf(realm)",
  "an image that is not there yet": "(() => { const image = new realm.Image(); image.src = canvasOf(realm).toDataURL(); return image; })()",
  VideoFrame: "new realm.VideoFrame(canvasOf(realm), { timestamp: 0 })",
};

for (const [name, make] of Object.entries(KINDS)) {
  for (const realm of ["here", "an iframe"]) {
    test(`${name} of ${realm}`, async () => {
      const found = await page.evaluate(`(async () => {
        const realm = realms[${JSON.stringify(realm)}];
        const caption = await gan.caption(${make}).catch((error) => String(error));
        return same(caption) ? "same" : JSON.stringify(caption);
      })()`);
      // From RGBA on, a VideoFrame may be of another colour space.
      if (name === "VideoFrame") assert.match(found, /^same$|"logProbability"/);
      else assert.equal(found, "same");
    });
  }
}

test("shared memory, where there is some", async () => {
  server.headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
  const isolated = await prepare(await openPage(browser, server.address), PROMPT);
  const found = await isolated.evaluate(async () => {
    const gan = await MirrorGan.load("tiny", { warmUp: false, threads: 1 });
    const data = new Uint8Array(new SharedArrayBuffer(4 * 8 * 8));
    const captions = [await gan.caption({ data, width: 8, height: 8 }), await gan.caption({ data: new Uint8Array(4 * 8 * 8), width: 8, height: 8 })];
    await gan.dispose();
    return captions.map((caption) => JSON.stringify(caption));
  });
  assert.equal(found[0], found[1]);
  await isolated.context().close();
  server.headers = {};
});

test("an image within an SVG, a video", async () => {
  const found = await page.evaluate(async () => {
    const svg = document.body.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    const inner = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "image"));
    inner.setAttribute("width", width);
    inner.setAttribute("height", height);
    const loaded = new Promise((resolve) => (inner.onload = resolve));
    inner.setAttribute("href", canvasOf(globalThis).toDataURL());
    await loaded;
    const video = document.createElement("video");
    video.muted = true;
    const canvas = canvasOf(globalThis);
    video.srcObject = canvas.captureStream();
    const early = await code(gan.caption(video));
    await video.play();
    return { inner: same(await gan.caption(inner)), early, playing: await code(gan.caption(video)) };
  });
  assert.deepEqual(found, { inner: true, early: "bad-input", playing: "ok" });
});

test("what is none is a MirrorGanError that says what was expected", async () => {
  const outcome = (picture) => page.evaluate(`gan.caption(${picture}).then(() => "ok", (error) => (error instanceof MirrorGanError ? error.code + ": " + error.message : "untyped: " + error))`);
  for (const [picture, expected] of [
    ["new Proxy(new ImageData(1, 1), {})", /^bad-input: the picture could not be read/],
    ["{ get data() { throw new Error('mine'); } }", /^bad-input: the picture could not be read: mine/],
    ["{ data: new Float32Array(4), width: 1, height: 1 }", /^bad-input: the picture's data is a Float32Array; expected a Uint8ClampedArray or a Uint8Array/],
    ["{ data: new Uint8Array(3), width: 1, height: 1 }", /needs 4 bytes of RGBA; it has 3 bytes/],
    ["new URL('nowhere.png', location.href)", /^network: the picture: the server answered 404/],
    ["new URL('http://127.0.0.1:9/x.png')", /^network: the picture could not be downloaded/],
    ["new URL('pkg/index.js', location.href)", /^bad-input: this file is not a picture/],
    ["Object.assign(new Image(), { src: 'nowhere.png', width: 9, height: 9 })", /^bad-input: /],
    ["document.createElementNS('http://www.w3.org/2000/svg', 'image')", /^bad-input: expected a picture/],
    ["Object.create(null)", /^bad-input: expected a picture/],
  ]) {
    assert.match(await outcome(picture), expected, picture);
  }
});

test("in Node.js: Uint8Array, Uint8ClampedArray and Buffer", async () => {
  const { MirrorGan } = await import("../../pkg/node.js");
  const gan = await MirrorGan.load(TINY, { warmUp: false });
  const { pictures } = await gan.generate(PROMPT, { seed: 7 });
  const { data, width, height } = pictures[0].stages.at(-1).image;
  const [first, ...others] = await Promise.all([data, new Uint8Array(data), Buffer.from(data)].map((data) => gan.caption({ data, width, height })));
  for (const other of others) assert.deepEqual(other, first);
  await gan.dispose();
});
