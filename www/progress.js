// One bar for all files of a download, with its rate and the time that is left.

import { bytes, seconds } from "./text.js";

/** Milliseconds over which a rate is measured. */
const WINDOW = 3000;

/** Bytes a millisecond over the last few counts, `[time, bytes]`; null before there is anything to go by. */
export function rateOf(counts, now) {
  const recent = counts.filter(([time]) => now - time <= WINDOW);
  if (recent.length < 2) return null;
  const [[began, before], [ended, after]] = [recent[0], recent.at(-1)];
  return ended - began >= 400 && after > before ? (after - before) / (ended - began) : null;
}

export class DownloadBar {
  #box = document.getElementById("download");
  #label = document.getElementById("download-label");
  #bar = document.getElementById("download-bar");
  #files = new Map();
  #sizes = {};
  #expected = 0;
  #counts = [];

  /** `expected`: bytes of the files that are known to be needed; `sizes`: those of files whose server may not tell, by name. */
  start(expected = 0, sizes = {}) {
    this.#files.clear();
    [this.#expected, this.#sizes, this.#counts] = [expected, sizes, []];
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
    // Of a file that comes packed, the browser tells the unpacked bytes.
    const most = this.#sizes[file];
    this.#files.set(file, most ? { loaded: status === "done" ? most : Math.min(loaded, most), total: most } : { loaded, total });
    const counts = [...this.#files.values()];
    const have = counts.reduce((sum, count) => sum + count.loaded, 0);
    const all = Math.max(this.#expected, counts.reduce((sum, count) => sum + Math.max(count.total, count.loaded), 0));
    this.#bar.value = all ? (100 * have) / all : 0;
    this.#label.textContent = `Downloading ${bytes(have)} of ${bytes(all)}${this.#pace(have, all)}`;
  }

  stop() {
    this.#box.hidden = true;
  }

  #pace(have, all) {
    const now = performance.now();
    this.#counts = [...this.#counts.filter(([time]) => now - time <= WINDOW), [now, have]];
    const rate = rateOf(this.#counts, now);
    if (!rate) return "";
    const left = (all - have) / rate;
    return `, ${bytes(1000 * rate)}/s${left > 1500 ? `, ${seconds(1000 * Math.round(left / 1000)).replace(".0", "")} left` : ""}`;
  }
}
