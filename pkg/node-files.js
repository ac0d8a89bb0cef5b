// fetch() that reads file: URLs too.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export async function fetchOrRead(url, options) {
  if (!String(url).startsWith("file:")) return fetch(url, options);
  const path = fileURLToPath(url);
  let size;
  try {
    const found = await stat(path);
    if (!found.isFile()) return new Response(null, { status: 404, statusText: "not a file" });
    size = found.size;
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return new Response(null, { status: 404, statusText: "no such file" });
    throw error;
  }
  const body = Readable.toWeb(createReadStream(path, { signal: options?.signal ?? undefined }));
  return new Response(body, { headers: { "content-length": String(size) } });
}
