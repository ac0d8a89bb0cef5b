// What a model is, from its config.json alone.

import { downloadText, isCached } from "./download.js";
import { MirrorGanError } from "./errors.js";
import { listedFiles } from "./listed.js";

function parse(text, url) {
  try {
    const config = JSON.parse(text);
    return { config, listed: listedFiles(config) };
  } catch (error) {
    throw new MirrorGanError("bad-model", `${url} is not a model's: ${error.message}`, { cause: error });
  }
}

export async function describeModel(url, signal) {
  const address = new URL("config.json", url).href;
  const { config, listed } = parse(await downloadText(address, { signal }), address);
  const withCached = async (entry) => ({ ...entry, cached: await isCached(new URL(entry.file, url).href, entry.sha256) });
  const files = await Promise.all(listed.map(withCached));
  const sum = (chosen) => chosen.reduce((total, file) => total + file.bytes, 0);
  return {
    name: String(config.name ?? ""),
    trainedOn: String(config.trained_on ?? ""),
    bytes: sum(files),
    cachedBytes: sum(files.filter((file) => file.cached)),
    files,
  };
}
