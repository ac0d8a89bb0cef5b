// What differs between browsers and Node.js; node.js and worker-node.js put theirs here.

export const platform = {
  /** What relative addresses are relative to. */
  base: () => globalThis.document?.baseURI ?? globalThis.location?.href,

  /** The address of a model's folder or a module: a URL or what `base` makes one. */
  resolve: (address) => new URL(address, platform.base()),

  fetch: (url, init) => fetch(url, init),

  hasWorkers: () => typeof Worker === "function",

  makeWorker() {
    try {
      // In this very form: it is what bundlers look for.
      return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mirrorgan" });
    } catch (error) {
      if (error?.name !== "SecurityError") throw error;
      // Scripts of another origin, such as a CDN, cannot be Workers, but a Worker may import them.
      const here = import.meta.url;
      const source = `import ${JSON.stringify(new URL("./worker.js", here).href)};`;
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      return new Worker(url, { type: "module", name: "mirrorgan" });
    }
  },
};
