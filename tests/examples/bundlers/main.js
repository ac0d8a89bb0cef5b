import { MirrorGan } from "mirrorgan";

const model = new URLSearchParams(location.search).get("model") ?? "models/flowers/";
const status = document.querySelector("#status");
const context = document.querySelector("#picture").getContext("2d");

try {
  const gan = await MirrorGan.load(model, {
    onProgress: ({ file, progress }) => file && (status.textContent = `${file} ${Math.round(progress ?? 0)} %`),
  });
  const { pictures } = await gan.generate("this flower has pink petals", {
    seed: 7,
    caption: true,
    onStage: ({ image }) => context.putImageData(image, 0, 0),
  });
  status.textContent = `Done with ${gan.info.threads} threads: ${pictures[0].caption.text}`;
} catch (error) {
  status.textContent = `${error.code}: ${error.message}`;
}
