// A server of folders whose answers a test may change, and pages for it to open.

import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { ROOT, TINY } from "./harness.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

/** Folders and texts by path; `pkg` and `tiny` are always there. */
export class FilesServer {
  /** Paths with their queries, and headers, of the requests so far. */
  log = [];
  /** Answers itself where it gives true: `(request, response, path)`. */
  answer = () => false;
  /** Headers of every answer. */
  headers = {};
  #mounts;
  #server;

  constructor(mounts = {}) {
    this.#mounts = { pkg: join(ROOT, "pkg"), tiny: TINY, "": { "/": "<!doctype html><title>page</title><link rel=icon href=data:,>" }, ...mounts };
  }

  async start() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.address = `http://127.0.0.1:${this.#server.address().port}/`;
    return this;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  /** Where a path's file lies, or its text. */
  find(path) {
    const [, folder, ...rest] = path.split("/");
    const texts = this.#mounts[""];
    if (texts[path] !== undefined) return { text: texts[path] };
    const mount = this.#mounts[folder];
    const file = mount && join(mount, ...rest);
    return file && existsSync(file) && statSync(file).isFile() ? { file } : null;
  }

  #serve(request, response) {
    const { pathname, search } = new URL(request.url, "http://x");
    this.log.push({ path: pathname + search, headers: request.headers, method: request.method });
    for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value);
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    if (this.answer(request, response, pathname)) return;
    const found = this.find(pathname);
    if (!found) return response.writeHead(404).end();
    const type = TYPES[extname(found.file ?? "x.html")] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-length": found.file ? statSync(found.file).size : Buffer.byteLength(found.text) });
    if (request.method === "HEAD") return response.end();
    if (found.file) createReadStream(found.file).pipe(response);
    else response.end(found.text);
  }

  content(path) {
    return readFileSync(this.find(path).file);
  }
}

/** In the page: `MirrorGan`, `prompt`, `code(promise)` and `last(result)`, the pixels of the last stage. */
export async function prepare(page, prompt, pkg = "pkg/index.js") {
  await page.evaluate(
    async ([prompt, pkg]) => {
      const { MirrorGan, MirrorGanError } = await import(new URL(pkg, document.baseURI).href);
      const code = (promise) =>
        promise.then(
          () => "ok",
          (error) => (error instanceof MirrorGanError ? error.code : `untyped: ${error}`),
        );
      const last = ({ pictures }) => pictures[0].stages.at(-1).image.data.join();
      Object.assign(globalThis, { MirrorGan, MirrorGanError, prompt, code, last });
    },
    [prompt, pkg],
  );
  return page;
}
