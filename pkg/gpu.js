// GPUs that may never answer.

/** Milliseconds that a GPU may take to answer; longer where it alone shall do. */
export const GPU_LIMIT = 8000;
export const GPU_PATIENCE = 20_000;

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

/** `promise`, or `otherwise` where it takes more milliseconds. */
export function within(promise, milliseconds, otherwise) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds), otherwise);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function ask() {
  try {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return null;
    const { vendor = "", architecture = "", device = "", description = "" } = adapter.info ?? {};
    const software =
      Boolean(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) ||
      SOFTWARE.test([vendor, architecture, device, description].join(" "));
    return { vendor, architecture, device, description, software, half: adapter.features?.has("shader-f16") ?? false };
  } catch {
    return null;
  }
}

let asked = null;

/** The adapter, or null; undefined where it has not answered. Who waits for it once does not wait anew. */
export function findAdapter(limit) {
  if (!asked) {
    const question = { since: performance.now(), answer: ask() };
    question.answer.then(() => {
      if (asked === question) asked = null;
    });
    asked = question;
  }
  return within(asked.answer, asked.since + limit - performance.now());
}

/** Has what asks for a GPU in this Worker fail where it does not answer within `limit`, and `onDevice` hear of the device. */
export function watchGpu(limit, onDevice) {
  const { GPU, GPUAdapter } = globalThis;
  if (!GPU || !GPUAdapter) return;
  const { requestAdapter } = GPU.prototype;
  const { requestDevice } = GPUAdapter.prototype;
  GPU.prototype.requestAdapter = function (...args) {
    return within(requestAdapter.apply(this, args), limit, null);
  };
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await within(requestDevice.apply(this, args), limit, null);
    if (!device) throw new DOMException("the GPU did not answer", "OperationError");
    onDevice(device);
    return device;
  };
}
