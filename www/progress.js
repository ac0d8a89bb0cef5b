// One bar for all files of a download, with its rate and the time that is left.

import { bytes, seconds } from "./text.js";

/** Milliseconds over which a rate is measured. */
const WINDOW = 3000;

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

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
  /** Bytes of the files that are needed, and those of them that are here. */
  #expected = {};
  #have = {};
  #counts = [];

  /** `expected`: bytes of the files that are to come, by name. Others are asked for only to see whether they are as they were. */
  start(expected = {}) {
    [this.#expected, this.#have, this.#counts] = [expected, {}, []];
    this.#bar.removeAttribute("value");
    this.#label.textContent = "Getting ready…";
    this.#box.hidden = false;
  }

  /** A progress event of the package. */
  tell({ status, file, loaded = 0, cached = false }) {
    if (status === "warm-up") {
      this.#bar.removeAttribute("value");
      this.#label.textContent = "Warming up…";
      return;
    }
    const most = this.#expected[file];
    if (!most || cached || status === "initiate") return;
    // Of a file that comes packed, the browser tells the unpacked bytes.
    this.#have[file] = status === "done" ? most : Math.min(loaded, most);
    // What was here before did not come just now: it is no part of the rate.
    if (status === "download") this.#counts = this.#counts.map(([time, count]) => [time, count + this.#have[file]]);
    const [have, all] = [sum(this.#have), sum(this.#expected)];
    this.#bar.value = (100 * have) / all;
    this.#label.textContent = `Downloading ${bytes(have)} of ${bytes(all)}${this.#pace(have, all)}`;
  }

  stop() {
    this.#box.hidden = true;
  }

  /** Whether the last download was begun and has not come to its end. */
  get cut() {
    const have = sum(this.#have);
    return have > 0 && have < sum(this.#expected);
  }

  /** What was cut short is of no interest any more. */
  forget() {
    this.#have = {};
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
