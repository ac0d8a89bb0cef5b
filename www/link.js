// The address of a picture: #prompt=…&seed=…

/** What the address asks for. */
export function readLink(hash = location.hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const seed = Number(values.get("seed"));
  return {
    prompt: values.get("prompt") ?? "",
    seed: values.has("seed") && Number.isSafeInteger(seed) && seed >= 0 ? seed : null,
  };
}

export function linkTo(prompt, seed) {
  const url = new URL(location.href);
  url.hash = new URLSearchParams({ prompt, seed: String(seed) }).toString();
  return url.href;
}

/** What the page's own query chooses: another model folder, another device. */
export function readQuery(search = location.search) {
  const values = new URLSearchParams(search);
  return { model: values.get("model") ?? "models/flowers/", device: values.get("device") };
}
