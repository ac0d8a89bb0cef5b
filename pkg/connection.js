// A Worker, the calls that wait for it, and what became of it.

import { scriptError } from "./anywhere.js";
import { MirrorGanError, aborted, bad, faultCode, fromPlain, messageOf } from "./errors.js";

export class Connection {
  #worker;
  #calls = new Map();
  #next = 0;
  #heard = false;
  /** Why there will be no more answers; null while the Worker lives. */
  closed = null;

  constructor(worker, device, onReply) {
    this.#worker = worker;
    this.device = device;
    worker.addEventListener("message", ({ data }) => {
      this.#heard = true;
      if (data.crash) return this.close(fromPlain(data.crash));
      if (data.faults) return this.#watch(data.faults);
      const call = this.#calls.get(data.id);
      if (!call) return;
      if (data.event) return call.onEvent(data.event);
      if (!data.error) onReply(data);
      this.#settle(data.id, data.error ? "reject" : "resolve", data.error ? fromPlain(data.error) : data.result);
    });
    worker.addEventListener("messageerror", () => this.close(new MirrorGanError("crashed", "an answer of the Worker could not be read")));
    worker.addEventListener("error", (event) => {
      event.preventDefault?.();
      if (event.message || this.#heard) this.close(new MirrorGanError("crashed", `the Worker could not run: ${event.message ?? "unknown error"}`));
      else scriptError(worker).then((error) => this.close(error));
    });
  }

  /** Asks the Worker; `listeners` maps kinds of events to functions. */
  call(method, args, { signal, listeners = {} } = {}) {
    if (this.closed) return Promise.reject(this.closed);
    if (signal?.aborted) return Promise.reject(aborted(signal));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const stop = (error) => {
        if (!this.#calls.has(id)) return;
        this.#worker.postMessage({ id, method: "abort" });
        this.#settle(id, "reject", error);
      };
      const abort = () => stop(aborted(signal));
      const onEvent = ({ kind, ...event }) => {
        const fail = (cause) => stop(bad(`the callback for ${kind} events threw: ${messageOf(cause)}`, cause));
        try {
          listeners[kind]?.(event)?.then?.(undefined, fail);
        } catch (error) {
          fail(error);
        }
      };
      const forget = () => signal?.removeEventListener("abort", abort);
      this.#calls.set(id, { resolve, reject, onEvent, forget });
      signal?.addEventListener("abort", abort, { once: true });
      // In Node.js a Worker keeps the process alive while it has something to do, not longer.
      this.#worker.ref?.();
      try {
        this.#worker.postMessage({ id, method, args });
      } catch (error) {
        this.#settle(id, "reject", bad(`the arguments cannot be handed to a Worker: ${messageOf(error)}`, error));
      }
    });
  }

  /** A thread of the Worker tells by its own port that it came to an end. */
  #watch(port) {
    port.addEventListener("message", ({ data: { message, panicked } }) => this.close(new MirrorGanError(faultCode(message, panicked), message)));
    port.start();
    port.unref?.();
  }

  #settle(id, how, value) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (this.#calls.size === 0) this.#worker.unref?.();
    call?.forget();
    call?.[how](value);
  }

  close(error) {
    if (this.closed) return;
    this.closed = error;
    this.#worker.terminate();
    for (const id of [...this.#calls.keys()]) this.#settle(id, "reject", error);
  }
}
