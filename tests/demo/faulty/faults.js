// Lets a test lose the GPU of a Worker, or make the Worker throw.

const devices = [];
const { requestDevice } = globalThis.GPUAdapter?.prototype ?? {};
if (requestDevice) {
  GPUAdapter.prototype.requestDevice = async function (...args) {
    devices.push(await requestDevice.apply(this, args));
    return devices.at(-1);
  };
}

new BroadcastChannel("faults").addEventListener("message", ({ data }) => {
  if (data === "lose") devices.forEach((device) => device.destroy());
  if (data === "throw") {
    setTimeout(() => {
      throw new Error("simulated");
    });
  }
});
