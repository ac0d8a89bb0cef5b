// Compiled, never run: every call with every option, as a page would use them.
import { CODES, MirrorGan, MirrorGanError } from "mirrorgan";
import type {
  Adapter,
  Attention,
  BlendFrame,
  CachedFile,
  Caption,
  Code,
  Description,
  Device,
  Encoding,
  Generation,
  Info,
  Match,
  NoiseSource,
  PictureSource,
  Progress,
  Stage,
  StageEvent,
  Support,
  Token,
  WasmSource,
} from "mirrorgan";

const { signal } = new AbortController();

// Before any download.
const offered: Support = await MirrorGan.support({ signal });
const device: Device | null = offered.device;
const adapter: Adapter | null = offered.adapter;
const missing: string = offered.missing.join();
const description: Description = await MirrorGan.describe("models/flowers", { signal });
const left: number = description.bytes - description.cachedBytes;
const perFile = description.files.map(({ file, bytes, sha256, cached, when }) => [file, bytes, sha256, cached, when === "caption"] as const);

// Loading, with every option.
const onProgress = ({ status, file = "", loaded = 0, total = 0, progress = 0, cached = false }: Progress): void =>
  console.log(status, file, loaded / total, progress, cached);
const sources: WasmSource[] = ["m.wasm", new URL("https://example.org/m.wasm"), new Response(), new Uint8Array(8), new ArrayBuffer(8)];
declare const module: WebAssembly.Module;
const gan: MirrorGan = await MirrorGan.load(new URL("https://example.org/models/flowers/"), {
  device: device ?? "auto",
  signal,
  onProgress,
  onDevice: ({ device, reason }) => console.log(device satisfies Device, reason.code satisfies Code),
  cache: true,
  warmUp: false,
  precision: "f32",
  threads: 2,
  wasm: { cpu: sources[0], threads: sources[1], webgpu: module },
  worker: () => new Worker("worker.js", { type: "module" }),
});
await MirrorGan.load("models/flowers", { wasm: module, threads: "auto" });

// Every call, with every option.
const result: Generation = await gan.generate("a pink flower", {
  seed: 2n ** 60n,
  count: 2,
  caption: true,
  attention: false,
  signal,
  onProgress,
  onStage: (stage: StageEvent) => console.log(stage.picture, stage.stage, stage.size, stage.milliseconds),
});
const last: Stage | undefined = result.pictures[0]?.stages.at(-1);
const attention: Attention | undefined = last?.attention;
const weights: Float32Array | undefined = attention?.weights;
const own: Caption | undefined = result.pictures[0]?.caption;
declare const pictures: PictureSource[];
const caption: Caption = await gan.caption(pictures[0]!, { signal, onProgress });
await gan.caption(new ImageData(1, 1));
await gan.caption({ data: new Uint8Array(4), width: 1, height: 1 });
const several: Caption[] = await gan.caption(pictures[0]!, { count: 3, sample: true, seed: 1n, signal });
const noises: NoiseSource[] = [{ towards: 3, position: 0.5 }, { z: new Float32Array(gan.info.noise.z), epsilon: [0] }];
for (const noise of noises) await gan.generate("pink", { stages: 1, noise });
const match: Match = await gan.match(pictures[0]!, "pink petals", { signal, onProgress });
const found: number = match.similarity + (match.words[0] ?? 0) + match.places.size;
const encoding: Encoding = await gan.encode("pink", { signal });
const tokens: Token[] = await gan.tokenize("pink", { signal });
const frames: BlendFrame[] = await gan.blend("red", "blue", { steps: 4, seed: 1, signal, onFrame: ({ image, position }) => console.log(image.width, position) });
const info: Info = gan.info;
const kept: CachedFile[] = await MirrorGan.cached({ signal });
const cleared: boolean = (await MirrorGan.clearCache("models/flowers")) || (await MirrorGan.clearCache());

try {
  await gan.dispose();
} catch (error) {
  if (error instanceof MirrorGanError) {
    const code: Code = error.code;
    console.log(code, error.words, CODES.length);
  }
}

// @ts-expect-error: a seed is a number
await gan.generate("x", { seed: "7" });
// @ts-expect-error: only load() makes one
new MirrorGan();
// @ts-expect-error: there is no such device
await MirrorGan.load("x", { device: "abacus" });
// @ts-expect-error: a path is no picture
await gan.caption("picture.png");
// @ts-expect-error: info is read
gan.info = info;

console.log(weights, caption.logProbability, several, found, own, frames, encoding.words, tokens, kept, cleared, missing, adapter, left, perFile);
