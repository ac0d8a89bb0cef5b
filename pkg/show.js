// Values as messages show them.

/** A value as a message shows it. */
export function show(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (value === null || ["undefined", "number", "boolean"].includes(typeof value)) return String(value);
  return `a ${typeof value}`;
}
