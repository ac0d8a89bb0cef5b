// Downloads with progress, and the copies that the browser keeps (Cache API), each under its sha-256.

import { MirrorGanError, aborted } from "./errors.js";
import { platform } from "./platform.js";

const CACHE = "mirrorgan-v1";

async function openCache() {
  try {
    return typeof caches === "object" ? await caches.open(CACHE) : null;
  } catch {
    // Private windows and opaque origins may refuse: then nothing is kept.
    return null;
  }
}

function cacheKey(url, sha256) {
  const key = new URL(url);
  key.hash = "";
  if (sha256) key.searchParams.set("sha256", sha256);
  return key.href;
}

/** fetch() whose failures are MirrorGanErrors that name the file. */
async function request(url, { signal, fresh = false }) {
  let response;
  try {
    response = await platform.fetch(url, { signal, cache: fresh ? "no-cache" : "default" });
  } catch (error) {
    if (signal?.aborted) throw aborted();
    const failure = new MirrorGanError("network", `${url} could not be reached: ${error.message}`, { cause: error });
    // Nobody answered, which a kept copy makes up for; an answer of 404 is an answer.
    throw Object.assign(failure, { offline: true });
  }
  if (!response.ok) {
    throw new MirrorGanError("network", `${url}: the server answered ${response.status} ${response.statusText}`.trim());
  }
  return response;
}

/** The response with its bytes counted on the way. */
function counted(response, file, total, onProgress, type) {
  const encoded = response.headers.get("content-encoding");
  const length = Number(response.headers.get("content-length")) || 0;
  const all = total || (encoded ? 0 : length);
  let loaded = 0;
  onProgress({ status: "download", file, loaded, total: all, progress: 0 });
  const counter = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      onProgress({ status: "progress", file, loaded, total: all, progress: all ? Math.min(100, (100 * loaded) / all) : 0 });
      controller.enqueue(chunk);
    },
    flush() {
      onProgress({ status: "done", file, loaded, total: loaded, progress: 100 });
    },
  });
  // Whatever the server calls it: WebAssembly compiles while downloading only what has its type.
  return new Response(response.body.pipeThrough(counter), { headers: { "content-type": type } });
}

async function body(response, url, signal) {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (signal?.aborted) throw aborted();
    throw new MirrorGanError("network", `${url} broke off: ${error.message}`, { cause: error });
  }
}

/** The newest response, else, where nobody answers, the kept one. */
async function newest(url, { signal, onProgress, cache, fresh, file, type }) {
  const store = cache ? await openCache() : null;
  const key = cacheKey(url);
  let response;
  try {
    response = await request(url, { signal, fresh });
  } catch (error) {
    const kept = error.offline && (await store?.match(key));
    if (!kept) throw error;
    return counted(kept, file, 0, onProgress, type);
  }
  if (store) {
    const [now, later] = response.body.tee();
    const headers = { "content-type": type };
    response = new Response(now, { headers: response.headers });
    // Beside what is done with it now. What breaks off is not kept; a full disk costs a visit without network, nothing more.
    keep(store, key, new Response(later, { headers })).catch(() => {});
  }
  return counted(response, file, 0, onProgress, type);
}

async function keep(store, key, response) {
  // Whole before it replaces what is kept.
  const content = await response.arrayBuffer();
  const headers = { "content-type": response.headers.get("content-type"), "content-length": String(content.byteLength) };
  await store.put(key, new Response(content, { headers }));
}

const nameOf = (url) => new URL(url).pathname.split("/").pop();

/** A small text that should be the newest, such as config.json. */
export async function downloadText(url, { signal, onProgress = () => {}, cache = true }) {
  const file = nameOf(url);
  onProgress({ status: "initiate", file });
  const response = await newest(url, { signal, onProgress, cache, fresh: true, file, type: "text/plain" });
  return new TextDecoder().decode(await body(response, url, signal));
}

/** A response to hand to WebAssembly, with progress. */
export async function downloadModule(url, { signal, onProgress = () => {}, cache = true }) {
  const file = nameOf(url);
  onProgress({ status: "initiate", file });
  return newest(url, { signal, onProgress, cache, file, type: "application/wasm" });
}

/**
 * A file of a model, from the cache where it is, else from the network; `check(bytes)` rejects when it is not the right one.
 * Only what passed the check is kept.
 */
export async function downloadFile(url, { file, bytes, sha256 }, { signal, onProgress = () => {}, check, cache = true }) {
  onProgress({ status: "initiate", file });
  const store = cache ? await openCache() : null;
  const key = cacheKey(url, sha256);
  const kept = await store?.match(key);
  if (kept) {
    const content = new Uint8Array(await kept.arrayBuffer());
    try {
      await check(content);
      onProgress({ status: "done", file, loaded: bytes, total: bytes, progress: 100, cached: true });
      return content;
    } catch {
      await store.delete(key);
    }
  }
  const content = await body(counted(await request(url, { signal, fresh: true }), file, bytes, onProgress, "application/octet-stream"), url, signal);
  await check(content);
  if (store) {
    try {
      await forgetOthers(store, key);
      await store.put(key, new Response(content, { headers: { "content-length": String(content.byteLength) } }));
    } catch {
      // A full disk costs the next visit a download, nothing more.
    }
  }
  return content;
}

/** Whether these are the listed bytes, by the browser's own sha-256; false also where it has none, as on pages without https. */
export async function isWhole(content, { bytes, sha256 }) {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle || content.byteLength !== bytes) return false;
  const digest = new Uint8Array(await subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

async function forgetOthers(store, key) {
  const { origin, pathname } = new URL(key);
  for (const request of await store.keys()) {
    const other = new URL(request.url);
    if (other.origin === origin && other.pathname === pathname && request.url !== key) await store.delete(request);
  }
}

export async function isCached(url, sha256) {
  const store = await openCache();
  return Boolean(await store?.match(cacheKey(url, sha256)));
}

/** What is kept: address, bytes and, of a model's files, the sha-256. */
export async function cachedFiles() {
  const store = await openCache();
  const requests = (await store?.keys()) ?? [];
  return Promise.all(
    requests.map(async (request) => {
      const response = await store.match(request);
      const url = new URL(request.url);
      const sha256 = url.searchParams.get("sha256");
      url.searchParams.delete("sha256");
      return { url: url.href, sha256, bytes: Number(response?.headers.get("content-length")) || 0 };
    }),
  );
}

/** Forgets everything, or the files of one folder; whether there were any. */
export async function clearCache(folder) {
  if (typeof caches !== "object") return false;
  if (folder === undefined) return caches.delete(CACHE);
  const store = await openCache();
  const requests = ((await store?.keys()) ?? []).filter(({ url }) => url.startsWith(folder));
  await Promise.all(requests.map((request) => store.delete(request)));
  return requests.length > 0;
}
