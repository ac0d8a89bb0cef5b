// The demo: which parts there are and how they hear of each other. Each part has a file of its own.

import { MirrorGan } from "./pkg/index.js";
import { Blend } from "./blend.js";
import { Choice } from "./choice.js";
import { Easel } from "./easel.js";
import { Engine } from "./engine.js";
import { examplesOf } from "./examples.js";
import { Form, isEmpty } from "./form.js";
import { History } from "./history.js";
import { invite } from "./invitation.js";
import { watchKeys } from "./keys.js";
import { cleanPrompt, readLink, readQuery } from "./link.js";
import { Looking } from "./looking.js";
import { Mirror } from "./mirror.js";
import { listModels } from "./models.js";
import { clearError, flash, tell, tellError, tellLink } from "./notices.js";
import { keepPage } from "./offline.js";
import { reveal } from "./paint.js";
import { DownloadBar } from "./progress.js";
import { restorer } from "./restore.js";
import { copyLink, savePicture, saveStrip } from "./share.js";
import { Sketch } from "./sketch.js";
import { Stages } from "./stages.js";
import { tellKept, watchForget } from "./stored.js";
import { Studio } from "./studio.js";
import { Suggestions } from "./suggest.js";
import { Tools } from "./tools.js";
import { Variations } from "./variations.js";
import { Work } from "./work.js";

const $ = (id) => document.getElementById(id);
let usable = false;

const bar = new DownloadBar();
const engine = new Engine(bar, tell);
const easel = new Easel();
const stages = new Stages();
const suggestions = new Suggestions($("suggestions"), $("prompt"));
const form = new Form({ onDraw: () => draw(), onFill: () => suggestions.show() });
const work = new Work({
  onBusy(busy) {
    allowWork(!busy);
    // Nothing that was not asked for goes on beside what was.
    if (busy) sketch.stop();
    $("cancel").hidden = !busy;
    // A button that could not be pressed for a while has lost the focus.
    if (!busy && document.activeElement === document.body) $("draw").focus({ preventScroll: true });
    document.body.classList.toggle("busy", busy);
    easel.busy(busy);
  },
  onStart() {
    clearError();
    bar.forget();
  },
  onError: tellError,
  onCancel: () => tell(bar.cut ? "Cancelled. What has come of the download is kept." : "Cancelled."),
  onEnd() {
    bar.stop();
    studio.settle();
  },
});
const looking = new Looking([stages, easel], (index) => tools.offerChange(index));
const studio = new Studio({
  engine, work, easel, stages, looking, form, onBegin, onDrawn,
  onSentence: (prompt, source) => drawAgain({ ...studio.last, prompt }, source),
});
const variations = new Variations((wish, source) => drawAgain({ ...studio.last, ...wish }, source, true), () => vary({ again: true }));
const sketch = new Sketch({
  ready: () => (usable && !work.busy ? engine.ready(choice.name, form.device) : null),
  wish: () => ({ ...form.glance(), model: choice.name }),
  onTake: drawAgain,
});
const kept = new History((entry, image) => drawAgain(entry, image));
const blend = new Blend(blendPrompts, (kind) => tools.saveFilm(blend, kind, "blend"));
const mirror = new Mirror({
  onPicture: describe,
  onDrawn: (wish, source) => restore(wish, source),
  onDraw: (prompt, source) => drawAgain({ prompt, model: choice.name }, source),
  own: () => stages.last,
});
const choice = new Choice({
  engine, easel, form, blend, suggestions, studio,
  onExample: (prompt) => drawAgain({ prompt, model: choice.name }),
  onTile: (tile, canvas) => drawAgain({ ...tile, model: choice.name }, canvas),
});
const tools = new Tools({ studio, choice, engine, work, form, draw: (wish, source) => drawAgain(wish, source, true) });
const restore = restorer({ choice, studio, form, tools, draw: drawAgain, blend: (ends) => (blend.fill(ends), blendPrompts(ends)) });

/** The buttons that start something; none before the page knows its model and that this browser can draw. */
function allowWork(allowed) {
  for (const id of ["draw", "dice", "blend-draw", "invitation-draw"]) $(id).disabled = !allowed || !usable;
  for (const id of ["vary", "save", "save-strip", "copy"]) $(id).disabled = !allowed || !studio.last;
  $("file").disabled = !usable;
}

let keepVariations = false;

/** Draws what the form asks for. */
async function draw(options) {
  if (!usable) return false;
  keepVariations = false;
  return studio.draw({ ...form.read(), model: choice.name }, options);
}

/** Draws an earlier or offered picture, whose small picture stands for it meanwhile; cancelled, the form is that of the picture shown. */
async function drawAgain(wish, source = null, keep = false) {
  if (!usable) return false;
  const { last } = studio;
  form.fill(wish);
  if (wish.model && wish.model !== choice.name) choice.choose(wish.model);
  const drawing = draw({ source, offered: true });
  keepVariations = keep;
  const done = await drawing;
  if (!done && last && studio.last === last && !work.busy) form.fill(last);
  return done;
}

