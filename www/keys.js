// Single-key shortcuts, which can be turned off; Escape always cancels.

import { isOn, remember } from "./remembered.js";

const KEY = "mirrorgan.shortcuts";

const typing = (target) => target instanceof Element && target.closest("textarea, select, input:not([type=checkbox], [type=radio], [type=range])");

/** `actions`: a function for each key, such as { d: roll }; `onEscape` gives whether there was something to cancel. */
export function watchKeys(actions, onEscape) {
  const dialog = document.getElementById("shortcuts");
  const toggle = document.getElementById("shortcuts-on");
  let on = isOn(KEY, () => true);
  toggle.checked = on;
  toggle.addEventListener("change", () => {
    on = toggle.checked;
    remember(KEY, on);
  });
  document.getElementById("help").addEventListener("click", () => dialog.showModal());
  document.getElementById("shortcuts-close").addEventListener("click", () => dialog.close());
  // A click beside the dialog closes it.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  addEventListener("keydown", (event) => {
    if (event.isComposing || dialog.open) return;
    if (event.key === "Escape") {
      if (onEscape()) event.preventDefault();
      return;
    }
    if (!on || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const action = event.key === "?" ? () => dialog.showModal() : actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
