// The demo: the form, the main picture and what is said of it. Each further part of the page has a file of its own.

import { MirrorGan } from "./pkg/index.js";
import { Blend } from "./blend.js";
import { Mirror } from "./mirror.js";
import { Easel } from "./easel.js";
import { Engine } from "./engine.js";
import { examplesOf, showExamples } from "./examples.js";
import { clearWall, hangWall } from "./gallery.js";
import { History } from "./history.js";
import { watchKeys } from "./keys.js";
import { cleanPrompt, linkTo, parseSeed, readLink, readQuery } from "./link.js";
import { ModelPicker, listModels, lookAt, sizesOf } from "./models.js";
import { keepPage } from "./offline.js";
import { reveal } from "./paint.js";
import { DownloadBar } from "./progress.js";
import { copyLink, savePicture } from "./share.js";
import { tellKept, watchForget } from "./stored.js";
import { Stages } from "./stages.js";
import { Suggestions, loadVocabulary } from "./suggest.js";
import { explain, leftOut, seconds, timings } from "./text.js";
import { Variations } from "./variations.js";
import { Work } from "./work.js";
import { closeness, showCaption, showWords } from "./words.js";

const $ = (id) => document.getElementById(id);
const query = readQuery();
const bar = new DownloadBar();
const stages = new Stages();
const easel = new Easel();
const engine = new Engine(bar, tellStatus);
const suggestions = new Suggestions($("suggestions"), $("prompt"));
const picker = new ModelPicker((name) => {
  $("error").hidden = true;
  return useModel(name);
});
const variations = new Variations((seed, source) => draw({ prompt: last.prompt, seed, model: last.model }, source, true));
const kept = new History((entry, image) => draw(entry, image));
const blend = new Blend((prompts) => blendPrompts(prompts));
const mirror = new Mirror({ onPicture: describe, onDraw: (prompt, source) => draw({ prompt, seed: null, model }, source), own: () => stages.last });

let usable = false;
let model = null;
/** What the picture that is shown was asked for; null while there is none. */
let last = null;

/** The buttons that start something; none before the page knows its model and that this browser can draw. */
function allowWork(allowed) {
  for (const id of ["draw", "dice", "blend-draw"]) $(id).disabled = !allowed || !usable;
  for (const id of ["vary", "save", "copy"]) $(id).disabled = !allowed || !last;
  $("file").disabled = !usable;
}

const work = new Work({
  onBusy(busy) {
    allowWork(!busy);
    $("cancel").hidden = !busy;
    // A button that could not be pressed for a while has lost the focus.
    if (!busy && document.activeElement === document.body) $("draw").focus({ preventScroll: true });
    document.body.classList.toggle("busy", busy);
    easel.busy(busy);
  },
  onStart() {
    $("error").hidden = true;
  },
  onError: tellError,
  onCancel: () => tellStatus("Cancelled."),
  onEnd() {
    bar.stop();
    stages.settle();
    easel.settle();
    if ($("caption-block").classList.contains("waiting")) $("caption-block").hidden = true;
  },
});

function tellStatus(text) {
  $("status").textContent = text;
}

function tellError(error) {
  tellStatus("");
  const { title, text } = explain(error);
  $("error-title").textContent = title;
  $("error-text").textContent = ` ${text}`;
  $("error").hidden = false;
  reveal($("error"));
  if (!error?.code) console.error(error);
}

/** What the form asks for, put right where it has to be. */
function readForm() {
  const { prompt, cut } = cleanPrompt($("prompt").value);
  const seed = parseSeed($("seed").value) ?? Math.max(0, Math.trunc(Number($("seed").value)) || 0);
  if (cut || prompt !== $("prompt").value) $("prompt").value = prompt;
  $("seed").value = parseSeed(seed) ?? 0;
  return { prompt: prompt.trim(), seed: Number($("seed").value), model };
}

function fillForm({ prompt, seed }) {
  if (prompt) $("prompt").value = prompt;
  if (seed !== null) $("seed").value = seed;
  suggestions.show();
}

