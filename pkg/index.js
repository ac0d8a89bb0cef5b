// MirrorGan: the client that pages import. The engine itself is in worker.js.

import { abortable, checkDevice, checkFlag, checkModel, checkModules, checkOptions, checkPictures, checkPrecision, checkPrompt, checkSeed, checkSteps, checkThreads } from "./check.js";
import { Connection } from "./connection.js";
import { describeModel } from "./describe.js";
import { cachedFiles, clearCache } from "./download.js";
import { CODES, MirrorGanError, aborted, toMirrorGanError } from "./errors.js";
import { toImageData } from "./picture.js";
import { platform } from "./platform.js";
import { support } from "./support.js";

export { CODES, MirrorGanError };

// After these the device, not the call, is at fault.
const DEVICE_FAULTS = ["device-lost", "crashed", "out-of-memory"];

// Only load() knows it.
const KEY = Symbol("MirrorGan.load");

export class MirrorGan {
  #url;
  #options;
  #connection = null;
  #info = null;
  #adapter = null;
  #replaced = false;
  #recovering = null;
  #life = new AbortController();

  /** What this browser offers; downloads nothing. */
  static async support(options) {
    const { signal } = checkOptions(options);
    return abortable(support(), signal);
  }

  /** What a model is and how big its files are; downloads its config.json only. */
  static async describe(model, options) {
    const { signal } = checkOptions(options);
    return describeModel(checkModel(model), signal);
  }

  /** The files that the browser keeps. */
  static async cached(options) {
    const { signal } = checkOptions(options);
    return abortable(cachedFiles(), signal);
  }

  /** Forgets them: all, or those of one model. */
  static async clearCache(model, options) {
    const { signal } = checkOptions(options);
    return abortable(clearCache(model === undefined ? undefined : checkModel(model)), signal);
  }

  /** Downloads a model and makes it ready. */
  static async load(model, given) {
    const options = checkOptions(given, ["onProgress", "onDevice", "worker"]);
    const url = checkModel(model);
    const device = checkDevice(options.device);
    const precision = checkPrecision(options.precision);
    const { signal, onProgress, onDevice, worker } = options;
    const cache = checkFlag("cache", options.cache, true);
    const warmUp = checkFlag("warmUp", options.warmUp, true);
    const offered = await abortable(support(), signal);
    if (!offered.usable) {
      throw new MirrorGanError("unsupported", `this browser lacks ${offered.missing.join(" and ")}; a current one has them`);
    }
    if (device === "webgpu" && !offered.webgpu) {
      throw new MirrorGanError("unsupported", 'there is no WebGPU adapter here; device "cpu" works without');
    }
    const wasm = await abortable(checkModules(options.wasm), signal);
    const asked = checkThreads(options.threads, offered.threads);
    const threads = wasm.threads === null ? 1 : asked;
    const half = precision === "auto" && Boolean(offered.adapter?.half);
    const gan = new MirrorGan(KEY, url, { onProgress, onDevice, worker, cache, warmUp, half, threads, wasm }, offered.adapter);
    try {
      await gan.#start(device === "auto" ? offered.device : device, signal);
    } catch (error) {
      const fault = error.code === "unsupported" || DEVICE_FAULTS.includes(error.code);
      if (device !== "auto" || offered.device !== "webgpu" || !fault) throw error;
      await gan.#start("cpu", signal);
      gan.#tellDevice(error);
    }
    return gan;
  }

  // Use load().
  constructor(key, url, options, adapter) {
    if (key !== KEY) throw new MirrorGanError("bad-input", "use await MirrorGan.load(model)");
    this.#url = url;
    this.#options = options;
    this.#adapter = adapter;
  }

  async #start(device, signal) {
    if (signal?.aborted) throw aborted();
    const { worker, wasm, threads, cache, warmUp, half, onProgress } = this.#options;
    let made;
    try {
      made = worker ? worker() : platform.makeWorker();
    } catch (error) {
      throw new MirrorGanError("unsupported", `no Worker could be made: ${error?.message ?? error}`, { cause: error });
    }
    if (typeof made?.postMessage !== "function") throw new MirrorGanError("bad-input", "the option worker must give a Worker");
    const connection = new Connection(made, device, ({ memory, info }) => {
      const adapter = device === "webgpu" ? this.#adapter : null;
      this.#info = { ...info, device, adapter, memory };
    });
    const options = { url: this.#url, device, threads, wasm, cache, warmUp, half };
    try {
      await connection.call("load", [options], { signal, listeners: { progress: (event) => onProgress?.(event) } });
    } catch (error) {
      connection.close(error);
      // A driver that fails with 16 bits may do with 32.
      if (!half || device !== "webgpu" || !DEVICE_FAULTS.includes(error.code)) throw error;
      this.#options.half = false;
      return this.#start(device, signal);
    }
    this.#connection = connection;
  }

