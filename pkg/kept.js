// The copies that the browser keeps (Cache API), each of a model's files under its sha-256. Where it refuses, nothing is kept.

const CACHE = "mirrorgan-v1";
/** Bytes of a download that are kept before all of it is there. */
const PART = 2 ** 20;
/** Addresses that are no http ones, such as an extension's, cannot be keys themselves. */
const ELSEWHERE = "https://kept.invalid/";

/** What `work` gives; `otherwise` where the cache refuses, as in private windows, opaque origins, and on full disks. */
async function quietly(work, otherwise) {
  try {
    return await work();
  } catch {
    return otherwise;
  }
}

/** Whether anything can be kept. */
export const canKeep = () => quietly(async () => typeof (await caches.has(CACHE)) === "boolean", false);

/** The store, or null. No call of it rejects. */
export async function openStore() {
  // Not there, or a getter that throws.
  const cache = await quietly(() => caches.open(CACHE), null);
  if (!cache) return null;
  return {
    match: (key) => quietly(() => cache.match(key)),
    keys: async () => (await quietly(() => cache.keys(), [])).map(({ url }) => url),
    put: (key, content, headers = {}) =>
      quietly(() => cache.put(key, new Response(content, { headers: { "content-length": String(content.byteLength), ...headers } }))),
    delete: (key) => quietly(() => cache.delete(key), false),
  };
}

/** The key of a file; one that has a sha-256 is the same whatever signature its address has. */
export function keyOf(address, sha256) {
  let key = new URL(address);
  key.hash = "";
  if (!key.protocol.startsWith("http")) {
    const { href } = key;
    key = new URL(ELSEWHERE);
    key.searchParams.set("address", href);
  } else if (sha256) key.search = "";
  if (sha256) key.searchParams.set("sha256", sha256);
  return key.href;
}

/** What a key is of. */
function readKey(key) {
  const url = new URL(key);
  const { searchParams } = url;
  const sha256 = searchParams.get("sha256");
  const part = searchParams.has("part");
  searchParams.delete("sha256");
  searchParams.delete("part");
  return { url: url.href.startsWith(ELSEWHERE) ? searchParams.get("address") : url.href, sha256, part };
}

const placeOf = (address) => address.replace(/[?#].*/s, "");

/** Keeps a file, in place of its parts and of others from the same address. */
export async function keepOnly(store, key, content) {
  const place = placeOf(readKey(key).url);
  for (const other of await store.keys()) {
    if (other !== key && placeOf(readKey(other).url) === place) await store.delete(other);
  }
  await store.put(key, content);
}

const partOf = (key, place) => `${key}${key.includes("?") ? "&" : "?"}part=${place}`;

/** The parts of a download, kept as they come, each under its place in the file, for the one that goes on with it. */
export class Parts {
  #store;
  #key;
  #names = [];
  #chunks = [];
  #size = 0;
  #end = 0;
  #kept = Promise.resolve();
  /** What the server calls it, where no sha-256 does: parts of another do not go with it. */
  version = "";

  constructor(store, key) {
    this.#store = store;
    this.#key = key;
  }

  #name = (place) => partOf(this.#key, place);

  /** What is there already, of one version. */
  async read() {
    const parts = [];
    for (;;) {
      const name = this.#name(this.#end);
      const kept = await this.#store.match(name);
      const version = kept?.headers.get("etag") ?? "";
      if (parts.length === 0) this.version = version;
      const content = kept && version === this.version && (await quietly(() => kept.arrayBuffer()));
      if (!content?.byteLength) break;
      parts.push(new Uint8Array(content));
      this.#names.push(name);
      this.#end += content.byteLength;
    }
    return parts;
  }

  add(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size >= PART) this.flush();
  }

  /** Keeps what has come since the last part. */
  flush() {
    if (this.#size === 0) return this.#kept;
    const [name, content, headers] = [this.#name(this.#end), join(this.#chunks), { etag: this.version }];
    this.#names.push(name);
    this.#end += this.#size;
    [this.#chunks, this.#size] = [[], 0];
    this.#kept = this.#kept.then(() => this.#store.put(name, content, headers));
    return this.#kept;
  }

  async forget() {
    const names = this.#names;
    [this.#names, this.#chunks, this.#size, this.#end, this.version] = [[], [], 0, 0, ""];
    await this.#kept;
    for (const name of names) await this.#store.delete(name);
  }
}

/** Chunks of bytes as one. */
export function join(chunks) {
  const all = new Uint8Array(chunks.reduce((total, { byteLength }) => total + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

export async function isKept(address, sha256) {
  const store = await openStore();
  return Boolean(await store?.match(keyOf(address, sha256)));
}

/** Bytes of a file that are kept of a download that did not come to its end. */
export async function bytesBegun(address, sha256) {
  const store = await openStore();
  const key = keyOf(address, sha256);
  for (let end = 0; ; ) {
    const part = await store?.match(partOf(key, end));
    const bytes = Number(part?.headers.get("content-length")) || 0;
    if (bytes === 0) return end;
    end += bytes;
  }
}

/** What is kept: address, bytes and, of a model's files, the sha-256. */
export async function keptFiles() {
  const store = await openStore();
  const keys = ((await store?.keys()) ?? []).map((key) => ({ key, ...readKey(key) })).filter(({ part }) => !part);
  return Promise.all(
    keys.map(async ({ key, url, sha256 }) => {
      const response = await store.match(key);
      return { url, sha256, bytes: Number(response?.headers.get("content-length")) || 0 };
    }),
  );
}

/** Forgets everything, or what `isOf(address)` is true of; whether there was any. */
export async function clearKept(isOf) {
  if (!isOf) return quietly(() => caches.delete(CACHE), false);
  const store = await openStore();
  const keys = ((await store?.keys()) ?? []).filter((key) => isOf(placeOf(readKey(key).url)));
  await Promise.all(keys.map((key) => store.delete(key)));
  return keys.length > 0;
}
