// Small things that several parts of the page draw with.

export function element(tag, className, parent) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  parent?.append(made);
  return made;
}

/** A canvas with this picture. */
export function canvasOf(image, className) {
  const canvas = element("canvas", className);
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Darkens what was not looked at: clear where the word had the most weight. */
export function paintHeat(canvas, { size, weights }, index) {
  const map = weights.subarray(index * size * size, (index + 1) * size * size);
  let [low, high] = [Infinity, -Infinity];
  for (const weight of map) {
    low = Math.min(low, weight);
    high = Math.max(high, weight);
  }
  const range = high - low || 1;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  map.forEach((weight, pixel) => {
    const warmth = (weight - low) / range;
    image.data.set([Math.round(255 * warmth), Math.round(90 * warmth), 20, Math.round(205 - 120 * warmth)], 4 * pixel);
  });
  context.putImageData(image, 0, 0);
}

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

/** Scrolls to what is out of sight. */
export function reveal(target) {
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
    const columns = getComputedStyle(root).gridTemplateColumns.split(" ").length || 1;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : at + step;
    if (at < 0 || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  });
}
