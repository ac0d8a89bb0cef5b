// The demo: one form, one engine, one call at a time.

import { MirrorGan } from "./pkg/index.js";
import { showDropped, watchPictures } from "./drop.js";
import { linkTo, readLink, readQuery } from "./link.js";
import { DownloadBar } from "./progress.js";
import { Stages } from "./stages.js";
import { bytes, explain, list, seconds } from "./text.js";
import { showCaption, showWords } from "./words.js";

const EXAMPLES = [
  "this flower has pink petals and a yellow center",
  "a white flower with long thin petals",
  "bright red petals with dark spots",
  "purple petals and a yellow stamen",
  "a round orange flower with many petals",
];

const $ = (id) => document.getElementById(id);
const query = readQuery();
const bar = new DownloadBar();
const stages = new Stages();

let gan = null;
let ganDevice = null;
let running = null;
let last = null;

function tellStatus(text) {
  $("status").textContent = text;
}

function tellError(error) {
  const { title, text } = explain(error);
  $("error-title").textContent = title;
  $("error-text").textContent = ` ${text}`;
  $("error").hidden = false;
}

function setBusy(controller) {
  running = controller;
  const busy = controller !== null;
  $("draw").disabled = busy;
  $("dice").disabled = busy;
  $("cancel").hidden = !busy;
  document.body.setAttribute("aria-busy", String(busy));
}

/** Runs one piece of work; only one at a time, with errors shown and a way to cancel. */
async function work(action) {
  if (running) return;
  const controller = new AbortController();
  setBusy(controller);
  $("error").hidden = true;
  try {
    await action(controller.signal);
  } catch (error) {
    if (error.code === "aborted") tellStatus("Cancelled.");
    else {
      tellStatus("");
      tellError(error);
      if (!error.code) console.error(error);
    }
  } finally {
    bar.stop();
    stages.settle();
    setBusy(null);
  }
}

/** The engine, downloaded when it is first needed or another device was chosen. */
async function engine(signal) {
  const device = $("device").value;
  if (gan && ganDevice === device) return gan;
  await gan?.dispose();
  gan = null;
  tellStatus("Loading the model…");
  const { bytes: expected } = await MirrorGan.preview(query.model, { signal });
  bar.start(expected);
  gan = await MirrorGan.load(query.model, {
    device,
    signal,
    onProgress: (event) => bar.tell(event),
    onDevice: (event) => tellStatus(`The graphics device stopped; computing on ${event.device === "cpu" ? "the CPU" : "a new one"} now.`),
  });
  ganDevice = device;
  bar.stop();
  const { name, trainedOn, parameters } = gan.info;
  $("model-note").textContent = `Model ${name}: ${(parameters / 1e6).toFixed(1)} million numbers, trained on ${trainedOn}.`;
  $("note").textContent = "";
  return gan;
}

function streamProgress(event) {
  if (event.status === "download") bar.start(event.total);
  bar.tell(event);
  if (event.status === "done") bar.stop();
}

function draw() {
  return work(async (signal) => {
    const prompt = $("prompt").value.trim();
    const seed = Math.max(0, Math.trunc(Number($("seed").value)) || 0);
    $("seed").value = seed;
    // An empty prompt should cost no download.
    if (!/[\p{L}\p{N}]/u.test(prompt)) throw Object.assign(new Error("empty"), { code: "empty-prompt", words: [] });
    const engineNow = await engine(signal);
    const tokens = await engineNow.tokenize(prompt, { signal });
    const { sizes, maxWords, captions } = engineNow.info;
    if (tokens.some((token) => token.known)) {
      stages.clear(sizes);
      $("result").hidden = false;
      $("caption-block").hidden = true;
      $("timings").textContent = "";
      showWords($("words"), tokens, maxWords, (index) => stages.highlight(index));
    }
    tellStatus("Drawing…");
    const onStage = (stage) => {
      stages.draw(stage, prompt);
      tellStatus(`${stage.size} by ${stage.size} pixels drawn.`);
    };
    const caption = $("describe").checked && captions;
    const result = await engineNow.generate(prompt, { seed, caption, signal, onStage, onProgress: streamProgress });
    last = { prompt, seed };
    history.replaceState(null, "", linkTo(prompt, seed));
    finish(result);
  });
}

