// Taking a picture away: as a file, as a link.

import { linkTo } from "./link.js";

/** Saves a canvas as PNG under the name of its prompt and seed. */
export function savePicture(canvas, drawn) {
  canvas?.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), {
      href: URL.createObjectURL(blob),
      download: `${(drawn?.prompt ?? "picture").replace(/[^a-z0-9]+/gi, "-").slice(0, 60)}-${drawn?.seed ?? 0}.png`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

/** Copies the link that draws this picture again; gives what to tell. */
export async function copyLink({ prompt, seed, model }) {
  try {
    await navigator.clipboard.writeText(linkTo(prompt, seed, model));
    return "Link copied.";
  } catch {
    return "The link is in the address bar.";
  }
}
