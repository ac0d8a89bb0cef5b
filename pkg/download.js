// Downloads with progress, and the copies that the browser keeps (Cache API), each under its sha-256.

import { MirrorGanError, aborted } from "./errors.js";

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
  key.searchParams.set("sha256", sha256);
  return key.href;
}

/** fetch() whose failures are MirrorGanErrors that name the file. */
async function request(url, { signal, fresh = false }) {
  let response;
  try {
    response = await fetch(url, { signal, cache: fresh ? "no-cache" : "default" });
  } catch (error) {
    if (signal?.aborted) throw aborted();
    throw new MirrorGanError("network", `${url} could not be reached: ${error.message}`, { cause: error });
  }
  if (!response.ok) {
    throw new MirrorGanError("network", `${url}: the server answered ${response.status} ${response.statusText}`.trim());
  }
  return response;
}

/** The response with its bytes counted on the way. */
function counted(response, file, total, onProgress) {
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
  const headers = { "content-type": response.headers.get("content-type") ?? "application/octet-stream" };
  return new Response(response.body.pipeThrough(counter), { headers });
}

async function body(response, url, signal) {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (signal?.aborted) throw aborted();
    throw new MirrorGanError("network", `${url} broke off: ${error.message}`, { cause: error });
  }
}

/** A small text that must be the newest, such as config.json. */
export async function downloadText(url, { signal, onProgress = () => {} }) {
  const file = url.split("/").pop();
  onProgress({ status: "initiate", file });
  const response = counted(await request(url, { signal, fresh: true }), file, 0, onProgress);
  return new TextDecoder().decode(await body(response, url, signal));
}

/** A response to hand to WebAssembly, with progress. */
export async function downloadModule(url, { signal, onProgress = () => {} }) {
  const file = new URL(url).pathname.split("/").pop();
  onProgress({ status: "initiate", file });
  return counted(await request(url, { signal }), file, 0, onProgress);
}

/**
 * A file of a model, from the cache where it is, else from the network; `check(bytes)` throws when it is not the right one.
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
      check(content);
      onProgress({ status: "done", file, loaded: bytes, total: bytes, progress: 100, cached: true });
      return content;
    } catch {
      await store.delete(key);
    }
  }
  const content = await body(counted(await request(url, { signal, fresh: true }), file, bytes, onProgress), url, signal);
  check(content);
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

/** What is kept: url and bytes of each file. */
export async function cachedFiles() {
  const store = await openCache();
  const requests = (await store?.keys()) ?? [];
  return Promise.all(
    requests.map(async (request) => {
      const response = await store.match(request);
      return { url: request.url, bytes: Number(response?.headers.get("content-length")) || 0 };
    }),
  );
}

export async function clearCache() {
  return typeof caches === "object" ? caches.delete(CACHE) : false;
}
