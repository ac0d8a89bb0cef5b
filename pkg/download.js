// Downloads with progress, that go on where they broke off, and whose failures say what is wrong.

import { MirrorGanError, aborted, messageOf } from "./errors.js";
import { within } from "./gpu.js";
import { Parts, join, keepOnly, keyOf, openStore } from "./kept.js";
import { isBlob } from "./kinds.js";
import { platform } from "./platform.js";

const network = (message, cause) => new MirrorGanError("network", message, { cause });

/** fetch(), but null where nobody answers; `why` is told the reason. */
async function answer(url, { signal, fresh, init, range }, why) {
  const headers = [...(init?.headers ?? []), ...(range ? [["range", range]] : [])];
  try {
    return await platform.fetch(url, { ...init, headers, signal, cache: fresh ? "no-cache" : "default" });
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    why?.(error);
    return null;
  }
}

/** Nobody answered: what a browser does not tell but what can be found out. */
async function unreachable(url, cause) {
  const { location, crossOriginIsolated } = globalThis;
  const { protocol, origin } = new URL(url);
  let why = "";
  if (protocol === "http:" && location?.protocol === "https:") why = "; a page that came by https may not fetch by http";
  else if (location?.origin === "null" && protocol === "file:") why = "; a page opened from a file may not fetch files: serve it by http";
  else if (protocol.startsWith("http") && location && origin !== globalThis.origin) {
    // Without CORS any server may be asked, but not heard.
    const there = fetch(url, { method: "HEAD", mode: "no-cors", cache: "no-store" }).then(() => true, () => false);
    const cors = `Access-Control-Allow-Origin, which a page of ${globalThis.origin} needs (CORS)`;
    if (await within(there, 5000, false)) why = `; the server answers, but does not allow it to this page: it sends no ${cors}, or not for these headers`;
    else if (crossOriginIsolated) why = `; either nobody answers, or without ${cors}: this page is cross-origin isolated (COEP)`;
  }
  return network(`${url} could not be reached: ${messageOf(cause)}${why}`, cause);
}

/** An answer that is the file, as far as can be seen. */
function checked(response, url, anyType = false) {
  if (!response.ok) throw network(`${url}: the server answered ${response.status} ${response.statusText}`.trim());
  if (!anyType && /^text\/html/i.test(response.headers.get("content-type") ?? "")) {
    throw network(`${url}: the server answered with a web page (text/html), as some do for files that they do not have`);
  }
  return response;
}

async function request(url, options) {
  let cause;
  const response = await answer(url, options, (error) => (cause = error));
  if (!response) throw await unreachable(url, cause);
  return checked(response, url);
}

/** Percent, never more than all. */
const percent = (loaded, total) => (total ? Math.min(100, (100 * loaded) / total) : 0);

const sizeOf = (chunks) => chunks.reduce((total, { byteLength }) => total + byteLength, 0);

/** The response with its bytes counted on the way, after those that were `begun`; `parts` gets them. */
function counted(response, file, onProgress, type, begun = [], parts) {
  let loaded = sizeOf(begun);
  // Of a compressed answer the length says little; from another origin one may not see that it is compressed.
  const length = response.headers.get("content-encoding") ? 0 : Number(response.headers.get("content-length")) || 0;
  const all = length && length + loaded;
  onProgress({ status: "download", file, loaded, total: all, progress: percent(loaded, all) });
  const counter = new TransformStream({
    start(controller) {
      for (const chunk of begun) controller.enqueue(chunk);
    },
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      const total = all && Math.max(all, loaded);
      onProgress({ status: "progress", file, loaded, total, progress: percent(loaded, total) });
      parts?.add(chunk);
      controller.enqueue(chunk);
    },
    flush() {
      onProgress({ status: "done", file, loaded, total: loaded, progress: 100 });
      const forgotten = parts?.forget();
      // First, if this may turn out to be of two versions.
      if (begun.length > 0) return forgotten;
    },
  });
  // Whatever the server calls it: WebAssembly compiles while downloading only what has its type.
  return new Response(response.body?.pipeThrough(counter), { headers: { "content-type": type } });
}

/** What a server calls a version of a file, to the byte; "" where it does not, or compresses it: the rest would be longer than all. */
function versionOf({ headers }) {
  if (headers.get("content-encoding")) return "";
  const tag = headers.get("etag");
  return (tag?.startsWith('"') ? tag : headers.get("last-modified")) ?? "";
}

