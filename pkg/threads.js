// Threads: Workers of the Worker that share the memory of its module.

import { anywhere } from "./anywhere.js";
import { MirrorGanError } from "./errors.js";
import { platform } from "./platform.js";

// In this very form: it is what bundlers look for.
const makeThread = () =>
  platform.makeThread?.() ?? anywhere(() => new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "mirrorgan-thread" }));

/** One Worker on the module's memory. A trap in it reaches the page by a port: the Worker that waits for it hears nothing any more. */
function startOne(worker, shared) {
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", resolve, { once: true });
    worker.addEventListener("error", (event) => reject(new MirrorGanError("unsupported", `no threads: ${event.message ?? "the script did not load"}`)));
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ ...shared, faults: port1 }, [port1]);
    postMessage({ faults: port2 }, [port2]);
  });
}

/** Has `module`, which was built for it, compute on `count` threads. */
export async function startThreads(module, count) {
  const shared = module.share();
  const workers = [];
  try {
    for (let i = 0; i < count; i++) workers.push(makeThread());
    await Promise.all(workers.map((worker) => startOne(worker, shared)));
    module.buildPool(count);
  } catch (error) {
    for (const worker of workers) worker.terminate();
    throw error;
  }
}
