// Lets a test lose the GPU of a Worker, make the Worker throw, or keep it in the midst of a call. A message { fault } to the Worker does it.

const devices = [];
const { requestDevice } = globalThis.GPUAdapter?.prototype ?? {};
if (requestDevice) {
  GPUAdapter.prototype.requestDevice = async function (...args) {
    devices.push(await requestDevice.apply(this, args));
    return devices.at(-1);
  };
}

/** The pause of worker.js after the next stage or frame lasts until the call is cancelled or a fault ends the Worker. */
let holding = false;
let paused = null;
const { setTimeout: pause, postMessage: post } = globalThis;
globalThis.postMessage = (message, ...rest) => {
  if (holding && ["stage", "frame"].includes(message.event?.kind)) [holding, paused] = [false, []];
  post(message, ...rest);
};
globalThis.setTimeout = (callback, ...rest) => (paused?.length === 0 ? paused.push(callback) : pause(callback, ...rest));

const FAULTS = {
  hold() {
    holding = true;
  },
  lose() {
    for (const device of devices) device.destroy();
  },
  throw() {
    pause(() => {
      throw new Error("simulated");
    });
  },
};

addEventListener("message", (event) => {
  if (event.data.fault) {
    // Not for the engine.
    event.stopImmediatePropagation();
    FAULTS[event.data.fault]();
  } else if (event.data.method === "abort" && paused) {
    const [callback] = paused;
    paused = null;
    if (callback) pause(callback);
  }
});
