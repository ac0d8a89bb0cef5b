// The one error class of the package, and how an error crosses from the Worker to the page.

/** Every code that a MirrorGanError can have. */
export const CODES = Object.freeze([
  "unsupported",
  "network",
  "integrity",
  "bad-model",
  "empty-prompt",
  "bad-input",
  "out-of-memory",
  "device-lost",
  "aborted",
  "disposed",
  "crashed",
]);

export class MirrorGanError extends Error {
  constructor(code, message, { words = [], cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    // What fetch and every other abortable call of the platform rejects with.
    this.name = code === "aborted" ? "AbortError" : "MirrorGanError";
    this.code = code;
    this.words = words;
  }
}

export const aborted = () => new MirrorGanError("aborted", "cancelled");

/** Any error as a MirrorGanError. */
export function toMirrorGanError(error) {
  if (error instanceof MirrorGanError) return error;
  const message = String(error?.message ?? error);
  if (CODES.includes(error?.code)) return new MirrorGanError(error.code, message, { words: error.words, cause: error });
  if (error?.name === "AbortError") return aborted();
  if (error instanceof RangeError && /alloc|memory/i.test(message)) {
    return new MirrorGanError("out-of-memory", `not enough memory: ${message}`, { cause: error });
  }
  return new MirrorGanError("crashed", message, { cause: error });
}

/** What kind of fault ended a module, by its message and whether it panicked. */
export function faultCode(message, panicked) {
  // Rust reaches the unreachable without a panic only where an allocation failed.
  if (/memory allocation of|out of memory/i.test(message) || (!panicked && /unreachable/i.test(message))) return "out-of-memory";
  return /wgpu|webgpu|device.{0,20}lost/i.test(message) ? "device-lost" : "crashed";
}

/** A MirrorGanError as an object that postMessage can carry. */
export function toPlain(error) {
  const { code, message, words } = toMirrorGanError(error);
  return { code, message, words };
}

export const fromPlain = ({ code, message, words }) => new MirrorGanError(code, message, { words });
