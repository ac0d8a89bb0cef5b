// One bar for all files of a download.

import { bytes } from "./text.js";

export class DownloadBar {
  #box = document.getElementById("download");
  #label = document.getElementById("download-label");
  #bar = document.getElementById("download-bar");
  #files = new Map();
  #expected = 0;

  /** `expected`: bytes of the files that are known to be needed. */
  start(expected = 0) {
    this.#files.clear();
    this.#expected = expected;
    this.#bar.removeAttribute("value");
    this.#label.textContent = "Getting ready…";
    this.#box.hidden = false;
  }

  /** A progress event of the package. */
  tell({ status, file, loaded = 0, total = 0, cached = false }) {
    if (status === "warm-up") {
      this.#bar.removeAttribute("value");
      this.#label.textContent = "Warming up…";
      return;
    }
    if (!file || cached || status === "initiate") return;
    this.#files.set(file, { loaded, total });
    const counts = [...this.#files.values()];
    const have = counts.reduce((sum, count) => sum + count.loaded, 0);
    const all = Math.max(this.#expected, counts.reduce((sum, count) => sum + Math.max(count.total, count.loaded), 0));
    this.#bar.value = all ? (100 * have) / all : 0;
    this.#label.textContent = `Downloading ${bytes(have)} of ${bytes(all)}`;
  }

  stop() {
    this.#box.hidden = true;
  }
}
