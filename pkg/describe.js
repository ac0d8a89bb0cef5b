// What a model is, from its config.json alone.

import { downloadText, isCached } from "./download.js";
import { MirrorGanError } from "./errors.js";

function parse(text, url) {
  try {
    const config = JSON.parse(text);
    const files = Object.entries(config.files);
    if (files.length === 0 || !files.every(([, file]) => Number.isSafeInteger(file.bytes) && typeof file.sha256 === "string")) {
      throw new SyntaxError("it lists no files with bytes and sha256");
    }
    return { config, files };
  } catch (error) {
    throw new MirrorGanError("bad-model", `${url} is not a model's: ${error.message}`, { cause: error });
  }
}

export async function describeModel(url, signal) {
  const address = new URL("config.json", url).href;
  const { config, files: listed } = parse(await downloadText(address, { signal }), address);
  const files = await Promise.all(
    listed.map(async ([file, { bytes, sha256 }]) => ({
      file,
      bytes,
      sha256,
      cached: await isCached(new URL(file, url).href, sha256),
      when: file.startsWith("stream") ? "caption" : "load",
    })),
  );
  const sum = (chosen) => chosen.reduce((total, file) => total + file.bytes, 0);
  return {
    name: String(config.name ?? ""),
    trainedOn: String(config.trained_on ?? ""),
    bytes: sum(files),
    cachedBytes: sum(files.filter((file) => file.cached)),
    files,
  };
}
