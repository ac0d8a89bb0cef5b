// The client's Worker.

import { anywhere } from "./anywhere.js";
import { MirrorGanError, bad, messageOf } from "./errors.js";
import { platform } from "./platform.js";

/** The package's Worker, or what the option `worker` makes. */
export function spawn(given) {
  let worker;
  try {
    if (given) worker = platform.adopt(given());
    else if (platform.makeWorker) worker = platform.makeWorker();
    // In this very form: it is what bundlers look for.
    else worker = anywhere(() => new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mirrorgan" }));
  } catch (error) {
    if (error instanceof MirrorGanError) throw error;
    throw new MirrorGanError("unsupported", `no Worker could be made: ${messageOf(error)}`, { cause: error });
  }
  if (["postMessage", "addEventListener", "terminate"].some((method) => typeof worker?.[method] !== "function")) throw bad("the option worker must give a Worker");
  return worker;
}
