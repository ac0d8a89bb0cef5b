// The client in Node.js: on the CPU, in a worker thread; a model may be a path or a file: URL.

import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { fetchOrRead } from "./node-files.js";
import { platform } from "./platform.js";

/** A worker thread with the methods of a Worker. */
class ThreadWorker {
  // Without the flags of this process: some, such as --input-type, cannot be handed on.
  #thread = new Worker(new URL("./node-worker.js", import.meta.url), { name: "mirrorgan", execArgv: [] });

  constructor() {
    this.#thread.unref();
  }

  addEventListener(type, listener) {
    this.#thread.on(type, (value) => listener(type === "error" ? { message: value?.message ?? String(value) } : { data: value }));
  }

  postMessage(message) {
    this.#thread.postMessage(message);
  }

  terminate() {
    this.#thread.terminate();
  }

  ref() {
    this.#thread.ref();
  }

  unref() {
    this.#thread.unref();
  }
}

// A drive is a letter, a scheme has more.
const hasScheme = (address) => /^[a-z][a-z0-9+.-]+:/i.test(address);

Object.assign(platform, {
  base: () => pathToFileURL(`${process.cwd()}/`).href,
  resolve: (address) => (hasScheme(String(address)) ? new URL(address) : pathToFileURL(String(address))),
  fetch: fetchOrRead,
  hasWorkers: () => true,
  makeWorker: () => new ThreadWorker(),
});

export * from "./index.js";
