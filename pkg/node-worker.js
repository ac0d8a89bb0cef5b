// worker.js in a worker thread of Node.js, with what it and the engine expect of a browser's Worker.

import { parentPort } from "node:worker_threads";
import { fetchOrRead } from "./node-files.js";
import { platform } from "./platform.js";

platform.fetch = fetchOrRead;

/** As much of ImageData as there is to it. */
globalThis.ImageData ??= class ImageData {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height: height ?? data.length / 4 / width, colorSpace: "srgb" });
  }
};
globalThis.postMessage = (message) => parentPort.postMessage(message);
globalThis.addEventListener = (type, listener) => {
  if (type === "message") parentPort.on("message", (data) => listener({ data }));
  if (type === "error") process.on("uncaughtException", (error) => listener({ message: error?.message ?? String(error) }));
  if (type === "unhandledrejection") process.on("unhandledRejection", (reason) => listener({ reason }));
};

await import("./worker.js");
