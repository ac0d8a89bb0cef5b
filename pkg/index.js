// MirrorGan: the client that pages import. The engine itself is in worker.js.

import { abortable, checkDevice, checkFlag, checkModules, checkOptions, checkPictures, checkPrecision, checkPrompt, checkSeed, checkSentences, checkStages, checkSteps, checkThreads } from "./check.js";
import { Connection } from "./connection.js";
import { describeModel } from "./describe.js";
import { CODES, MirrorGanError, aborted, bad, toMirrorGanError, typed } from "./errors.js";
import { GPU_LIMIT, GPU_PATIENCE } from "./gpu.js";
import { clearKept, keptFiles } from "./kept.js";
import { checkNoise } from "./noise.js";
import { toImageData } from "./picture.js";
import { platform } from "./platform.js";
import { checkModel, isOf } from "./sources.js";
import { spawn } from "./spawn.js";
import { support, whyUnusable } from "./support.js";

export { CODES, MirrorGanError };

// After these the device, not the call, is at fault.
const DEVICE_FAULTS = ["device-lost", "crashed", "out-of-memory"];

// Only load() knows it.
const KEY = Symbol("MirrorGan.load");

const METHODS = ["generate", "caption", "match", "encode", "tokenize", "blend", "dispose"];

export class MirrorGan {
  #source;
  #options;
  #connection = null;
  #info = null;
  #adapter = null;
  #replaced = false;
  #recovering = null;
  #life = new AbortController();

  /** What this browser offers; downloads nothing. */
  static support(options) {
    return typed(() => {
      const { signal } = checkOptions(options);
      return abortable(support(), signal);
    });
  }

  /** What a model is and how big its files are; downloads its config.json only. */
  static describe(model, options) {
    return typed(() => {
      const { signal, fetch } = checkOptions(options, ["fetch"]);
      return abortable(describeModel(checkModel(model, fetch), signal), signal);
    });
  }

  /** The files that the browser keeps. */
  static cached(options) {
    return typed(() => {
      const { signal } = checkOptions(options);
      return abortable(keptFiles(), signal);
    });
  }

  /** Forgets them: all, or those of one model. */
  static clearCache(model, options) {
    return typed(() => {
      const { signal } = checkOptions(options);
      return abortable(clearKept(model === undefined ? undefined : isOf(checkModel(model))), signal);
    });
  }

  /** Downloads a model and makes it ready. */
  static load(model, options) {
    return typed(() => MirrorGan.#load(model, options));
  }

  static async #load(model, given) {
    const names = ["device", "precision", "threads", "cache", "warmUp", "wasm", "fetch"];
    const options = checkOptions(given, names, ["onProgress", "onDevice", "worker"]);
    const source = checkModel(model, options.fetch);
    const device = checkDevice(options.device);
    const precision = checkPrecision(options.precision);
    const { signal, onProgress, onDevice, worker } = options;
    const cache = checkFlag("cache", options.cache, true);
    const warmUp = checkFlag("warmUp", options.warmUp, true);
    const patience = device === "webgpu" ? GPU_PATIENCE : GPU_LIMIT;
    const offered = await abortable(support(device === "cpu" ? 0 : patience), signal);
    if (!offered.usable) throw new MirrorGanError("unsupported", whyUnusable());
    if (device === "webgpu" && !offered.webgpu) {
      throw new MirrorGanError("unsupported", 'there is no WebGPU adapter here, or none that answers; device "cpu" works without');
    }
    const wasm = await abortable(checkModules(options.wasm), signal);
    const asked = checkThreads(options.threads, offered.threads);
    const threads = wasm.threads === null ? 1 : asked;
    const half = precision === "auto" && Boolean(offered.adapter?.half);
    const gan = new MirrorGan(KEY, source, { onProgress, onDevice, worker, cache, warmUp, half, patience, threads, wasm }, offered.adapter);
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
  constructor(key, source, options, adapter) {
    if (key !== KEY) throw bad("use await MirrorGan.load(model)");
    this.#source = source;
    this.#options = options;
    this.#adapter = adapter;
    // A proxy, such as Vue's ref() makes, has no private fields, and a method that was taken off its object no object: both reach this one.
    for (const name of METHODS) {
      const value = (...args) => typed(() => MirrorGan.prototype[name].apply(this, args));
      Object.defineProperty(this, name, { value, writable: true, configurable: true });
    }
    Object.defineProperty(this, "info", { get: () => ({ ...this.#info }), configurable: true });
  }

  async #start(device, signal) {
    if (signal?.aborted) throw aborted(signal);
    const { worker, wasm, threads, cache, warmUp, half, patience, onProgress } = this.#options;
    const connection = new Connection(spawn(worker), device, ({ memory, info }) => {
      const adapter = device === "webgpu" ? this.#adapter : null;
      this.#info = { ...info, device, adapter, memory };
    });
    const options = { source: this.#source, base: platform.base(), device, patience, threads, wasm, cache, warmUp, half };
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
    const names = ["seed", "count", "caption", "stages", "noise", "attention"];
    const { seed, count, caption, stages, noise, attention, signal, onStage, onProgress } = checkOptions(given, names, ["onStage", "onProgress"]);
    checkPrompt(prompt);
    const options = {
      seed: checkSeed(seed),
      count: checkPictures(count),
      caption: checkFlag("caption", caption, false),
      stages: checkStages(stages, this.#info.sizes.length),
      attention: checkFlag("attention", attention, true),
    };
    options.noise = checkNoise(noise, this.#info.noise, options.count);
    const listeners = { stage: onStage, progress: onProgress };
    const result = await this.#call("generate", [prompt, options], { signal, listeners });
    return { seed: options.seed, device: this.#info.device, ...result };
  }

  /** Describes a picture. */
  async caption(image, given) {
    const { count, sample, seed, signal, onProgress } = checkOptions(given, ["count", "sample", "seed"], ["onProgress"]);
    const sentences = checkSentences(count, sample, seed);
    const pixels = await abortable(toImageData(image, signal), signal);
    return this.#call("caption", [pixels, sentences], { signal, listeners: { progress: onProgress } });
  }

  /** How well a picture and a text match, and where each word is found. */
  async match(image, text, given) {
    const { signal, onProgress } = checkOptions(given, [], ["onProgress"]);
    checkPrompt(text, "the text");
    const pixels = await abortable(toImageData(image, signal), signal);
    return this.#call("match", [pixels, text], { signal, listeners: { progress: onProgress } });
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
    const { steps, seed, signal, onFrame } = checkOptions(given, ["steps", "seed"], ["onFrame"]);
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
