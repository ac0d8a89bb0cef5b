// What the visitor has switched on or off, for the next visit.

/** Whether `key` is on: as the visitor has chosen, else as `otherwise()` says. */
export function isOn(key, otherwise) {
  try {
    const chosen = localStorage.getItem(key);
    if (chosen !== null) return chosen !== "off";
  } catch {
    // A private mode.
  }
  return otherwise();
}

export function remember(key, on) {
  try {
    localStorage.setItem(key, on ? "on" : "off");
  } catch {
    // Then it holds for this visit.
  }
}
