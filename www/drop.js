// A picture of the visitor's own: chosen, dropped or pasted.

/** `onFile(file)` gets every picture. */
export function watchPictures(onFile) {
  const zone = document.getElementById("drop");
  const input = document.getElementById("file");
  const first = (files) => [...(files ?? [])].find((file) => file.type.startsWith("image/") || files.length === 1);
  const take = (files) => {
    const file = first(files);
    if (file) onFile(file);
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  for (const type of ["dragenter", "dragover"]) {
    zone.addEventListener(type, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("over"));
  // A picture dropped beside the zone must not replace the page.
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files);
  });
  addEventListener("paste", (event) => {
    const file = first(event.clipboardData?.files);
    if (file) onFile(file);
  });
}

/** Shows the middle square of a picture, which is what STREAM looks at. */
export async function showDropped(file) {
  const canvas = document.getElementById("dropped");
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  canvas.hidden = false;
}
