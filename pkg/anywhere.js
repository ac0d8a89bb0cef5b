// Workers whose script lies anywhere: under another name, on another origin.

import { within } from "./gpu.js";
import { MirrorGanError, messageOf } from "./errors.js";
import { platform } from "./platform.js";

const addresses = new WeakMap();

/** Where bundlers put the script of `new Worker(new URL(…, import.meta.url))`: what they made of the address is known to that call alone. */
function overhear(make) {
  const { Worker } = globalThis;
  let heard;
  const ear = function (script, options) {
    heard = { script, options };
  };
  try {
    globalThis.Worker = ear;
  } catch {
    // A realm that is frozen.
  }
  let made;
  try {
    made = make();
  } finally {
    if (globalThis.Worker === ear) globalThis.Worker = Worker;
  }
  return { ...heard, made };
}

/** What `make` makes, a Worker. Scripts of another origin, such as a CDN, cannot be Workers, but a Worker may import them. */
export function anywhere(make) {
  const { script, options, made } = overhear(make);
  if (script === undefined) return made;
  // Not always a URL: Next.js has an object that is turned into a path.
  const address = platform.resolve(script);
  const worker = start(address, options);
  addresses.set(worker, address.href);
  return worker;
}

function start(address, options) {
  const strange = address.protocol.startsWith("http") && address.origin !== globalThis.origin;
  try {
    if (!strange) return new Worker(address, options);
  } catch (error) {
    if (error?.name !== "SecurityError") throw error;
  }
  const quoted = JSON.stringify(address.href);
  const source = options?.type === "module" ? `import ${quoted};` : `importScripts(${quoted});`;
  const type = "text/javascript";
  // In an opaque origin, as of a sandboxed frame, a blob: is no module.
  const opaque = globalThis.origin === "null";
  return new Worker(opaque ? `data:${type},${encodeURIComponent(source)}` : URL.createObjectURL(new Blob([source], { type })), options);
}

/** Whether Workers can be modules: a browser that knows of it looks at `type`. */
function hasModuleWorkers() {
  let asked = false;
  const options = {
    get type() {
      asked = true;
      return "module";
    },
  };
  try {
    const nothing = "data:text/javascript,";
    new Worker(nothing, options).terminate();
  } catch {
    // A content security policy; it has been asked by then.
  }
  return asked;
}

async function probe(address) {
  let response;
  try {
    response = await fetch(address, { method: "HEAD" });
  } catch (error) {
    return `it could not be reached: ${messageOf(error)}`;
  }
  if (!response.ok) {
    return `the server answered ${response.status} ${response.statusText}`.trim() + "; a bundler that does not put it there needs the options worker and wasm";
  }
  const type = response.headers.get("content-type");
  if (!/javascript|ecmascript/i.test(type ?? "")) return `it is served as ${type}; a module must be text/javascript`;
  if (globalThis.crossOriginIsolated && !response.headers.get("cross-origin-embedder-policy")) {
    return "in a page that is cross-origin isolated it must be served with Cross-Origin-Embedder-Policy: require-corp, as the page is";
  }
  return "a content security policy may forbid it (worker-src)";
}

/** Why the script of a Worker did not load, as an error. */
export async function scriptError(worker) {
  if (!hasModuleWorkers()) return new MirrorGanError("unsupported", "this browser lacks module Workers; a current one has them");
  const address = addresses.get(worker);
  const why = address
    ? `${address}: ${await within(probe(address), 5000, "nobody answered")}`
    : "its address, its type, the network, or a content security policy";
  return new MirrorGanError("network", `the Worker's script did not load: ${why}`);
}