  #tellDevice(reason) {
    try {
      this.#options.onDevice?.({ device: this.#info.device, reason: toMirrorGanError(reason) });
    } catch (error) {
      // Whoever's call is being repeated has nothing to do with it.
      if (typeof reportError === "function") reportError(error);
      else console.error(error);
    }
  }

  /** A lost GPU is replaced once; after that the CPU takes over. */
  #recover(connection, error) {
    // Another call was here before.
    if (this.#connection !== connection) return Promise.resolve();
    this.#recovering ??= (async () => {
      connection.close(error);
      const { signal } = this.#life;
      const again = connection.device === "webgpu" && !this.#replaced;
      this.#replaced = true;
      this.#options.half = false;
      try {
        await this.#start(again ? "webgpu" : "cpu", signal);
      } catch (failure) {
        if (!again || failure.code === "aborted") throw failure;
        await this.#start("cpu", signal);
      }
      this.#tellDevice(error);
    })()
      .catch((failure) => {
        throw this.#life.signal.aborted ? disposed() : failure;
      })
      .finally(() => {
        this.#recovering = null;
      });
    return this.#recovering;
  }

  async #call(method, args, { signal, listeners }) {
    for (;;) {
      if (this.#life.signal.aborted) throw disposed();
      const connection = this.#connection;
      try {
        return await connection.call(method, args, { signal, listeners });
      } catch (error) {
        if (!DEVICE_FAULTS.includes(error.code)) throw error;
        // A dead engine is replaced in any case, so that the next call works; only what the GPU lost is tried again.
        await abortable(this.#recover(connection, error), signal);
        if (connection.device !== "webgpu") throw error;
      }
    }
  }

  /** Draws pictures of a prompt. */
  async generate(prompt, given) {
    const { seed, count, caption, signal, onStage, onProgress } = checkOptions(given, ["onStage", "onProgress"]);
    checkPrompt(prompt);
    const options = { seed: checkSeed(seed), count: checkPictures(count), caption: checkFlag("caption", caption, false) };
    const listeners = { stage: onStage, progress: onProgress };
    const result = await this.#call("generate", [prompt, options], { signal, listeners });
    return { seed: options.seed, device: this.#info.device, ...result };
  }

  /** Describes a picture. */
  async caption(image, given) {
    const { signal, onProgress } = checkOptions(given, ["onProgress"]);
    const pixels = await abortable(toImageData(image), signal);
    return this.#call("caption", [pixels], { signal, listeners: { progress: onProgress } });
  }

  /** The features that the generator gets for a prompt. */
  async encode(prompt, given) {
    const { signal } = checkOptions(given);
    return this.#call("encode", [checkPrompt(prompt)], { signal });
  }

  /** The words of a prompt and which of them the model knows. */
  async tokenize(prompt, given) {
    const { signal } = checkOptions(given);
    return this.#call("tokenize", [checkPrompt(prompt)], { signal });
  }

  /** Draws pictures on the way from one prompt to another. */
  async blend(from, to, given) {
    const { steps, seed, signal, onFrame } = checkOptions(given, ["onFrame"]);
    const args = [checkPrompt(from, "the first prompt"), checkPrompt(to, "the second prompt"), { steps: checkSteps(steps), seed: checkSeed(seed) }];
    const frames = [];
    const frame = ({ milliseconds, ...event }) => {
      frames[event.frame] = event;
      return onFrame?.(event);
    };
    await this.#call("blend", args, { signal, listeners: { frame } });
    return frames;
  }

  /** The model, the device, the adapter, bytes of memory. */
  get info() {
    return { ...this.#info };
  }

  /** Ends the Worker and frees everything; calls that wait reject with "disposed". */
  async dispose() {
    this.#life.abort();
    this.#connection.close(disposed());
    await this.#recovering?.catch(() => {});
  }
}

const disposed = () => new MirrorGanError("disposed", "this MirrorGan was disposed of; load another");
