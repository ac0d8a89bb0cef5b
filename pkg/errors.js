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

const hide = (object, name, value) => Object.defineProperty(object, name, { value, writable: true, configurable: true });

/**
 * An Error by its prototype only: of the language's own errors structuredClone and postMessage keep but the message, and JSON nothing.
 * Of this one they keep name, code, message and words.
 */
export class MirrorGanError {
  constructor(code, message, { words = [], cause } = {}) {
    // What fetch and every other abortable call of the platform rejects with.
    this.name = code === "aborted" ? "AbortError" : "MirrorGanError";
    this.code = code;
    this.message = String(message);
    this.words = words;
    if (Error.captureStackTrace) Error.captureStackTrace(this, MirrorGanError);
    else hide(this, "stack", new Error(message).stack);
    // Hidden, as an Error's: what a callback threw may be what nothing can clone.
    if (cause !== undefined) hide(this, "cause", cause);
  }
}
Object.setPrototypeOf(MirrorGanError, Error);
Object.setPrototypeOf(MirrorGanError.prototype, Error.prototype);
hide(MirrorGanError.prototype, Symbol.toStringTag, "Error");

/** What an error, or whatever was thrown, says. */
export function messageOf(thrown) {
  try {
    return String(thrown?.message ?? thrown);
  } catch {
    return "something that cannot be shown";
  }
}

/** An error with the code "bad-input". */
export const bad = (message, cause) => new MirrorGanError("bad-input", message, { cause });

/** What a cancelled call rejects with; the signal's reason is its cause. */
export const aborted = (signal) => new MirrorGanError("aborted", "cancelled", { cause: signal?.reason });

/** Any error as a MirrorGanError. */
export function toMirrorGanError(error) {
  if (error instanceof MirrorGanError) return error;
  const message = messageOf(error);
  if (CODES.includes(error?.code)) return new MirrorGanError(error.code, message, { words: error.words, cause: error });
  if (error?.name === "AbortError") return new MirrorGanError("aborted", "cancelled", { cause: error });
  if (error instanceof RangeError && /alloc|memory/i.test(message)) {
    return new MirrorGanError("out-of-memory", `not enough memory: ${message}`, { cause: error });
  }
  return new MirrorGanError("crashed", message, { cause: error });
}

/** What `work` gives, or a rejection with a MirrorGanError, whatever was thrown. */
export async function typed(work) {
  try {
    return await work();
  } catch (error) {
    throw toMirrorGanError(error);
  }
}

/** What kind of fault ended a module, by its message and whether it panicked. */
export function faultCode(message, panicked) {
  // Rust reaches the unreachable without a panic only where an allocation failed.
  if (/memory allocation of|out of memory/i.test(message) || (!panicked && /unreachable/i.test(message))) return "out-of-memory";
  return /wgpu|webgpu|device.{0,20}lost/i.test(message) ? "device-lost" : "crashed";
}

/** A MirrorGanError as an object that postMessage can carry. */
export function toPlain(error) {
  const { code, message, words, cause } = toMirrorGanError(error);
  return { code, message, words, cause: cause === undefined ? undefined : { name: cause?.name, message: messageOf(cause) } };
}

export function fromPlain({ code, message, words, cause }) {
  return new MirrorGanError(code, message, { words, cause: cause && Object.assign(new Error(cause.message), { name: cause.name ?? "Error" }) });
}
