// What scripts written for a browser's Worker expect, in a worker thread of Node.js.

import { parentPort } from "node:worker_threads";

// Deno and Bun have one, which Deno's own `process.on` calls: to answer that with `process.on` would never end.
const hosts = globalThis.addEventListener?.bind(globalThis);

globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
globalThis.addEventListener = (type, listener, ...options) => {
  if (type === "message") parentPort.on("message", (data) => listener({ data }));
  else if (hosts) hosts(type, listener, ...options);
  else if (type === "error") process.on("uncaughtException", (error) => listener({ message: error?.message ?? String(error) }));
  else if (type === "unhandledrejection") process.on("unhandledRejection", (reason) => listener({ reason }));
};
