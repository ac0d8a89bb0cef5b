// What differs between browsers and Node.js; node.js and node-worker.js put theirs here.

export const platform = {
  /** What relative addresses are relative to. */
  base: () => globalThis.document?.baseURI ?? globalThis.location?.href,

  /** The address of a model's folder or a module: a URL or what `base` makes one. */
  resolve: (address) => new URL(address, platform.base()),

  fetch: (url, init) => fetch(url, init),

  /** Threads that there can be: one unless the page is isolated from other origins. */
  threads: () => (globalThis.crossOriginIsolated && typeof SharedArrayBuffer === "function" ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1),

  hasWorkers: () => typeof Worker === "function",

  // In this very form: it is what bundlers look for.
  makeWorker: () => anywhere("./worker.js", () => new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mirrorgan" })),

  makeThread: () =>
    anywhere("./thread.js", () => new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "mirrorgan-thread" })),
};

/** Scripts of another origin, such as a CDN, cannot be Workers, but a Worker may import them. */
function anywhere(file, make) {
  try {
    return make();
  } catch (error) {
    if (error?.name !== "SecurityError") throw error;
    const here = import.meta.url;
    const source = `import ${JSON.stringify(new URL(file, here).href)};`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    return new Worker(url, { type: "module", name: "mirrorgan" });
  }
}
