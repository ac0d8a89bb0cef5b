#!/usr/bin/env python3
"""Serves the demo on this machine: www/ at the root, pkg/ and models/ below it.

Nothing but Python's standard library. Prints the address once it listens.
"""

import argparse
import io
import posixpath
import re
import sys
import urllib.parse
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from models_index import models_index, subfolders

ROOT = Path(__file__).resolve().parent.parent

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".safetensors": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
}


class Handler(SimpleHTTPRequestHandler):
    """Files of several folders under one address."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args, prefix, mounts, headers, quiet, **kwargs):
        self.prefix, self.mounts, self.more_headers, self.quiet = prefix, mounts, headers, quiet
        super().__init__(*args, **kwargs)

    def translate_path(self, path):
        path = urllib.parse.unquote(urllib.parse.urlsplit(path).path)
        if not path.startswith(self.prefix):
            return "/nonexistent"
        parts = [part for part in posixpath.normpath("/" + path[len(self.prefix):]).split("/") if part]
        # The longest mount that the path is in.
        for length in range(len(parts), -1, -1):
            folder = self.mounts.get("/".join(parts[:length]))
            if folder is None:
                continue
            found = folder.joinpath(*parts[length:])
            return str(found) + ("/" if path.endswith("/") else "")
        return "/nonexistent"

    def send_head(self):
        """A file; the list of models is made of what is there now unless there is one."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if path != self.prefix + "models/index.json" or Path(self.translate_path(self.path)).is_file():
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            return (asked and self.send_rest(int(asked[1]), asked[2])) or super().send_head()
        folders = subfolders(self.mounts["models"])
        folders |= {name[len("models/"):]: folder for name, folder in self.mounts.items() if name.startswith("models/")}
        text = models_index(folders).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        return io.BytesIO(text)

    def send_rest(self, first, last):
        """A file from byte `first` to its end, for a download that was cancelled; None where there is no such rest, or less is asked for."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return None
        size, changed = path.stat().st_size, path.stat().st_mtime
        if first >= size or (last and int(last) < size - 1):
            return None
        file = path.open("rb")
        file.seek(first)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(size - first))
        self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
        self.send_header("Last-Modified", self.date_time_string(changed))
        self.end_headers()
        return file

    def guess_type(self, path):
        return TYPES.get(Path(path).suffix.lower(), "application/octet-stream")

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            # The browser has left, or the visitor cancelled.
            self.close_connection = True

    def list_directory(self, path):
        self.send_error(404, "Not Found")

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in self.more_headers:
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format, *args):
        if not self.quiet:
            super().log_message(format, *args)


def listen(handler, host, port, exact):
    """A server on `port`, or on the next free one unless it must be that one."""
    for candidate in [port] if exact or port == 0 else range(port, port + 20):
        try:
            return ThreadingHTTPServer((host, candidate), handler)
        except OSError as error:
            failure = error
    sys.exit(f"error: port {port} is taken ({failure}); choose another with --port")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="default: the first free one from 8000 on; 0: any")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--prefix", default="/", help="path that the page is served under")
    parser.add_argument("--mount", action="append", default=[], metavar="PATH=FOLDER", help="another folder, such as models/x=/tmp/x")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="serve this folder, such as a built site, instead of www/, pkg/ and models/")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE", help="another header of every answer")
    parser.add_argument("--quiet", action="store_true", help="no line for each request")
    args = parser.parse_args()

    if args.root:
        mounts = {"": args.root.resolve(), "models": args.root.resolve() / "models"}
    else:
        mounts = {"": ROOT / "www", "pkg": ROOT / "pkg", "models": ROOT / "models"}
    for mount in args.mount:
        path, _, folder = mount.partition("=")
        mounts[path.strip("/")] = Path(folder).resolve()
    prefix = "/" + args.prefix.strip("/") + "/" if args.prefix.strip("/") else "/"
    headers = [tuple(part.strip() for part in header.split(":", 1)) for header in args.header]
    if any(len(header) != 2 for header in headers):
        parser.error("a --header is NAME: VALUE")
    handler = partial(Handler, prefix=prefix, mounts=mounts, headers=headers, quiet=args.quiet)
    server = listen(handler, args.host, args.port if args.port is not None else 8000, args.port is not None)
    print(f"MirrorGAN is at http://{args.host}:{server.server_address[1]}{prefix} (Ctrl-C stops it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
