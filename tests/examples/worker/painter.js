// Import maps do not reach into Workers: the package by its address.
import { MirrorGan } from "./node_modules/mirrorgan/index.js";

addEventListener("message", async ({ data: { model, prompt, seed } }) => {
  try {
    const gan = await MirrorGan.load(model);
    const result = await gan.generate(prompt, { seed, caption: true, onStage: ({ image }) => postMessage({ image }) });
    postMessage({ status: `Done with ${gan.info.threads} threads: ${result.pictures[0].caption.text}` });
    await gan.dispose();
  } catch (error) {
    postMessage({ status: `${error.code}: ${error.message}` });
  }
});
