// Arguments, checked before anything is done with them: whatever is wrong is a MirrorGanError with the code "bad-input".

import { MirrorGanError, aborted, bad, messageOf } from "./errors.js";
import { isAddress, isBytes, kindOf } from "./kinds.js";
import { platform } from "./platform.js";
import { show } from "./show.js";

// Not as a power: compilers to older JavaScript make Math.pow of it, which takes no bigint.
const LARGEST_SEED = 0xffffffffffffffffn;
const MOST_PICTURES = 64;
const MOST_SENTENCES = 16;
const MOST_STEPS = 256;
/** A map of 64 × 64 pixels has 16 bands of four rows to share. */
export const MOST_THREADS = 16;
const DEVICES = ["auto", "cpu", "webgpu"];
const PRECISIONS = ["auto", "f32"];

/** The options of a call that have these names, and `signal`: of nothing, or of an object whose signal and callbacks are what they must be. */
export function checkOptions(given, names = [], callbacks = []) {
  if (given === undefined || given === null) return {};
  if (typeof given !== "object") throw bad(`the options are ${show(given)}; expected an object`);
  let options;
  try {
    options = Object.fromEntries(["signal", ...names, ...callbacks].map((name) => [name, given[name]]));
  } catch (error) {
    throw bad(`the options could not be read: ${messageOf(error)}`, error);
  }
  const { signal } = options;
  if (signal !== undefined && signal !== null && !(typeof signal === "object" && typeof signal.addEventListener === "function")) {
    throw bad(`signal is ${show(signal)}; expected an AbortSignal`);
  }
  for (const name of callbacks) {
    const callback = options[name];
    if (callback !== undefined && callback !== null && typeof callback !== "function") {
      throw bad(`${name} is ${show(callback)}; expected a function`);
    }
  }
  if (signal?.aborted) throw aborted(signal);
  return options;
}

/** `value` or, where it was left out, `otherwise`; of the type of the latter. */
export function checkFlag(name, value, otherwise) {
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== "boolean") throw bad(`${name} is ${show(value)}; expected true or false`);
  return value;
}

function checkCount(name, value, otherwise, least, most) {
  if (value === undefined || value === null) return otherwise;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw bad(`${name} is ${show(value)}; expected a whole number from ${least} to ${most}`);
  }
  return value;
}

export const checkPictures = (count) => checkCount("count", count, 1, 1, MOST_PICTURES);
/** How many threads to compute on, of as many as there are. */
export const checkThreads = (threads, offered) =>
  threads === "auto" ? offered : Math.min(checkCount("threads", threads, offered, 1, MOST_THREADS), offered);
/** How many stages to draw; undefined for all. */
export const checkStages = (stages, all) => checkCount("stages", stages, undefined, 1, all);
export const checkSteps = (steps) => checkCount("steps", steps, 8, 2, MOST_STEPS);

/** A seed, or a random one. */
export function checkSeed(seed) {
  if (seed === undefined || seed === null) return crypto.getRandomValues(new Uint32Array(1))[0];
  const whole = typeof seed === "bigint" ? seed >= 0n && seed <= LARGEST_SEED : Number.isSafeInteger(seed) && seed >= 0;
  if (!whole) throw bad(`seed is ${show(seed)}; expected a whole number from 0 on, as a bigint from 2^53 to 2^64 - 1`);
  // Not -0.
  return typeof seed === "bigint" ? seed : seed + 0;
}

/** How many sentences describe a picture, null for the one; and the seed to draw them with, null where they are searched for. */
export function checkSentences(count, sample, seed) {
  const several = checkCount("count", count, null, 1, MOST_SENTENCES);
  const drawn = checkFlag("sample", sample, false);
  if (several === null && (drawn || (seed !== undefined && seed !== null))) throw bad("sample and seed are of several sentences: say how many with count");
  return { count: several, sample: drawn ? checkSeed(seed) : null };
}

export function checkPrompt(prompt, name = "the prompt") {
  if (typeof prompt !== "string") throw bad(`${name} is ${show(prompt)}; expected a string`);
  return prompt;
}

export function checkDevice(device) {
  if (device === undefined || device === null) return "auto";
  if (!DEVICES.includes(device)) throw bad(`device is ${show(device)}; expected "auto", "cpu" or "webgpu"`);
  return device;
}

export function checkPrecision(precision) {
  if (precision === undefined || precision === null) return "auto";
  if (!PRECISIONS.includes(precision)) throw bad(`precision is ${show(precision)}; expected "auto" or "f32"`);
  return precision;
}

async function checkModule(source) {
  const kind = kindOf(source);
  if (source === undefined || source === null || kind === "WebAssembly.Module") return source ?? undefined;
  try {
    if (isAddress(source)) return platform.resolve(source).href;
    if (isBytes(source)) return await WebAssembly.compile(source);
    if (kind === "Response") {
      if (!source.ok) throw new MirrorGanError("network", `the wasm module: the server answered ${source.status} ${source.statusText}`.trim());
      return await WebAssembly.compile(await source.arrayBuffer());
    }
  } catch (error) {
    if (error instanceof MirrorGanError) throw error;
    if (error instanceof WebAssembly.CompileError) {
      throw new MirrorGanError("integrity", `what was given as a wasm module is none: ${error.message}`, { cause: error });
    }
    throw bad(`the wasm module cannot be used: ${messageOf(error)}`, error);
  }
  throw bad(`a wasm module is ${show(source)}; expected an address, a Response, a WebAssembly.Module or bytes`);
}

/**
 * The modules to take instead of the package's own: one for whatever device is taken, or one for each. As what a Worker can be sent.
 * `threads` is null where there shall be none: who gives another module for the CPU wants that one.
 */
export async function checkModules(wasm) {
  if (wasm === undefined || wasm === null) return {};
  if (typeof wasm !== "object" || isAddress(wasm) || isBytes(wasm) || ["WebAssembly.Module", "Response"].includes(kindOf(wasm))) {
    const module = await checkModule(wasm);
    return { cpu: module, threads: null, webgpu: module };
  }
  const [cpu, threads, webgpu] = await Promise.all([wasm.cpu, wasm.threads, wasm.webgpu].map(checkModule));
  return { cpu, threads: threads ?? (cpu && null), webgpu };
}

/** `promise`, unless the signal comes first. */
export function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(signal));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
