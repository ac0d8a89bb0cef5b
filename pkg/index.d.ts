import type { Attention, BlendFrame, Caption, Encoding, Match, ModelFile, ModelInfo, Picture, Stage, Token } from "./types.js";

declare global {
  // Where the program has none of the DOM's types, as in Node.js: pixels, which is what there is. Elsewhere nothing is added.
  interface ImageData extends ImageDataHere {}
}

/** A type of the DOM or of Node.js by its name; `Otherwise` where the program has no such types. */
type Known<Name extends string, Otherwise> = typeof globalThis extends Record<Name, { prototype: infer Type }> ? Type : Otherwise;

type ImageDataHere = typeof globalThis extends Record<"ImageData", unknown> ? {} : Pixels;
type KnownURL = Known<"URL", { readonly href: string }>;
type KnownBlob = Known<"Blob", { readonly size: number; arrayBuffer(): Promise<ArrayBuffer> }>;
type KnownResponse = Known<"Response", { readonly ok: boolean; arrayBuffer(): Promise<ArrayBuffer> }>;
type KnownSignal = Known<"AbortSignal", { readonly aborted: boolean; addEventListener(type: "abort", listener: () => void): void }>;
type KnownWorker = Known<"Worker", never>;
type KnownModule = typeof globalThis extends Record<"WebAssembly", { Module: { prototype: infer Type } }> ? Type : object;
/** Whatever drawImage takes. */
type Drawable = typeof globalThis extends Record<"CanvasRenderingContext2D", { prototype: { drawImage(image: infer Image, x: number, y: number): void } }>
  ? Image
  : never;
/** A worker thread of Node.js. */
interface Thread {
  postMessage(message: any, transfer?: any): void;
  on(event: string, listener: (...args: any[]) => void): unknown;
  terminate(): unknown;
}

export type { Attention, BlendFrame, Caption, Encoding, Match, ModelFile, ModelInfo, Picture, Stage, Token };

export type Device = "cpu" | "webgpu";

export type Code =
  /** The browser lacks what is needed, or there is no such device. */
  | "unsupported"
  /** A file could not be downloaded; the message tells a missing one, CORS, a web page in its place and a broken connection apart. */
  | "network"
  /** A file is not the one that the model was published with. */
  | "integrity"
  /** A file does not hold what it should. */
  | "bad-model"
  /** The prompt has no word, or none that the model knows: see `words`. */
  | "empty-prompt"
  /** An argument that cannot be used. */
  | "bad-input"
  | "out-of-memory"
  /** The GPU went away, twice; or once, and the CPU failed too. */
  | "device-lost"
  /** By an AbortSignal. */
  | "aborted"
  /** The object was disposed of. */
  | "disposed"
  /** A defect; the engine is started anew for the next call. */
  | "crashed";

export const CODES: readonly Code[];

export class MirrorGanError extends Error {
  readonly code: Code;
  /** The words in question, where the code is "empty-prompt". */
  readonly words: string[];
  /** What was thrown below it, the reason of the signal. */
  readonly cause?: unknown;
  constructor(code: Code, message: string, options?: { words?: string[]; cause?: unknown });
}

export interface Adapter {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** Computed on the CPU: slower than the CPU path. */
  software: boolean;
  /** Whether it computes in f16 (`shader-f16`). */
  half: boolean;
}

export interface Support {
  usable: boolean;
  /** What is missing, in words. */
  missing: string[];
  wasm: boolean;
  worker: boolean;
  webgpu: boolean;
  adapter: Adapter | null;
  /** Whether downloads can be kept. */
  cache: boolean;
  /** Threads that the CPU path can have: more than one where the page is cross-origin isolated, and in Node.js. */
  threads: number;
  /** What `device: "auto"` takes. */
  device: Device | null;
}

/** A wasm module: its address, an answer of `fetch`, a compiled module, its bytes. */
export type WasmSource = string | KnownURL | KnownResponse | KnownModule | ArrayBuffer | ArrayBufferView;

/** A file of a model: its address, or what it holds. */
export type FileSource = string | KnownURL | KnownBlob | ArrayBuffer | ArrayBufferView;

/**
 * A model: the address of its folder, whose query each file is asked for with; or its files by name, as addresses (where a bundler has given
 * them other names) or as what the visitor chose; or Files, which have names.
 */
