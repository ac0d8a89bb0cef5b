// worker.js in a worker thread of Node.js, with what it and the engine expect of a browser's Worker.

import { fetchOrRead } from "./node-files.js";
import "./node-scope.js";
import { ThreadWorker } from "./node-thread-worker.js";
import { platform } from "./platform.js";

platform.fetch = fetchOrRead;
platform.makeThread = () => new ThreadWorker(new URL("./node-thread.js", import.meta.url));

/** As much of ImageData as there is to it; Deno's own does not survive the way to the caller. */
globalThis.ImageData = class ImageData {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height: height ?? data.length / 4 / width, colorSpace: "srgb" });
  }
};

await import("./worker.js");
