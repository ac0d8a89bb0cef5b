// The Worker: downloads a model, owns the engine, answers the client in index.js one call at a time.

import { downloadFile, downloadModule, downloadText, isWhole } from "./download.js";
import { MirrorGanError, aborted, faultCode, messageOf, toPlain } from "./errors.js";
import { watchGpu } from "./gpu.js";
import { listedFiles } from "./listed.js";
// Not import(): bundlers make one script of a Worker without any setting then. The big part, the wasm, is downloaded for one of them only.
import * as cpu from "./mirrorgan_cpu.js";
import * as shared from "./mirrorgan_threads.js";
import * as webgpu from "./mirrorgan_webgpu.js";
import { locate } from "./sources.js";
import { startThreads } from "./threads.js";

// All addresses are written out so that bundlers find them, and read when they are needed: what a bundler makes of them may be of no use.
const MODULES = {
  cpu: [cpu, () => new URL("./mirrorgan_cpu_bg.wasm", import.meta.url)],
  threads: [shared, () => new URL("./mirrorgan_threads_bg.wasm", import.meta.url)],
  webgpu: [webgpu, () => new URL("./mirrorgan_webgpu_bg.wasm", import.meta.url)],
};

/** Its address as a URL; Next.js gives a path, in an object that only looks like one. */
function addressOf(kind, base) {
  try {
    return new URL(String(MODULES[kind][1]()), base).href;
  } catch (error) {
    const message = `where the ${kind} module lies cannot be told from this script: say so with the option wasm`;
    throw new MirrorGanError("unsupported", `${message} (${messageOf(error)})`, { cause: error });
  }
}

let wasm = null;
let memory = null;
let threads = 1;
let engine = null;
let model = null;
let panic = null;
let dead = false;

/** The module for a device, with threads where there shall be some and can be. */
async function loadModule(device, given, count, progress) {
  if (device === "cpu" && count > 1) {
    try {
      const module = await loadOne("threads", given.threads, progress);
      await startThreads(module, count);
      threads = count;
      return module;
    } catch (error) {
      // Too little memory that can be shared, a policy against Workers: one thread does it too.
      if (progress.signal.aborted || given.threads) throw error;
    }
  }
  return loadOne(device, given[device], progress);
}

async function loadOne(kind, given, progress, again) {
  const { signal, onProgress, cache, base, patience } = progress;
  const [module] = MODULES[kind];
  const compiled = given instanceof WebAssembly.Module;
  const name = compiled ? "the given module" : (given ?? addressOf(kind, base));
  let whole = compiled;
  let goesOn;
  const watch = (event) => {
    if (event.status === "download") goesOn = event.loaded > 0;
    if (event.status === "done") whole = true;
    onProgress(event);
  };
  const source = compiled ? given : await downloadModule(name, { signal, onProgress: watch, cache });
  if (kind === "webgpu") watchGpu(patience, watchDevice);
  try {
    memory = (await module.default({ module_or_path: source })).memory;
  } catch (error) {
    if (signal.aborted) throw aborted();
    if (error instanceof MirrorGanError || error instanceof RangeError) throw error;
    // Two halves that are of two versions after all.
    if (goesOn && whole && !again) return loadOne(kind, given, progress, true);
    if (error instanceof TypeError && !whole) throw new MirrorGanError("network", `${name} broke off: ${error.message}`, { cause: error });
    // A TypeError of a whole one: something that the JavaScript calls is not in it.
    if ([WebAssembly.CompileError, WebAssembly.LinkError, TypeError].some((type) => error instanceof type)) {
      throw new MirrorGanError("integrity", `${name} is not the module of this version: ${error.message}`, { cause: error });
    }
    throw new MirrorGanError("unsupported", `${name} could not be started: ${error.message}`, { cause: error });
  }
  module.onPanic((message) => {
    panic = message;
    crash(message);
  });
  return module;
}

/** Has a GPU device tell when it is gone; the engine would find out late, by a panic. */
function watchDevice(device) {
  device.lost.then(({ reason, message }) => crash(`the GPU device was lost (${reason}): ${message}`, "device-lost"));
  device.addEventListener("uncapturederror", ({ error }) => {
    if (error instanceof globalThis.GPUOutOfMemoryError) crash(error.message, "out-of-memory");
  });
}

