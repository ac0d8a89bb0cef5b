// Compiled, never run: a program without the DOM's types, as for Node.js.
import { MirrorGan, MirrorGanError } from "mirrorgan";
import type { Pixels, WasmSource } from "mirrorgan";

declare const wasm: Uint8Array;
const source: WasmSource = wasm;
const gan = await MirrorGan.load("models/flowers", { threads: 2, wasm: source, fetch: { headers: { authorization: "Bearer key" } } });
await MirrorGan.load({ "config.json": "models/flowers/config.json", "vocab.txt": wasm });
const { pictures } = await gan.generate("a pink flower", { seed: 7n, onStage: ({ image, size }) => image.data[4 * size] });
const image: Pixels | undefined = pictures[0]?.stages[2]?.image;
if (image) {
  const rgba: Uint8Array | Uint8ClampedArray = image.data;
  const { text } = await gan.caption({ data: rgba, width: image.width, height: image.height });
  const again: string = (await gan.caption(image)).text + text;
  // @ts-expect-error: a text is no number
  const wrong: number = again;
}
const frames = await gan.blend("red", "blue");
const width: number | undefined = frames[0]?.image.width;
try {
  await gan.dispose();
} catch (error) {
  if (error instanceof MirrorGanError && error.code === "network") throw new Error(error.message + width);
}
// @ts-expect-error: a path is no picture
await gan.caption("picture.png");
