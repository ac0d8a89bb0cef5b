// What the page tells: how the work goes, what went wrong where it was started, what was wrong with a link.

import { reveal } from "./paint.js";
import { explain } from "./text.js";

const $ = (id) => document.getElementById(id);

/** What starts the work of each place anew. */
const AGAIN = {
  form: "Press Draw",
  words: "Choose the word",
  variations: "Press Six variations",
  blend: "Press Blend",
  mirror: "Choose the picture",
  grid: "Press Fill the grid",
  how: "Open this part",
  attention: "Switch attention off",
  walk: "Press Walk",
  loop: "Press the button",
};

let linkProblems = "";

/** Says how the work goes. */
export function tell(text) {
  $("status").textContent = text;
  // What a drawing would cost is written there while nothing else is.
  $("note").hidden = text !== "";
  // What was wrong with the link stays told, beside what it was about.
  if (text !== linkProblems) $("link-note").textContent = linkProblems;
}

/** Says what in a link cannot be used; it stays until the visitor chooses another seed or prompt. */
export function tellLink(problems) {
  linkProblems = problems.join(" ");
  $("link-note").textContent = "";
  if (linkProblems) tell(linkProblems);
}

export function forgetLink() {
  linkProblems = "";
  $("link-note").textContent = "";
}

/** Shows an error in the part of the page that it belongs to. */
export function tellError(error, place = "form") {
  tell("");
  const { title, text } = explain(error, AGAIN[place]);
  const box = $("error");
  const target = document.querySelector(`[data-errors="${place}"]`);
  if (box.parentElement !== target) target.append(box);
  $("error-title").textContent = title;
  $("error-text").textContent = ` ${text}`;
  box.hidden = false;
  reveal(box);
  if (!error?.code) console.error(error);
}

export function clearError() {
  $("error").hidden = true;
}

const flashing = new Map();

/** Says on a button itself that it has done its work, for a moment. */
export function flash(button, text) {
  const { timer, label } = flashing.get(button) ?? { label: button.textContent };
  clearTimeout(timer);
  button.style.setProperty("min-width", `${button.offsetWidth}px`);
  button.textContent = text;
  button.classList.add("flashed");
  const back = () => {
    flashing.delete(button);
    button.textContent = label;
    button.classList.remove("flashed");
    button.style.removeProperty("min-width");
  };
  flashing.set(button, { timer: setTimeout(back, 2200), label });
}