export type ModelSource = string | KnownURL | { readonly [file: string]: FileSource } | ReadonlyMap<string, FileSource> | Iterable<KnownBlob & { readonly name: string }>;

/** What each file of a model is asked for with, as `fetch` takes it; the package's own files are not. */
export interface FetchOptions {
  headers?: Record<string, string> | Iterable<readonly [string, string]> | Iterable<string[]> | undefined;
  credentials?: "include" | "omit" | "same-origin" | undefined;
  referrerPolicy?:
    | ""
    | "no-referrer"
    | "no-referrer-when-downgrade"
    | "origin"
    | "origin-when-cross-origin"
    | "same-origin"
    | "strict-origin"
    | "strict-origin-when-cross-origin"
    | "unsafe-url"
    | undefined;
}

export interface Progress {
  status: "initiate" | "download" | "progress" | "done" | "warm-up" | "ready";
  file?: string;
  /** Bytes. */
  loaded?: number;
  /** Bytes; 0 where the server does not say. */
  total?: number;
  /** Percent of this file. */
  progress?: number;
  /** Whether it came from the browser's cache. */
  cached?: boolean;
}

export interface LoadOptions extends CallOptions {
  /** Default "auto": WebGPU on a real GPU, else the CPU. */
  device?: Device | "auto";
  /** Default "auto": on WebGPU the generator computes in f16 where the adapter has it and draws the same with it, else in f32. */
  precision?: "auto" | "f32";
  /** Most threads to draw on with the CPU; never more than `support()` tells. Default "auto": all of them. */
  threads?: number | "auto";
  onProgress?: (event: Progress) => void;
  /** Told when a device was lost and another has taken over. */
  onDevice?: (event: { device: Device; reason: MirrorGanError }) => void;
  /** Whether downloads are kept in the Cache API; those that break off go on where they were then. Default true. */
  cache?: boolean;
  /** What the model's files are asked for with. */
  fetch?: FetchOptions;
  /** Whether a picture that nobody sees is drawn while loading, so that the first one is as quick as the next. Default true. */
  warmUp?: boolean;
  /** Other wasm modules than the package's own: one for whatever device is taken, or one for each; `threads` is the CPU's where it has several. */
  wasm?: WasmSource | { cpu?: WasmSource; threads?: WasmSource; webgpu?: WasmSource };
  /** Makes the Worker, where the default `new Worker(new URL("./worker.js", import.meta.url))` does not do. */
  worker?: () => KnownWorker | Thread;
}

export interface StageEvent extends Stage {
  /** Since the call. */
  milliseconds: number;
}

export interface GenerateOptions extends CallOptions {
  /** The same seed, model and device give the same pictures. Default: a random one, told in the result. */
  seed?: number | bigint;
  /** 1 to 64. Default 1. */
  count?: number;
  /** Whether STREAM describes each picture. Default false. */
  caption?: boolean;
  /** How many stages, from 1, a sketch. Default all. The same seed without it goes on from the sketch: it draws the same one first. */
  stages?: number;
  /** Other noise than the seed's. */
  noise?: NoiseSource;
  /** Whether each place of a picture looks at the words that matter there; else it looks at all words alike, for comparison. Default true. */
  attention?: boolean;
  /** Told of each stage as soon as it is drawn; once more where a lost GPU made the call start again. What it throws ends the call. */
  onStage?: (event: StageEvent) => void;
  /** STREAM is downloaded when it is first needed. */
  onProgress?: (event: Progress) => void;
}

/** Noise between that of the call's seed and another one's, of the same spread; or the numbers themselves, picture after picture (`info.noise` says how many). */
export type NoiseSource =
  | { towards: number | bigint; /** From 0, the call's seed, to 1, this one. */ position: number }
  | { z: Float32Array | readonly number[]; epsilon: Float32Array | readonly number[] };

export interface Generation {
  seed: number | bigint;
  device: Device;
  milliseconds: number;
  tokens: Token[];
  pictures: Picture[];
}

export interface Info extends ModelInfo {
  device: Device;
  adapter: Adapter | null;
  /** Threads that draw: 1 on WebGPU. */
  threads: number;
  /** Bytes of WebAssembly memory. */
  memory: number;
}