/** Draws a picture: the form's, or an earlier or offered one, whose small picture stands for it meanwhile. */
function draw(wish = null, source = null, keepVariations = false) {
  if (!usable) return null;
  if (wish) {
    fillForm(wish);
    if (wish.model && wish.model !== model) useModel(wish.model);
    easel.begin(wish.prompt, source);
    easel.focus();
    reveal(easel.root);
  }
  return work.run(async (signal) => {
    const asked = readForm();
    const { prompt, seed } = asked;
    // An empty prompt should cost no download.
    if (!/[\p{L}\p{N}]/u.test(prompt)) throw Object.assign(new Error("empty"), { code: "empty-prompt", words: [] });
    const gan = await engine.get(model, $("device").value, signal);
    tellModel(gan.info);
    const tokens = await gan.tokenize(prompt, { signal });
    const { sizes, maxWords, captions } = gan.info;
    if (tokens.some((token) => token.known)) {
      if (!wish) easel.begin(prompt);
      stages.clear(sizes);
      last = null;
      $("result").hidden = false;
      $("timings").textContent = "";
      const describes = $("describe").checked && captions;
      $("caption-block").hidden = !describes;
      $("caption-block").classList.add("waiting");
      const highlight = (index) => [stages, easel].forEach((part) => part.highlight(index));
      showWords($("words"), tokens, maxWords, highlight);
      if (!keepVariations) variations.hide();
    }
    tellStatus("Drawing…");
    const onStage = (stage) => {
      stages.draw(stage, prompt);
      easel.show(stage.image, stage.attention, prompt);
      // From here on it is this picture that can be saved, whatever becomes of its later stages.
      last = asked;
      if (stage.stage === 0 && !wish) reveal(easel.root);
    };
    const caption = $("describe").checked && gan.info.captions;
    // Where STREAM still has to be downloaded, the picture is drawn before that and described after it.
    const ready = caption && (engine.describes || (await lookAt(model).then((known) => known.describes, () => false)));
    const result = await gan.generate(prompt, { seed, caption: ready, signal, onStage, onProgress: engine.onProgress });
    history.replaceState(null, "", linkTo(prompt, seed, asked.model));
    try {
      if (caption && !ready) {
        tellStatus("Drawn; now describing it…");
        const [picture] = result.pictures;
        picture.caption = await gan.caption(picture.stages.at(-1).image, { signal, onProgress: engine.onProgress });
      }
      if (caption) engine.describes = true;
    } finally {
      // A picture that could not be described is one all the same.
      finish(gan, result);
    }
  });
}

function finish(gan, result) {
  const [picture] = result.pictures;
  $("caption-block").hidden = !picture.caption;
  $("caption-block").classList.remove("waiting");
  if (picture.caption) {
    showCaption($("caption"), picture.caption, result.tokens);
    const { share, text } = closeness(picture.caption, result.tokens);
    $("closeness").hidden = share === null;
    $("closeness").value = share ?? 0;
    $("agreement").textContent = text;
  }
  easel.describe(last.prompt, picture.caption?.text);
  kept.add({ ...last, caption: picture.caption?.text }, stages.last);
  $("timings").textContent = timings(result, gan.info);
  mirror.offerOwn();
  tellStatus(`Done in ${seconds(result.milliseconds)}.${leftOut(result.tokens, gan.info.maxWords)}`);
  tellKept();
}

function vary() {
  if (!last || work.busy) return;
  work.run(async (signal) => {
    const gan = await engine.get(last.model, $("device").value, signal);
    tellStatus("Drawing six variations…");
    const done = variations.draw(gan, last, signal);
    reveal($("variations"));
    await done;
    tellStatus("Six variations drawn.");
  });
}

function blendPrompts(texts) {
  const prompts = texts.map((text) => cleanPrompt(text).prompt.trim());
  work.run(async (signal) => {
    const empty = prompts.findIndex((prompt) => !/[\p{L}\p{N}]/u.test(prompt));
    if (empty >= 0) throw Object.assign(new Error(`the blend needs two prompts; the ${empty ? "second" : "first"} is empty`), { code: "bad-input" });
    const gan = await engine.get(model, $("device").value, signal);
    tellStatus("Drawing the way from one to the other…");
    await blend.draw(gan, prompts, readForm().seed, signal);
    tellStatus("Blended: move the slider, or press Play.");
  });
}

