// node draw.mjs MODEL-FOLDER OUT.ppm "a prompt": draws a picture in Node.js, on the CPU.

import { writeFile } from "node:fs/promises";
import { MirrorGan } from "mirrorgan";

const [model, out, prompt = "this flower has pink petals"] = process.argv.slice(2);
const gan = await MirrorGan.load(model);
const { pictures, milliseconds } = await gan.generate(prompt, { seed: 7, caption: true });
const { data, width, height } = pictures[0].stages.at(-1).image;
const rgb = data.filter((_, index) => index % 4 !== 3);
await writeFile(out, Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), Buffer.from(rgb)]));
console.log(`${Math.round(milliseconds)} ms: ${pictures[0].caption.text}`);
await gan.dispose();