async function load({ source, base, device, patience, threads: count, wasm: given, cache, warmUp, half }, signal, onProgress) {
  model = { source, cache };
  // One that fails ends the others.
  const own = new AbortController();
  const abort = () => own.abort();
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  const progress = { signal: own.signal, onProgress, cache, base, patience, init: source.init };
  try {
    // The settings first: a wrong address should not cost the module's download.
    const text = await downloadText(locate(source, "config.json"), "config.json", progress);
    const module = loadModule(device, given, count, progress).then((loaded) => {
      wasm = loaded;
      return new wasm.ModelFiles(text);
    });
    // Beside the module: a connection would wait while it compiles.
    const early = new Map(listed(text).map((entry) => [entry.file, download(entry, progress, module)]));
    // Told where they are awaited.
    for (const content of early.values()) content.catch(() => {});
    const files = await module;
    model.files = new Map(files.list().map((entry) => [entry.file, entry]));
    model.parts = wasm.partFiles();
    // While the model comes.
    if (warmUp && device === "cpu") files.rehearse();
    const { stem, generator } = model.parts;
    const get = (file) => early.get(file) ?? download(entryOf(file), progress, module);
    const contents = await Promise.all([files.vocabularyFile, stem, generator].map(get));
    engine = await wasm.WebEngine.load(device, half, files, ...contents);
  } catch (error) {
    abort();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  if (warmUp) {
    onProgress({ status: "warm-up" });
    await engine.warmUp();
  }
  onProgress({ status: "ready" });
  return info();
}

const info = () => engine && { ...engine.info(), threads };

/** What config.json lists to be loaded, before there is an engine to read it; nothing if it is none, which the engine explains. */
function listed(text) {
  try {
    return listedFiles(JSON.parse(text)).filter(({ file, when }) => when === "load" && /^[\w-]+\.(safetensors|txt)$/.test(file));
  } catch {
    return [];
  }
}

function entryOf(file) {
  const entry = model.files.get(file);
  if (!entry) throw new MirrorGanError("bad-model", `config.json lists no ${file}`);
  return entry;
}

/** A file of the model; `checker` has, or will have, the engine's check, which says what is wrong. */
async function download(entry, progress, checker) {
  const check = async (content) => {
    if (!(await isWhole(content, entry))) (await checker).check(entry.file, content);
  };
  return downloadFile(locate(model.source, entry.file), entry, { ...progress, check, cache: model.cache, init: model.source.init });
}

/** STREAM is read when it is first needed. */
async function withStream(signal, onProgress) {
  if (model.streaming || !engine.info().captions) return;
  const stream = entryOf(model.parts.stream);
  engine.loadStream(await download(stream, { signal, onProgress }, engine));
  model.streaming = true;
}

/** DAMSM's image head likewise, which sees through STREAM's encoder. */
async function withMatcher(signal, onProgress) {
  if (model.matching || !engine.info().matches) return;
  // One after the other: neither goes on where the other has failed.
  await withStream(signal, onProgress);
  engine.loadMatcher(await download(entryOf(model.parts.matcher), { signal, onProgress }, engine));
  model.matching = true;
}

// Messages are heard between tasks only: without this pause the CPU path could not be cancelled.
const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

function listener(kind, signal, emit, start = performance.now()) {
  let heard = start;
  return async (event) => {
    if (event) emit({ kind, ...event, milliseconds: performance.now() - start });
    // Nothing: between two stages of a frame, or two words; browsers make each pause take 4 ms.
    if (event || performance.now() - heard > 50) {
      await pause();
      heard = performance.now();
    }
    return !signal.aborted;
  };
}

/** Noise that the page has checked, as the engine takes it. */
function madeNoise({ towards, position, z, epsilon }) {
  return z ? wasm.WebNoise.values(z, epsilon) : wasm.WebNoise.towards(BigInt(towards), position);
}

const methods = {
  load: ([options], signal, emit) => load(options, signal, (event) => emit({ kind: "progress", ...event })),
  async generate([prompt, options], signal, emit) {
    if (options.caption) await withStream(signal, (event) => emit({ kind: "progress", ...event }));
    const start = performance.now();
    const { noise, ...rest } = options;
    const result = await engine.generate(prompt, rest, noise && madeNoise(noise), listener("stage", signal, emit, start));
    return { ...result, milliseconds: performance.now() - start };
  },
  async caption([image, { count, sample }], signal, emit) {
    await withStream(signal, (event) => emit({ kind: "progress", ...event }));
    const picture = new ImageData(image.data, image.width, image.height);
    return count === null ? engine.caption(picture) : engine.captions(picture, count, sample === null ? undefined : BigInt(sample), listener("word", signal));
  },
  async match([image, text], signal, emit) {
    await withMatcher(signal, (event) => emit({ kind: "progress", ...event }));
    return engine.match(new ImageData(image.data, image.width, image.height), text);
  },
  encode: ([prompt]) => engine.encode(prompt),
  tokenize: ([prompt]) => engine.tokenize(prompt),
  blend: ([from, to, options], signal, emit) =>
    engine.blend(from, to, options, listener("frame", signal, emit, performance.now())),
};

function crash(message, known) {
  if (dead) return;
  dead = true;
  const code = known ?? faultCode(message, panic !== null);
  postMessage({ crash: { code, message: code === "out-of-memory" ? `not enough memory (${message})` : message, words: [] } });
}

const running = new Map();
let queue = Promise.resolve();

async function perform({ id, method, args }, signal) {
  try {
    signal.throwIfAborted();
    const result = await methods[method](args, signal, (event) => postMessage({ id, event }));
    postMessage({ id, result, memory: memory?.buffer.byteLength ?? 0, info: info() });
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) crash(error.message);
    else postMessage({ id, error: toPlain(error) });
  } finally {
    running.delete(id);
  }
}

addEventListener("message", ({ data }) => {
  if (data.method === "abort") {
    running.get(data.id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(data.id, controller);
  queue = queue.then(() => perform(data, controller.signal));
});
// A trap inside a promise of the engine reaches nobody else.
addEventListener("error", (event) => crash(event.message));
addEventListener("unhandledrejection", (event) => crash(messageOf(event.reason)));