/** Describes a picture that `open()` gives. */
function describe(open) {
  if (!usable) return null;
  return work.run(async (signal) => {
    await mirror.describe(open, () => engine.get(model, $("device").value, signal), { signal, onProgress: engine.onProgress });
    engine.describes = true;
    tellStatus("Described.");
  });
}

function rollDice() {
  if (work.busy) return;
  $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
  draw();
}

function tellModel({ name, trainedOn, parameters }) {
  $("model-note").textContent = `Model ${name}: ${(parameters / 1e6).toFixed(1)} million numbers, trained on ${trainedOn}.`;
  $("note").textContent = "";
}

/** Chooses a model, and tells where it cannot be had. */
async function useModel(name) {
  try {
    return await showModel(name);
  } catch (error) {
    if (model === name) tellError(error);
    return null;
  }
}

/** Examples, wall, vocabulary and sizes become the model's own. Nothing big is downloaded. */
async function showModel(name) {
  model = name;
  $("note").textContent = "";
  clearWall();
  easel.empty();
  picker.choose(name);
  suggestions.vocabulary = null;
  const { kind, prompts, blend: ends } = examplesOf(name);
  $("kind").textContent = kind;
  $("prompt").placeholder = prompts[0] ?? "";
  blend.suggest(ends);
  showExamples($("examples"), prompts, (prompt) => draw({ prompt, seed: null, model }));
  const known = await lookAt(name);
  if (model !== name) return null;
  if (engine.info?.name !== known.title) $("note").textContent = sizesOf(known);
  loadVocabulary(known.vocabulary.url, known.vocabulary.size).then((words) => {
    if (model === name) suggestions.vocabulary = words;
  });
  await hangWall(known, () => model === name, (tile, canvas) => draw(tile, canvas));
  easel.empty();
  return known;
}

async function greet() {
  const link = readLink();
  if (link.prompt || link.seed !== null) fillForm(link);
  const offered = await MirrorGan.support();
  $("unsupported").hidden = offered.usable;
  $("unsupported-why").textContent = `It lacks ${offered.missing.join(" and ")}.`;
  const webgpu = $("device").querySelector('[value="webgpu"]');
  if (!offered.webgpu) webgpu.disabled = true;
  else if (offered.adapter.software) webgpu.textContent += " (in software: slow)";
  if (["cpu", "webgpu"].includes(query.device)) $("device").value = query.device;
  const names = await listModels();
  const first = link.model ?? query.model ?? names[0];
  picker.show(names.includes(first) ? names : [first, ...names], first);
  // Who was quicker than the list of models keeps what is written.
  if (!$("prompt").value && document.activeElement !== $("prompt")) fillForm({ prompt: examplesOf(first).prompts[0], seed: null });
  if (link.problems.length) tellStatus(link.problems.join(" "));
  const look = useModel(first);
  usable = offered.usable;
  allowWork(!work.busy);
  const known = await look;
  tellKept();
  // A link shows its picture at once where that costs no download.
  if (usable && link.prompt && known && !known.missing) await draw();
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
$("dice").addEventListener("click", rollDice);
$("cancel").addEventListener("click", () => work.cancel());
$("vary").addEventListener("click", vary);
$("save").addEventListener("click", () => savePicture(stages.last, last));
$("copy").addEventListener("click", async () => tellStatus(await copyLink(last)));
watchForget(tellStatus);
addEventListener("hashchange", () => {
  const link = readLink();
  if (link.problems.length) tellStatus(link.problems.join(" "));
  if (link.prompt) draw(link);
});
watchKeys(
  { "/": () => $("prompt").focus(), d: rollDice, v: vary, s: () => $("save").click(), l: () => $("copy").click() },
  () => work.busy && (work.cancel(), true),
);
// What runs is told at the bottom of the window while the form is out of sight.
new IntersectionObserver(([{ isIntersecting }]) => document.body.classList.toggle("away", !isIntersecting)).observe($("draw"));
greet().finally(keepPage);
