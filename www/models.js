// The models that the page offers: folders below models/, their sizes before anything is downloaded, and the choice.

import { MirrorGan } from "./pkg/index.js";
import { isModelName } from "./link.js";
import { programOf } from "./program.js";
import { bytes } from "./text.js";

const DEFAULT = "flowers";

/** The names in models/index.json that can be folders; the usual one where there is no such list. */
export async function listModels() {
  try {
    const response = await fetch("models/index.json", { cache: "no-cache" });
    const { models } = await response.json();
    const names = models.filter(isModelName).slice(0, 20);
    if (names.length) return names.sort((a, b) => (b === DEFAULT) - (a === DEFAULT));
  } catch {
    // No list, or a page instead of one.
  }
  return [DEFAULT];
}

export const folderOf = (name) => `models/${name}/`;

/** Bytes of the files that are `wanted`. */
const bytesOf = (files, wanted) => files.filter(wanted).reduce((total, file) => total + file.bytes, 0);

/** Bytes of the files that are `wanted` and not here, but for what is here of a download that was cancelled. */
const missingOf = (files, wanted) => bytesOf(files, (file) => wanted(file) && !file.cached) - files.filter(wanted).reduce((total, file) => total + (file.begun ?? 0), 0);

/**
 * What a model is and what it would cost on a device, the program that draws included: bytes to draw, bytes more to describe, and
 * those of both that are not here yet.
 */
export async function lookAt(name, device = document.getElementById("device").value) {
  const url = folderOf(name);
  const described = await MirrorGan.describe(url);
  const sum = (wanted) => bytesOf(described.files, wanted);
  const [config, program] = await Promise.all([fetch(`${url}config.json`).then((response) => response.json()), programOf(device)]);
  return {
    name,
    title: String(described.name || name),
    trainedOn: String(config.trained_on ?? ""),
    load: sum((file) => file.when === "load") + program.bytes,
    describe: sum((file) => file.when !== "load"),
    missing: missingOf(described.files, () => true) + (program.cached ? 0 : program.bytes),
    missingToDraw: missingOf(described.files, (file) => file.when === "load") + (program.cached ? 0 : program.bytes),
    sizes: [64, 128, 256].slice(0, config.generator?.stages ?? 3),
    drawnBy: config.files?.["glam.safetensors"]?.sha256 ?? null,
    vocabulary: { url: `${url}${config.vocabulary_file}`, size: config.text_encoder?.vocabulary },
  };
}

/** The sizes of a model in a sentence. */
export function sizesOf({ load, describe, missing }) {
  if (!missing) return "Already in your browser.";
  const more = describe ? ` and ${bytes(describe)} more to describe pictures` : "";
  const rest = missing < load + describe ? ` (${bytes(missing)} of that still to come)` : "";
  return `Downloads ${bytes(load)} to draw${more}${rest}, kept by your browser.`;
}

/** A choice where there is more than one model. */
export class ModelPicker {
  #box = document.getElementById("models");
  #list = document.getElementById("model-list");
  #onChoice;

  constructor(onChoice) {
    this.#onChoice = onChoice;
  }

  /** Shows `names`, the sizes as soon as they are known. */
  show(names, chosen) {
    this.#list.replaceChildren(...names.map((name) => this.#choice(name, name === chosen)));
    this.#box.classList.remove("unknown");
    this.#box.hidden = names.length < 2;
  }

  choose(name) {
    for (const input of this.#list.querySelectorAll("input")) input.checked = input.value === name;
  }

  #choice(name, checked) {
    const label = document.createElement("label");
    label.className = "model";
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: name, checked });
    const title = Object.assign(document.createElement("span"), { className: "model-name", textContent: name });
    const size = Object.assign(document.createElement("span"), { className: "hint", textContent: "…" });
    label.append(input, title, size);
    input.addEventListener("change", () => this.#onChoice(name));
    lookAt(name).then(
      (model) => {
        title.textContent = model.title;
        size.textContent = model.missing ? bytes(model.load + model.describe) : `${bytes(model.load + model.describe)}, here`;
        size.title = sizesOf(model);
      },
      () => {
        size.textContent = "cannot be used";
      },
    );
    return label;
  }
}
