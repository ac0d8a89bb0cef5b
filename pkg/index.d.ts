import type { Attention, BlendFrame, Caption, Encoding, ModelInfo, Picture, Stage, Token } from "./types.js";

export type { Attention, BlendFrame, Caption, Encoding, ModelInfo, Picture, Stage, Token };

export type Device = "cpu" | "webgpu";

export type Code =
  /** The browser lacks what is needed, or there is no such device. */
  | "unsupported"
  /** A file could not be downloaded. */
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
  constructor(code: Code, message: string, options?: { words?: string[]; cause?: unknown });
}

export interface Adapter {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** Computed on the CPU: slower than the CPU path. */
  software: boolean;
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
  /** What `device: "auto"` takes. */
  device: Device | null;
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

export interface LoadOptions {
  /** Default "auto": WebGPU on a real GPU, else the CPU. */
  device?: Device | "auto";
  signal?: AbortSignal;
  onProgress?: (event: Progress) => void;
  /** Told when a device was lost and another has taken over. */
  onDevice?: (event: { device: Device; reason: MirrorGanError }) => void;
  /** Whether downloads are kept in the Cache API. Default true. */
  cache?: boolean;
  /** Whether WebGPU compiles its kernels while loading. Default true. */
  warmUp?: boolean;
  /** Other addresses for the wasm modules. */
  wasm?: { cpu?: string | URL; webgpu?: string | URL };
  /** Makes the Worker, where the default `new Worker(new URL("./worker.js", import.meta.url))` does not do. */
  worker?: () => Worker;
}

export interface StageEvent extends Stage {
  /** Since the call. */
  milliseconds: number;
}

export interface GenerateOptions {
  /** The same seed, model and device give the same pictures. Default: a random one, told in the result. */
  seed?: number | bigint;
  /** 1 to 64. Default 1. */
  count?: number;
  /** Whether STREAM describes each picture. Default false. */
  caption?: boolean;
  signal?: AbortSignal;
  /** Told of each stage as soon as it is drawn. */
  onStage?: (event: StageEvent) => void;
  /** STREAM is downloaded when it is first needed. */
  onProgress?: (event: Progress) => void;
}

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
  /** Bytes of WebAssembly memory. */
  memory: number;
}

export interface Preview {
  name: string;
  files: { file: string; bytes: number; cached: boolean; when: "load" | "caption" }[];
  /** What `load` would download, without the wasm module. */
  bytes: number;
}

export type PictureSource = ImageData | Blob | CanvasImageSource;

export class MirrorGan {
  private constructor();
  /** What this browser offers; downloads nothing. */
  static support(): Promise<Support>;
  /** What `load` would download. */
  static preview(model: string | URL, options?: { signal?: AbortSignal }): Promise<Preview>;
  /** Downloads a model folder and makes it ready. */
  static load(model: string | URL, options?: LoadOptions): Promise<MirrorGan>;
  /** The files that the browser keeps. */
  static cached(): Promise<{ url: string; bytes: number }[]>;
  static clearCache(): Promise<boolean>;
  /** Draws pictures of a prompt. */
  generate(prompt: string, options?: GenerateOptions): Promise<Generation>;
  /** Describes a picture. */
  caption(image: PictureSource, options?: { signal?: AbortSignal; onProgress?: (event: Progress) => void }): Promise<Caption>;
  /** The features that the generator gets for a prompt. */
  encode(prompt: string, options?: { signal?: AbortSignal }): Promise<Encoding>;
  /** The words of a prompt and which of them the model knows. */
  tokenize(prompt: string, options?: { signal?: AbortSignal }): Promise<Token[]>;
  /** Draws pictures on the way from one prompt to another, with one noise. */
  blend(
    from: string,
    to: string,
    options?: { steps?: number; seed?: number | bigint; signal?: AbortSignal; onFrame?: (frame: BlendFrame) => void },
  ): Promise<BlendFrame[]>;
  get info(): Info;
  /** Ends the Worker and frees everything; later calls reject with "disposed". */
  dispose(): Promise<void>;
}
