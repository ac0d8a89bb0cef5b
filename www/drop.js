// A picture of the visitor's own: chosen, dropped or pasted.

/** `onFile(file)` gets every picture. */
export function watchPictures(onFile) {
  const zone = document.getElementById("drop");
  const input = document.getElementById("file");
  const first = (files) => [...(files ?? [])].find((file) => /^(image|video)\//.test(file.type) || files.length === 1);
  const take = (files) => {
    const file = first(files);
    if (file) onFile(file);
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  // A picture dropped anywhere is meant for this page, and must not replace it.
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    const file = first(event.clipboardData?.files);
    if (file) onFile(file);
  });
}

const noPicture = (message) => Object.assign(new Error(message), { code: "bad-input", words: [] });

/** Films are read to their end, where they say what they were drawn from; nothing that is saved here is nearly as long. */
const LONGEST_FILM = 1 << 26;

const isOf = (file, type, ending) => file.type === type || (file.name ?? "").toLowerCase().endsWith(ending);

/** What a picture or a film that was saved here says it was drawn from (png.js `readDrawn`, filmed.js `readFilm`); null for any other file. */
export async function drawnFrom(file) {
  const read = async (blob) => new Uint8Array(await blob.arrayBuffer());
  try {
    if (isOf(file, "image/png", ".png")) return (await import("./png.js")).readDrawn(await read(file.slice(0, 1 << 16)));
    const film = isOf(file, "image/gif", ".gif") || isOf(file, "video/webm", ".webm");
    return film && file.size <= LONGEST_FILM ? (await import("./filmed.js")).readFilm(await read(file)) : null;
  } catch {
    return null;
  }
}

/** The picture of a file as something that can be drawn; decoded once. */
export async function openPicture(file) {
  if (!file.size) throw noPicture("this file is empty");
  if (/^video\//.test(file.type)) {
    throw noPicture("this film does not say what it was drawn from. One that was saved here is drawn again, unless it was converted on its way; of another film, drop a single picture");
  }
  try {
    return await createImageBitmap(file);
  } catch {
    // Drawings in SVG have no pixels of their own: an image element gives them some.
    if (file.type !== "image/svg+xml") throw noPicture("this file is not a picture that the browser can read");
  }
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return await createImageBitmap(image, { resizeWidth: 512, resizeHeight: 512 });
  } catch {
    throw noPicture("this file is not a picture that the browser can read");
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Shows the middle square of a picture, which is what STREAM looks at. */
export function showDropped(bitmap, text) {
  const canvas = document.getElementById("dropped");
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute("aria-label", text ? `Your picture, described as: ${text}` : "Your picture");
  canvas.hidden = false;
  canvas.parentElement.classList.add("filled");
}
