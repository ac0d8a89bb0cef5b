// Keeps what the page is made of, so that it opens without network. Weights and wasm modules are kept by the package.

const SHELL = "mirrorgan-page";

const isOurs = (url) => url.startsWith(self.registration.scope) && !/\.(safetensors|wasm)$/.test(new URL(url).pathname);

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// What the first visit loaded before there was a service worker.
self.addEventListener("message", (event) => {
  const urls = (Array.isArray(event.data) ? event.data : []).filter((url) => typeof url === "string" && isOurs(url));
  event.waitUntil(Promise.allSettled(urls.map((url) => newest(new Request(url)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && isOurs(request.url)) event.respondWith(newest(request));
});

async function newest(request) {
  const shell = await caches.open(SHELL);
  try {
    const response = await fetch(request);
    // A full disk costs a visit without network, nothing more.
    if (response.ok) await shell.put(request, response.clone()).catch(() => {});
    return response;
  } catch (error) {
    const kept = await shell.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
