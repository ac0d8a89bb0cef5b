// What a model is, from its config.json alone.

import { downloadText } from "./download.js";
import { MirrorGanError, messageOf } from "./errors.js";
import { bytesBegun, isKept } from "./kept.js";
import { isBlob } from "./kinds.js";
import { listedFiles } from "./listed.js";
import { locate } from "./sources.js";

function parse(text) {
  try {
    const config = JSON.parse(text);
    return { config, listed: listedFiles(config) };
  } catch (error) {
    throw new MirrorGanError("bad-model", `config.json is not a model's: ${messageOf(error)}`, { cause: error });
  }
}

export async function describeModel(source, signal) {
  const { config, listed } = parse(await downloadText(locate(source, "config.json"), "config.json", { signal, init: source.init }));
  const isHere = async ({ file, sha256 }) => {
    const place = locate(source, file);
    if (isBlob(place) || (await isKept(place, sha256))) return { cached: true, begun: 0 };
    return { cached: false, begun: await bytesBegun(place, sha256) };
  };
  // One that nobody gave is not here; who needs it will say so.
  const withCached = async (entry) => ({ ...entry, ...(await isHere(entry).catch(() => ({ cached: false, begun: 0 }))) });
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
