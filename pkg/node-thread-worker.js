// A worker thread of Node.js behind the methods of a browser's Worker.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { MirrorGanError } from "./errors.js";

const OPTIONS = { name: "mirrorgan" };

/** A thread has the flags of this process, but for those by which its script came from the command line: a file may not have them. */
function flags() {
  const { execArgv } = process;
  if (!execArgv.some((flag) => flag.startsWith("--input-type"))) return {};
  return { execArgv: execArgv.filter((flag) => flag.startsWith("--") && !/^--(input-type|eval|print)/.test(flag)) };
}

function makeThread(url) {
  if (url.protocol === "file:" && !existsSync(fileURLToPath(url))) {
    const message = "is not there: mirrorgan must stay out of bundles for Node.js (`external`; in Next.js `serverExternalPackages`)";
    throw new MirrorGanError("unsupported", `${fileURLToPath(url)} ${message}`);
  }
  try {
    return new Worker(url, { ...OPTIONS, ...flags() });
  } catch (error) {
    // Some flags are those of a process only.
    if (error.code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    return new Worker(url, { ...OPTIONS, execArgv: [] });
  }
}

/** A worker thread, of a script or one that is there, with the methods of a Worker. */
export class ThreadWorker {
  #thread;

  constructor(from) {
    this.#thread = from instanceof URL ? makeThread(from) : from;
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
