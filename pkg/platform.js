// What differs between browsers and Node.js; node.js and node-worker.js put theirs here.

export const platform = {
  /** What relative addresses are relative to. A Worker made of a blob: knows no more than its origin. */
  base() {
    const { document, location } = globalThis;
    return document?.baseURI ?? (location?.protocol === "blob:" ? `${location.origin}/` : location?.href);
  },

  /** The address of a model's folder or a module: a URL or what `base` makes one. */
  resolve: (address) => new URL(String(address), platform.base()),

  fetch: (url, init) => fetch(url, init),

  /** Threads that there can be: one unless the page is isolated from other origins. */
  threads: () => (globalThis.crossOriginIsolated && typeof SharedArrayBuffer === "function" ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1),

  hasWorkers: () => typeof Worker === "function",

  /** Makes the Worker, a thread of it; null where spawn.js and threads.js know how. */
  makeWorker: null,
  makeThread: null,

  /** A Worker that the caller made, with the methods of a browser's. */
  adopt: (worker) => worker,
};