/** The newest response, else, where nobody answers, the kept one; one that `resumes` goes on where it broke off. */
async function newest(address, { signal, onProgress, cache, fresh, file, type, init, resumes }) {
  if (isBlob(address)) return counted(new Response(address), file, onProgress, type);
  const store = cache ? await openStore() : null;
  const key = keyOf(address);
  const parts = store && resumes ? new Parts(store, key) : null;
  let begun = (await parts?.read()) ?? [];
  let cause;
  let response = begun.length > 0 ? await rest(address, sizeOf(begun), { signal, init, fresh: true, version: parts.version }) : null;
  response ??= await answer(address, { signal, fresh, init }, (error) => (cause = error));
  if (!response) {
    // An answer of 404 is an answer.
    const kept = await store?.match(key);
    if (!kept) throw await unreachable(address, cause);
    return counted(kept, file, onProgress, type);
  }
  checked(response, address, type === "application/wasm");
  if (begun.length > 0 && response.status !== 206) {
    begun = [];
    await parts.forget();
  }
  if (store && response.body) {
    if (parts && begun.length === 0) parts.version = versionOf(response);
    const [now, later] = response.body.tee();
    response = new Response(now, { headers: response.headers });
    // Beside what is done with it now, and whole before it replaces what is kept: what breaks off is not.
    new Response(later).arrayBuffer().then((content) => store.put(key, join([...begun, new Uint8Array(content)]), { "content-type": type }), () => {});
  }
  return counted(response, file, onProgress, type, begun, parts?.version ? parts : null);
}

const nameOf = (url) => new URL(url).pathname.split("/").pop();

/** A small text that should be the newest, such as config.json; `address` may be a Blob. */
export async function downloadText(address, file, { signal, onProgress = () => {}, cache = true, init }) {
  onProgress({ status: "initiate", file });
  const response = await newest(address, { signal, onProgress, cache, init, fresh: true, file, type: "text/plain" });
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    throw network(`${file} broke off: ${messageOf(error)}`, error);
  }
}

/** A response to hand to WebAssembly, with progress. */
export async function downloadModule(url, { signal, onProgress = () => {}, cache = true }) {
  const file = nameOf(url);
  onProgress({ status: "initiate", file });
  return newest(url, { signal, onProgress, cache, file, type: "application/wasm", resumes: true });
}

/** The rest of a file after `from` bytes, or all of it where the server will not; null where neither came, or that of another `version`. */
async function rest(url, from, { version, ...options }) {
  // Without if-range, which not every server reads, and which another origin's has to allow first.
  const response = await answer(url, { ...options, range: `bytes=${from}-` });
  const start = /^bytes (\d+)-/.exec(response?.headers.get("content-range") ?? "")?.[1];
  const fits = response?.status === 206 && (start ?? String(from)) === String(from) && !response.headers.get("content-encoding") && (!version || versionOf(response) === version);
  if (fits || response?.status === 200) return response;
  await response?.body?.cancel();
  return null;
}

/** The bytes of a file, with progress; `parts` gets them as they come, `begun` are those that came before. */
async function receive(address, { file, bytes }, { signal, onProgress, init, parts, begun }) {
  const options = { signal, init, fresh: true };
  const had = sizeOf(begun);
  let response = isBlob(address) ? new Response(address) : had > 0 ? await rest(address, had, options) : null;
  response = response ? checked(response, address) : await request(address, options);
  const goesOn = response.status === 206;
  if (!goesOn) await parts?.forget();
  const chunks = goesOn ? [...begun] : [];
  let loaded = goesOn ? had : 0;
  onProgress({ status: "download", file, loaded, total: bytes, progress: percent(loaded, bytes) });
  try {
    const reader = response.body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) break;
      chunks.push(value);
      parts?.add(value);
      loaded += value.byteLength;
      onProgress({ status: "progress", file, loaded: Math.min(loaded, bytes), total: bytes, progress: percent(loaded, bytes) });
      // Another file, which the check will say.
      if (loaded > bytes) {
        await reader.cancel();
        break;
      }
    }
  } catch (error) {
    parts?.flush();
    if (signal?.aborted) throw aborted(signal);
    throw network(`${file} broke off: ${messageOf(error)}`, error);
  }
  onProgress({ status: "done", file, loaded, total: loaded, progress: 100 });
  return join(chunks);
}

/**
 * A file of a model, from the cache where it is, else from the network or a Blob; `check(bytes)` rejects when it is not the right one.
 * Only what passed the check is kept.
 */
export async function downloadFile(address, entry, { signal, onProgress = () => {}, check, cache = true, init }) {
  const { file, bytes, sha256 } = entry;
  onProgress({ status: "initiate", file });
  const store = cache && !isBlob(address) ? await openStore() : null;
  const key = store && keyOf(address, sha256);
  const kept = await store?.match(key);
  if (kept) {
    try {
      const content = new Uint8Array(await kept.arrayBuffer());
      await check(content);
      onProgress({ status: "done", file, loaded: bytes, total: bytes, progress: 100, cached: true });
      return content;
    } catch {
      await store.delete(key);
    }
  }
  const parts = store && new Parts(store, key);
  let begun = (await parts?.read()) ?? [];
  for (;;) {
    const content = await receive(address, entry, { signal, onProgress, init, parts, begun });
    try {
      await check(content);
    } catch (error) {
      await parts?.forget();
      if (begun.length === 0) throw error;
      // Perhaps what was begun was of another file.
      begun = [];
      continue;
    }
    await parts?.forget();
    // A full disk costs the next visit a download, nothing more.
    if (store) await keepOnly(store, key, content);
    return content;
  }
}

/** Whether these are the listed bytes, by the browser's own sha-256; false also where it has none, as on pages without https. */
export async function isWhole(content, { bytes, sha256 }) {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle || content.byteLength !== bytes) return false;
  const digest = new Uint8Array(await subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