export interface DescribedFile extends ModelFile {
  /** Whether the browser keeps it already. */
  cached: boolean;
  /** Bytes that it keeps of a download that broke off or was cancelled: the next one goes on from there. */
  begun: number;
}

export interface Description {
  name: string;
  trainedOn: string;
  /** Of all files. */
  bytes: number;
  /** Of those that the browser keeps already. */
  cachedBytes: number;
  files: DescribedFile[];
}

export interface CachedFile {
  url: string;
  /** Of a model's files; null for config.json and wasm modules, which are kept for when there is no network. */
  sha256: string | null;
  bytes: number;
}

/** RGBA pixels, row after row: an ImageData, or the like where there is none. */
export interface Pixels {
  data: Uint8ClampedArray | Uint8Array;
  width: number;
  height: number;
}

/** Pixels; what drawImage takes; a file that the browser decodes, its address, its bytes. Of any window. */
export type PictureSource = Pixels | Drawable | KnownBlob | KnownURL | KnownResponse | ArrayBuffer | Uint8Array;

export interface CallOptions {
  signal?: KnownSignal;
}

export interface DescribeOptions extends CallOptions {
  /** What config.json is asked for with. */
  fetch?: FetchOptions;
}

export interface CaptionOptions extends CallOptions {
  /** STREAM is downloaded when it is first needed. */
  onProgress?: (event: Progress) => void;
}

/** For several sentences instead of the one. */
export interface CaptionsOptions extends CaptionOptions {
  /** 1 to 16; fewer come where no more different ones are found. */
  count: number;
  /** Draws sentences by their probability, instead of searching for the likeliest. Default false. */
  sample?: boolean;
  /** Of the sample. Default: a random one. */
  seed?: number | bigint;
}

export interface MatchOptions extends CallOptions {
  /** STREAM, for its encoder, and DAMSM's image head are downloaded when they are first needed. */
  onProgress?: (event: Progress) => void;
}

export interface BlendOptions extends CallOptions {
  /** 2 to 256. Default 8. */
  steps?: number;
  seed?: number | bigint;
  /** Told of each picture as soon as it is drawn. What it throws ends the call. */
  onFrame?: (frame: BlendFrame) => void;
}

/** Its methods know what they are of: they work behind a proxy, and taken off it. */
export class MirrorGan {
  private constructor();
  /** What this browser offers; downloads nothing. */
  static support(options?: CallOptions): Promise<Support>;
  /** What a model is and how big its files are; downloads its config.json only. */
  static describe(model: ModelSource, options?: DescribeOptions): Promise<Description>;
  /** Downloads a model and makes it ready. */
  static load(model: ModelSource, options?: LoadOptions): Promise<MirrorGan>;
  /** The files that the browser keeps. */
  static cached(options?: CallOptions): Promise<CachedFile[]>;
  /** Forgets them: all, or those of one model. Gives whether there were any. */
  static clearCache(model?: ModelSource, options?: CallOptions): Promise<boolean>;
  /** Draws pictures of a prompt. Calls wait for each other. */
  generate(prompt: string, options?: GenerateOptions): Promise<Generation>;
  /** Describes a picture in several sentences, no two the same, the likeliest first. */
  caption(image: PictureSource, options: CaptionsOptions): Promise<Caption[]>;
  /** Describes a picture. */
  caption(image: PictureSource, options?: CaptionOptions): Promise<Caption>;
  /** How well a picture and a text match, and where each word is found; of models that have DAMSM's image head (`info.matches`). */
  match(image: PictureSource, text: string, options?: MatchOptions): Promise<Match>;
  /** The features that the generator gets for a prompt. */
  encode(prompt: string, options?: CallOptions): Promise<Encoding>;
  /** The words of a prompt and which of them the model knows. */
  tokenize(prompt: string, options?: CallOptions): Promise<Token[]>;
  /** Draws pictures on the way from one prompt to another, with one noise. */
  blend(from: string, to: string, options?: BlendOptions): Promise<BlendFrame[]>;
  get info(): Info;
  /** Ends the Worker and frees everything; calls that wait, and later ones, reject with "disposed". */
  dispose(): Promise<void>;
}
