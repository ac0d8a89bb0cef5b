import { MirrorGan } from "mirrorgan";

export const dynamic = "force-dynamic";

/** A sketch drawn on the server, as numbers. */
export async function GET() {
  const gan = await MirrorGan.load(process.env.MODEL ?? "models/flowers");
  try {
    const { pictures } = await gan.generate("this flower has pink petals", { seed: 7, stages: 1 });
    const [{ image }] = pictures[0].stages;
    return Response.json({ width: image.width, height: image.height, pixels: Array.from(image.data) });
  } finally {
    await gan.dispose();
  }
}
