// What scripts written for a browser's Worker expect, in a worker thread of Node.js.

import { parentPort } from "node:worker_threads";

globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
globalThis.addEventListener = (type, listener) => {
  if (type === "message") parentPort.on("message", (data) => listener({ data }));
  if (type === "error") process.on("uncaughtException", (error) => listener({ message: error?.message ?? String(error) }));
  if (type === "unhandledrejection") process.on("unhandledRejection", (reason) => listener({ reason }));
};
