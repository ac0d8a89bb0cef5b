// The first script: starts the page, and says so when it cannot be started. Old browsers read this file too.

const show = (what) => {
  document.getElementById("unsupported-why").textContent = what;
  document.getElementById("unsupported").hidden = false;
  document.getElementById("draw").disabled = true;
};

import("./main.js").catch((error) => {
  const stopped = error instanceof SyntaxError;
  show(stopped ? "It does not understand this page's program." : "A part of this page did not arrive. Reload it; if that does not help, the site lacks a file.");
  console.error(error);
});
