// A thread: instantiates the module on the memory that it is given, then works for the pool in threads.rs as long as it lives.

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
      faults.postMessage({ message: panic ?? error.message, panicked: panic !== null });
    }
  },
  { once: true },
);
