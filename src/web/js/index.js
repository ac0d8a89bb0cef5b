// MirrorGan: the client that pages import. The engine itself is in worker.js.

import { cachedFiles, clearCache, downloadText, isCached } from "./download.js";
import { CODES, MirrorGanError, aborted, fromPlain, toMirrorGanError } from "./errors.js";
import { toImageData } from "./picture.js";
import { support } from "./support.js";

export { CODES, MirrorGanError };

const LARGEST_SEED = 2n ** 64n - 1n;
// After these the device, not the call, is at fault.
const DEVICE_FAULTS = ["device-lost", "crashed", "out-of-memory"];

function folder(model) {
  const url = new URL(model, globalThis.document?.baseURI ?? globalThis.location?.href);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}

function checkSeed(seed) {
  if (seed === undefined || seed === null) return crypto.getRandomValues(new Uint32Array(1))[0];
  const whole = typeof seed === "bigint" ? seed >= 0n && seed <= LARGEST_SEED : Number.isSafeInteger(seed) && seed >= 0;
  if (!whole) throw new MirrorGanError("bad-input", `seed is ${seed}; expected a whole number from 0 on (a bigint above 2^53)`);
  return seed;
}

function checkPrompt(prompt) {
  if (typeof prompt !== "string") throw new MirrorGanError("bad-input", `the prompt is a ${typeof prompt}; expected a string`);
  return prompt;
}

/** A Worker, the calls that wait for it, and what became of it. */
class Connection {
  #worker;
  #calls = new Map();
  #next = 0;
  closed = null;

  constructor(worker, onReply) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }) => {
      if (data.crash) {
        this.close(fromPlain(data.crash));
        return;
      }
      const call = this.#calls.get(data.id);
      if (!call) return;
      if (data.event) {
        call.onEvent(data.event);
        return;
      }
      this.#calls.delete(data.id);
      if (data.error) call.reject(fromPlain(data.error));
      else {
        onReply(data);
        call.resolve(data.result);
      }
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault?.();
      this.close(new MirrorGanError("crashed", `the Worker could not run: ${event.message ?? "its script did not load"}`));
    });
  }

  call(method, args, { signal, onEvent = () => {} } = {}) {
    if (this.closed) return Promise.reject(this.closed);
    if (signal?.aborted) return Promise.reject(aborted());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#worker.postMessage({ id, method: "abort" });
        this.#calls.delete(id);
        reject(aborted());
      };
      const settle = (done) => (value) => {
        signal?.removeEventListener("abort", abort);
        done(value);
      };
      this.#calls.set(id, { resolve: settle(resolve), reject: settle(reject), onEvent });
      signal?.addEventListener("abort", abort, { once: true });
      this.#worker.postMessage({ id, method, args });
    });
  }

  close(error) {
    if (this.closed) return;
    this.closed = error;
    this.#worker.terminate();
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}

export class MirrorGan {
  #url;
  #options;
  #connection = null;
  #info = null;
  #adapter = null;
  #recoveries = 0;
  #recovering = null;

  /** What this browser offers; downloads nothing. */
  static support() {
    return support();
  }

  /** What `load` would download. */
  static async preview(model, { signal } = {}) {
    const url = folder(model);
    let config;
    try {
      config = JSON.parse(await downloadText(new URL("config.json", url).href, { signal }));
      if (typeof config.files !== "object") throw new SyntaxError("it lists no files");
    } catch (error) {
      if (error instanceof MirrorGanError) throw error;
      throw new MirrorGanError("bad-model", `${url}config.json is not a model's: ${error.message}`, { cause: error });
    }
    const files = await Promise.all(
      Object.entries(config.files).map(async ([file, { bytes, sha256 }]) => {
        const cached = await isCached(new URL(file, url).href, sha256);
        return { file, bytes, cached, when: file.startsWith("stream") ? "caption" : "load" };
      }),
    );
    const bytes = files.filter((file) => !file.cached && file.when === "load").reduce((sum, file) => sum + file.bytes, 0);
    return { name: config.name, files, bytes };
  }

  /** The files that the browser keeps. */
  static cached() {
    return cachedFiles();
  }

  /** Forgets them. */
  static clearCache() {
    return clearCache();
  }

  /** Downloads a model and makes it ready. */
  static async load(model, options = {}) {
    const device = options.device ?? "auto";
    if (!["auto", "cpu", "webgpu"].includes(device)) {
      throw new MirrorGanError("bad-input", `device is ${JSON.stringify(device)}; expected "auto", "cpu" or "webgpu"`);
    }
    if (options.signal?.aborted) throw aborted();
    const offered = await support();
    if (!offered.usable) {
      throw new MirrorGanError("unsupported", `this browser lacks ${offered.missing.join(" and ")}; a current one has them`);
    }
    if (device === "webgpu" && !offered.webgpu) {
      throw new MirrorGanError("unsupported", 'this browser offers no WebGPU adapter; device "cpu" works without');
    }
    const gan = new MirrorGan(folder(model), options, offered.adapter);
    try {
      await gan.#start(device === "auto" ? offered.device : device, options.signal);
    } catch (error) {
      const fault = error.code === "unsupported" || DEVICE_FAULTS.includes(error.code);
      if (device !== "auto" || offered.device !== "webgpu" || !fault) throw error;
      await gan.#start("cpu", options.signal);
      gan.#tellDevice(error);
    }
    return gan;
  }

