// The client in Node.js: on the CPU, in worker threads; a model may be a path or a file: URL.

import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { fetchOrRead } from "./node-files.js";
import { ThreadWorker } from "./node-thread-worker.js";
import { platform } from "./platform.js";

// A drive is a letter, a scheme has more.
const hasScheme = (address) => /^[a-z][a-z0-9+.-]+:/i.test(address);

Object.assign(platform, {
  base: () => pathToFileURL(`${process.cwd()}/`).href,
  resolve: (address) => (hasScheme(String(address)) ? new URL(String(address)) : pathToFileURL(String(address))),
  fetch: fetchOrRead,
  hasWorkers: () => true,
  threads: () => availableParallelism(),
  makeWorker: () => new ThreadWorker(new URL("./node-worker.js", import.meta.url)),
  adopt: (worker) => (worker && !worker.addEventListener && worker.on ? new ThreadWorker(worker) : worker),
});

export * from "./index.js";
