// Small things that several parts of the page draw with.

export function element(tag, className, parent) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  parent?.append(made);
  return made;
}

/** Makes a canvas as large as this picture, and shows it there. */
export function paintOn(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A canvas with this picture. */
export const canvasOf = (image, className) => paintOn(element("canvas", className), image);

/** A small picture as a data: address, for a history that must not grow big. */
export function thumbnail(canvas, side) {
  const small = element("canvas");
  small.width = small.height = side;
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, side, side);
  return small.toDataURL("image/webp", 0.82);
}

/** Whether the visitor asked for less motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Scrolls to what is out of sight, or under the picture that stays at the top of a small window. */
export function reveal(target) {
  const { top, bottom } = target.getBoundingClientRect();
  const margin = parseFloat(getComputedStyle(target).scrollMarginTop) || 0;
  if (top >= margin && bottom <= innerHeight) return;
  target.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
}

/** Arrow keys move between the buttons of a group, which is one stop of the Tab key. */
export function arrowKeys(root, selector = "button") {
  const buttons = () => [...root.querySelectorAll(selector)];
  const select = (chosen) => buttons().forEach((button) => (button.tabIndex = button === chosen ? 0 : -1));
  select(buttons()[0]);
  if (root.dataset.arrows) return;
  root.dataset.arrows = "yes";
  root.addEventListener("focusin", (event) => {
    const button = event.target.closest(selector);
    if (button) select(button);
  });
  root.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target.closest(selector));
    const columns = Number(root.dataset.columns) || getComputedStyle(root).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : at + step;
    if (at < 0 || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  });
}