  // Use load().
  constructor(url, options, adapter) {
    this.#url = url;
    this.#options = options;
    this.#adapter = adapter;
  }

  async #start(device, signal) {
    const { worker, wasm, cache = true, warmUp = true, onProgress } = this.#options;
    const made = worker
      ? worker()
      : new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mirrorgan" });
    const connection = new Connection(made, ({ memory, info }) => {
      this.#info = { ...info, device: this.#info?.device ?? device, adapter: this.#info?.adapter ?? null, memory };
    });
    this.#info = { device, adapter: device === "webgpu" ? this.#adapter : null };
    const urls = wasm && {
      cpu: wasm.cpu && String(new URL(wasm.cpu, document.baseURI)),
      webgpu: wasm.webgpu && String(new URL(wasm.webgpu, document.baseURI)),
    };
    const options = { url: this.#url, device, wasm: urls, cache, warmUp };
    try {
      await connection.call("load", [options], { signal, onEvent: ({ kind, ...event }) => onProgress?.(event) });
    } catch (error) {
      connection.close(error);
      throw error;
    }
    this.#connection = connection;
  }

  #tellDevice(reason) {
    this.#options.onDevice?.({ device: this.#info.device, reason: toMirrorGanError(reason) });
  }

  /** A lost device is replaced once; after that the CPU takes over. */
  #recover(connection, error) {
    if (this.#connection !== connection) return this.#recovering ?? Promise.resolve();
    this.#recovering ??= (async () => {
      connection.close(error);
      const device = this.#info.device === "webgpu" && this.#recoveries++ === 0 ? "webgpu" : "cpu";
      try {
        await this.#start(device);
      } catch (failure) {
        if (device === "cpu") throw failure;
        await this.#start("cpu");
      }
      this.#tellDevice(error);
    })().finally(() => {
      this.#recovering = null;
    });
    return this.#recovering;
  }

  async #call(method, args, options) {
    const connection = this.#connection;
    try {
      return await connection.call(method, args, options);
    } catch (error) {
      if (!DEVICE_FAULTS.includes(error.code)) throw error;
      const wasGpu = this.#info.device === "webgpu";
      // A dead engine is replaced in any case, so that the next call works; only what the GPU lost is tried again.
      await this.#recover(connection, error);
      if (!wasGpu) throw error;
      return this.#connection.call(method, args, options);
    }
  }

  /** Draws pictures of a prompt. */
  async generate(prompt, { seed, count = 1, caption = false, signal, onStage, onProgress } = {}) {
    checkPrompt(prompt);
    const chosen = checkSeed(seed);
    const onEvent = ({ kind, ...event }) => (kind === "stage" ? onStage?.(event) : onProgress?.(event));
    const result = await this.#call("generate", [prompt, { seed: chosen, count, caption }], { signal, onEvent });
    return { seed: chosen, device: this.#info.device, ...result };
  }

  /** Describes a picture. */
  async caption(image, { signal, onProgress } = {}) {
    const pixels = await toImageData(image);
    return this.#call("caption", [pixels], { signal, onEvent: ({ kind, ...event }) => onProgress?.(event) });
  }

  /** The features that the generator gets for a prompt. */
  async encode(prompt, { signal } = {}) {
    return this.#call("encode", [checkPrompt(prompt)], { signal });
  }

  /** The words of a prompt and which of them the model knows. */
  async tokenize(prompt, { signal } = {}) {
    return this.#call("tokenize", [checkPrompt(prompt)], { signal });
  }

  /** Draws pictures on the way from one prompt to another. */
  async blend(from, to, { steps = 8, seed, signal, onFrame } = {}) {
    const args = [checkPrompt(from), checkPrompt(to), { steps, seed: checkSeed(seed) }];
    const frames = [];
    const onEvent = ({ kind, ...frame }) => {
      frames[frame.frame] = frame;
      onFrame?.(frame);
    };
    await this.#call("blend", args, { signal, onEvent });
    return frames;
  }

  /** The model, the device, the adapter, bytes of memory. */
  get info() {
    return { ...this.#info };
  }

  /** Ends the Worker and frees everything. */
  async dispose() {
    this.#connection?.close(new MirrorGanError("disposed", "this MirrorGan was disposed of; load another"));
  }
}
