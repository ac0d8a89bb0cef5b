// The files that a config.json lists, read without the engine.

/** What its file is needed for: the rest is loaded at once. */
function whenOf(file) {
  if (file.startsWith("stream")) return "caption";
  return file.startsWith("damsm") ? "match" : "load";
}

/** Each with its name, its size, its sha-256 and when it is needed; throws a SyntaxError where they are not listed so. */
export function listedFiles(config) {
  const files = Object.entries(config.files);
  if (files.length === 0 || !files.every(([, file]) => Number.isSafeInteger(file.bytes) && typeof file.sha256 === "string")) {
    throw new SyntaxError("it lists no files with bytes and sha256");
  }
  return files.map(([file, { bytes, sha256 }]) => ({ file, bytes, sha256, when: whenOf(file) }));
}
