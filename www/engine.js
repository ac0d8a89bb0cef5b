// The one engine of the page: loaded when it is first needed, replaced when another model or device is chosen.

import { MirrorGan } from "./pkg/index.js";
import { folderOf } from "./models.js";
import { programOf } from "./program.js";

/** Why a piece of work was stopped: by the visitor, or because the next one took its place. */
export const REPLACED = "replaced";

export class Engine {
  #gan = null;
  #key = null;
  #loading = null;
  #bar;
  #tell;
  /** Whether STREAM is in memory: until then a description costs a download. */
  describes = false;

  constructor(bar, tell) {
    [this.#bar, this.#tell] = [bar, tell];
  }

  get info() {
    return this.#gan?.info ?? null;
  }

  /** The engine for a model's folder name and a device, if it is loaded. */
  ready(model, device) {
    return this.#key === `${model} ${device}` ? this.#gan : null;
  }

  /** The engine for a model's folder name and a device. */
  async get(model, device, signal) {
    const key = `${model} ${device}`;
    const ready = this.ready(model, device);
    if (ready) return ready;
    if (this.#loading?.key !== key) {
      this.#loading?.controller.abort();
      const controller = new AbortController();
      this.#loading = { key, controller, done: this.#load(key, model, device, controller) };
    }
    const loading = this.#loading;
    try {
      return await until(loading.done, signal);
    } catch (error) {
      // A download goes on for the work that took this one's place; the visitor's own word ends it.
      if (signal.aborted && signal.reason !== REPLACED) loading.controller.abort();
      throw error;
    }
  }

  async #load(key, model, device, controller) {
    const { signal } = controller;
    const old = this.#gan;
    this.#gan = null;
    this.describes = false;
    await old?.dispose();
    try {
      this.#tell("Loading the model…");
      const [{ files }, program] = await Promise.all([MirrorGan.describe(folderOf(model), { signal }), programOf(device)]);
      const missing = files.filter((file) => !file.cached && file.when === "load").map((file) => [file.file, file.bytes]);
      if (!program.cached) missing.push([program.file, program.bytes]);
      this.#bar.start(Object.fromEntries(missing));
      const gan = await MirrorGan.load(folderOf(model), {
        device,
        signal,
        onProgress: (event) => this.#bar.tell(event),
        onDevice: (event) => this.#tell(`The graphics device stopped; computing on ${event.device === "cpu" ? "the CPU" : "a new one"} now.`),
      });
      if (signal.aborted) {
        gan.dispose();
        signal.throwIfAborted();
      }
      [this.#gan, this.#key] = [gan, key];
      return gan;
    } finally {
      if (this.#loading?.controller === controller) {
        this.#loading = null;
        this.#bar.stop();
      }
    }
  }

  /** The progress of STREAM's download, for calls that may need it. */
  onProgress = (event) => {
    if (event.status === "download") this.#bar.start({ [event.file]: event.total });
    this.#bar.tell(event);
    if (event.status === "done") this.#bar.stop();
  };
}

/** The promise, or an AbortError as soon as the signal says so. */
function until(promise, signal) {
  promise.catch(() => {});
  return new Promise((resolve, reject) => {
    const stop = () => reject(Object.assign(new Error("cancelled"), { name: "AbortError", code: "aborted" }));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
