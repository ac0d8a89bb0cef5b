// A worker thread of Node.js behind the methods of a browser's Worker.

import { Worker } from "node:worker_threads";

/** A worker thread with the methods of a Worker. */
export class ThreadWorker {
  #thread;

  constructor(url) {
    // Without the flags of this process: some, such as --input-type, cannot be handed on.
    this.#thread = new Worker(url, { name: "mirrorgan", execArgv: [] });
    this.#thread.unref();
  }

  addEventListener(type, listener, { once = false } = {}) {
    this.#thread[once ? "once" : "on"](type, (value) => listener(type === "error" ? { message: value?.message ?? String(value) } : { data: value }));
  }

  postMessage(message, transfer) {
    this.#thread.postMessage(message, transfer);
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
