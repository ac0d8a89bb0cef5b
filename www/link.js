// The address of a picture: #prompt=…&seed=…&model=…, with &towards=…&position=… where the noise is between two seeds. Whatever an address says is data: checked here, shown as text only.

/** Longer prompts are cut: a model reads a few dozen words at most. */
export const LONGEST_PROMPT = 2000;

/** Seeds that a number input, a link and the engine all hold exactly. */
export const LARGEST_SEED = Number.MAX_SAFE_INTEGER;

/** Whether this is the name of a model: a plain folder name, nothing that leads elsewhere. */
export const isModelName = (name) => typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);

/** A prompt without control characters and of a length that can be shown, and whether it was cut. */
export function cleanPrompt(text) {
  const plain = String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\s]+/gu, " ");
  if (plain.length <= LONGEST_PROMPT) return { prompt: plain, cut: false };
  return { prompt: plain.slice(0, LONGEST_PROMPT).replace(/\S*$/, "").trim() || plain.slice(0, LONGEST_PROMPT), cut: true };
}

/** A seed from text, or null. */
export function parseSeed(text) {
  const plain = String(text ?? "").trim();
  const seed = Number(plain);
  return /^\d+$/.test(plain) && seed <= LARGEST_SEED ? seed : null;
}

/** Noise on the way from a picture's seed to another one, `{ towards, position }`; null where there is none, or none that can be. */
export function checkedNoise(noise) {
  const towards = parseSeed(noise?.towards);
  const position = Number(noise?.position ?? NaN);
  return towards !== null && position > 0 && position < 1 ? { towards, position } : null;
}

/** The seed and the noise of a place on the way from one seed to another; its ends are seeds alone. */
export function between(seed, towards, share) {
  const position = Math.round(share * 1000) / 1000;
  if (position >= 1) return { seed: towards, noise: null };
  return { seed, noise: checkedNoise({ towards, position }) };
}

/** Whether two wishes ask for the same picture. */
export const sameWish = (a, b) =>
  a.prompt === b.prompt && a.seed === b.seed && a.model === b.model && a.noise?.towards === b.noise?.towards && a.noise?.position === b.noise?.position;

/** What the address asks for; `problems` has a sentence for each thing in it that cannot be used. */
export function readLink(hash = location.hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const problems = [];
  const { prompt, cut } = cleanPrompt(values.get("prompt"));
  if (cut) problems.push(`The link's prompt is very long; this is its beginning.`);
  const seed = parseSeed(values.get("seed"));
  if (values.has("seed") && seed === null) {
    problems.push(`The link's seed “${values.get("seed").slice(0, 20)}” is no whole number; another one is taken.`);
  }
  const asked = values.get("model");
  const model = isModelName(asked) ? asked : null;
  if (asked !== null && model === null) problems.push("The link names a model that cannot be one.");
  const noise = seed === null ? null : checkedNoise({ towards: values.get("towards"), position: values.get("position") });
  if (values.has("towards") && !noise) problems.push("The link's way to another seed cannot be followed; the seed alone is taken.");
  return { prompt: prompt.trim(), seed, noise, model, problems };
}

export function linkTo({ prompt, seed, noise, model }) {
  const url = new URL(location.href);
  url.hash = new URLSearchParams({ prompt, seed, ...noise, model }).toString();
  return url.href;
}

/** What the page's own query chooses: another model (`birds` or `models/birds/`), another device. */
export function readQuery(search = location.search) {
  const values = new URLSearchParams(search);
  const model = (values.get("model") ?? "").replace(/^(\.?\/)?models\//, "").replace(/\/$/, "");
  return { model: isModelName(model) ? model : null, device: values.get("device") };
}
