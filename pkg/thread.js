// A thread: instantiates the module on the memory that it is given, then works for the pool in threads.rs as long as it lives.

import { faultCode } from "./errors.js";
import { initSync, onPanic, startThread } from "./mirrorgan_threads.js";

addEventListener(
  "message",
  ({ data: { module, memory, faults } }) => {
    let panic = null;
    initSync({ module, memory });
    onPanic((message) => {
      panic = message;
    });
    postMessage("ready");
    try {
      startThread();
    } catch (error) {
      const message = panic ?? error.message;
      faults.postMessage({ code: faultCode(message, panic !== null), message, words: [] });
    }
  },
  { once: true },
);