async function rollDice() {
  if (work.busy || !usable) return;
  const { last } = studio;
  form.roll();
  const done = await draw();
  if (!done && last && studio.last === last && !work.busy) form.fill({ seed: last.seed, noise: last.noise });
}

/** The first stage of a new picture is there. */
function onBegin() {
  if (!keepVariations) variations.hide();
  tools.begin();
  $("note").textContent = "";
}

function onDrawn(caption, info) {
  kept.add({ ...studio.last, caption: caption?.text }, stages.last);
  mirror.offerOwn();
  tools.drawn();
  $("model-note").textContent = `Model ${info.name}: ${(info.parameters / 1e6).toFixed(1)} million numbers, trained on ${info.trainedOn}.`;
  $("model-card").hidden = false;
  $("model-card").href = `models/${studio.last.model}/README.md`;
  tellKept();
}

/** Draws variations; `again` where the visitor is at them already. */
function vary({ again = false } = {}) {
  const { last } = studio;
  if (!last || (work.busy && !again)) return;
  work.run(async (signal) => {
    const gan = await engine.get(last.model, form.device, signal);
    tell("Drawing six variations…");
    const done = variations.draw(gan, last, signal);
    if (!again) reveal($("variations"));
    await done;
    tell("Six variations drawn.");
  }, "variations");
}

function blendPrompts(texts) {
  const prompts = texts.map((text) => cleanPrompt(text).prompt.trim());
  return work.run(async (signal) => {
    const empty = prompts.findIndex(isEmpty);
    if (empty >= 0) throw Object.assign(new Error(`the blend needs two prompts; the ${empty ? "second" : "first"} is empty`), { code: "bad-input" });
    const gan = await engine.get(choice.name, form.device, signal);
    tell("Drawing the way from one to the other…");
    await blend.draw(gan, prompts, { seed: form.read().seed, model: choice.name }, signal);
    tell("Blended: move the slider, or press Play.");
  }, "blend");
}

/** Describes a picture that `open()` gives. */
function describe(open) {
  if (!usable) return null;
  return work.run(async (signal) => {
    await mirror.describe(open, () => engine.get(choice.name, form.device, signal), examplesOf(choice.name).prompts, { signal, onProgress: engine.onProgress });
    engine.describes = true;
    tell("Described.");
  }, "mirror");
}

function followLink() {
  const link = readLink();
  tellLink(link.problems);
  if (link.prompt) drawAgain({ ...link, model: link.model ?? choice.name });
  else if (studio.last) [work.cancel(), studio.clear(), allowWork(!work.busy)];
}

async function greet() {
  const link = readLink();
  if (link.prompt || link.seed !== null) form.fill(link);
  const offered = await MirrorGan.support();
  $("unsupported").hidden = offered.usable;
  $("unsupported-why").textContent = `It lacks ${offered.missing.join(" and ")}.`;
  const webgpu = $("device").querySelector('[value="webgpu"]');
  if (!offered.webgpu) webgpu.disabled = true;
  else if (offered.adapter.software) webgpu.textContent += " (in software: slow)";
  const query = readQuery();
  if (["cpu", "webgpu"].includes(query.device)) $("device").value = query.device;
  const names = await listModels();
  const first = link.model ?? query.model ?? names[0];
  choice.offer(names, first);
  form.offer(examplesOf(first).prompts[0]);
  if (link.problems.length) tellLink(link.problems);
  const look = choice.choose(first);
  usable = offered.usable;
  allowWork(!work.busy);
  const known = await look;
  tellKept();
  if (!usable || !link.prompt || !known || work.busy || studio.last) return null;
  // A link shows its picture at once where that costs no download.
  if (!known.missing) return draw();
  invite(link, known, () => draw({ offered: true }));
  easel.invited = true;
}

$("dice").addEventListener("click", rollDice);
$("cancel").addEventListener("click", () => work.cancel());
$("vary").addEventListener("click", () => vary());
$("save").addEventListener("click", async () => flash($("save"), await savePicture(stages.last, studio)));
$("save-strip").addEventListener("click", async () => flash($("save-strip"), await saveStrip(stages.drawn, studio)));
$("copy").addEventListener("click", async () => {
  const copied = await copyLink(studio.last);
  tell(copied.status);
  flash($("copy"), copied.label);
});
watchForget(tell);
addEventListener("hashchange", followLink);
watchKeys(
  { "/": () => $("prompt").focus(), d: rollDice, v: () => vary(), s: () => $("save").click(), l: () => $("copy").click() },
  () => work.busy && (work.cancel(), true),
);
// What runs is told at the bottom of the window while the form is out of sight.
new IntersectionObserver(([{ isIntersecting }]) => document.body.classList.toggle("away", !isIntersecting)).observe($("draw"));
greet().finally(keepPage);