function finish(result) {
  const [picture] = result.pictures;
  if (picture.caption) {
    $("agreement").textContent = showCaption($("caption"), picture.caption, result.tokens);
    $("caption-block").hidden = false;
  }
  const { adapter, memory } = gan.info;
  const where = result.device === "webgpu" ? `WebGPU (${adapter?.description || adapter?.vendor || "unnamed"})` : "the CPU";
  $("timings").textContent = `${seconds(result.milliseconds)} on ${where}, ${bytes(memory)} of memory, seed ${result.seed}`;
  const unknown = [...new Set(result.tokens.filter((token) => !token.known).map((token) => token.word))];
  const leftOut = unknown.length ? ` The model does not know ${list(unknown)}; left out.` : "";
  tellStatus(`Done in ${seconds(result.milliseconds)}.${leftOut}`);
}

function describe(file) {
  return work(async (signal) => {
    $("drop-text").textContent = "Looking…";
    try {
      const engineNow = await engine(signal);
      const caption = await engineNow.caption(file, { signal, onProgress: streamProgress });
      await showDropped(file);
      $("drop-text").textContent = caption.text || "(no words)";
      tellStatus("Described.");
    } catch (error) {
      $("drop-text").textContent = "Drop a picture here, paste one, or choose a file";
      throw error;
    }
  });
}

function save() {
  stages.last?.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), {
      href: URL.createObjectURL(blob),
      download: `${(last?.prompt ?? "picture").replace(/[^a-z0-9]+/gi, "-").slice(0, 60)}-${last?.seed ?? 0}.png`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

async function copyLink() {
  if (!last) return;
  try {
    await navigator.clipboard.writeText(linkTo(last.prompt, last.seed));
    tellStatus("Link copied.");
  } catch {
    tellStatus("The link is in the address bar.");
  }
}

function rollDice() {
  $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
}

function fillForm({ prompt, seed }) {
  $("prompt").value = prompt || $("prompt").value || EXAMPLES[0];
  if (seed !== null) $("seed").value = seed;
}

async function greet() {
  const offered = await MirrorGan.support();
  if (!offered.usable) {
    tellError({ code: "unsupported", message: `It lacks ${offered.missing.join(" and ")}. A current browser has them.` });
    $("draw").disabled = true;
    return;
  }
  if (!offered.webgpu) $("device").querySelector('[value="webgpu"]').disabled = true;
  if (["cpu", "webgpu"].includes(query.device)) $("device").value = query.device;
  try {
    const preview = await MirrorGan.preview(query.model);
    const rest = preview.files.filter((file) => !file.cached).reduce((sum, file) => sum + file.bytes, 0);
    $("note").textContent = rest
      ? `The first picture downloads the model: ${bytes(rest)}, kept by your browser.`
      : "The model is already in your browser.";
    if (!rest && readLink().prompt) await draw();
  } catch (error) {
    tellError(error);
  }
}

for (const example of EXAMPLES) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: example });
  button.addEventListener("click", () => {
    $("prompt").value = example;
    draw();
  });
  $("examples").append(button);
}
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  draw();
});
$("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  draw();
});
$("dice").addEventListener("click", () => {
  rollDice();
  draw();
});
$("cancel").addEventListener("click", () => running?.abort());
$("save").addEventListener("click", save);
$("copy").addEventListener("click", copyLink);
addEventListener("hashchange", () => {
  const link = readLink();
  if (!link.prompt) return;
  fillForm(link);
  draw();
});
watchPictures(describe);
fillForm(readLink());
greet();
