// Compiled, never run: the package's types fit the way that it is used.
import { CODES, MirrorGan, MirrorGanError } from "mirrorgan";
import type { Caption, Code, Generation, Stage } from "mirrorgan";

const offered = await MirrorGan.support();
const device: "cpu" | "webgpu" | null = offered.device;
const controller = new AbortController();

const gan: MirrorGan = await MirrorGan.load(new URL("https://example.org/models/flowers/"), {
  device: device ?? "auto",
  signal: controller.signal,
  onProgress: ({ status, loaded = 0, total = 0 }) => console.log(status, loaded / total),
  onDevice: ({ device, reason }) => console.log(device, reason.code),
});

const result: Generation = await gan.generate("a pink flower", {
  seed: 2n ** 60n,
  count: 2,
  caption: true,
  onStage: (stage) => console.log(stage.size, stage.milliseconds),
});
const last: Stage | undefined = result.pictures[0]?.stages.at(-1);
const weights: Float32Array | undefined = last?.attention?.weights;
const caption: Caption = await gan.caption(last!.image, { signal: controller.signal });
const frames: number[] = (await gan.blend("red", "blue", { steps: 4 })).map((frame) => frame.image.width);
const bytes: number = gan.info.memory;

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

console.log(weights, caption.logProbability, frames, bytes);
