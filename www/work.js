// One piece of work at a time: the newest wins, Escape and Cancel end it, its errors are shown.

import { REPLACED } from "./engine.js";

export class Work {
  #controller = null;
  #current = Promise.resolve();
  #hooks;

  /** `hooks`: onBusy(boolean), onStart(), onError(error, place), onCancel(), onEnd(). */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  get busy() {
    return this.#controller !== null;
  }

  cancel() {
    this.#controller?.abort("cancelled");
  }

  /** Runs `action(signal)` once what runs now has stopped; gives whether it came to its end. `place` is where its errors are told. */
  async run(action, place = "form") {
    this.#controller?.abort(REPLACED);
    const controller = new AbortController();
    this.#controller = controller;
    this.#hooks.onBusy(true);
    const before = this.#current;
    this.#current = before.then(() => this.#perform(action, controller, place));
    return this.#current;
  }

  async #perform(action, controller, place) {
    const { signal } = controller;
    let done = false;
    try {
      signal.throwIfAborted();
      this.#hooks.onStart();
      await action(signal);
      done = !signal.aborted;
    } catch (error) {
      if (signal.aborted || error?.code === "aborted") {
        if (signal.reason !== REPLACED) this.#hooks.onCancel();
      } else {
        this.#hooks.onError(error, place);
      }
    } finally {
      if (this.#controller === controller) {
        this.#controller = null;
        this.#hooks.onEnd();
        this.#hooks.onBusy(false);
      }
    }
    return done;
  }
}
