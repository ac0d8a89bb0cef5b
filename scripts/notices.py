#!/usr/bin/env python3
"""Writes the licences of what the wasm modules are made of to standard output, each text once.

Reads `cargo tree`, `cargo metadata` and the crates' own licence files in cargo's registry; where a crate leaves a choice, the text of the first licence of CHOICE that
it offers is taken. Only crates that are linked into wasm32 count: what builds or derives runs elsewhere.
"""

import collections
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHOICE = ["MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib", "0BSD", "Unlicense", "CC0-1.0", "Unicode-3.0", "BSL-1.0"]
FILES = {"MIT": r"licen[cs]e[-_.]?mit.*", "Apache-2.0": r"licen[cs]e[-_.]?apache.*", "Zlib": r"licen[cs]e[-_.]?zlib.*"}


def linked():
    """Packages that the crate links on wasm32: as `cargo tree` resolves features, without what builds or derives."""
    target = "wasm32-unknown-unknown"
    tree = ["cargo", "tree", "--locked", "-p", "mirrorgan", "--no-default-features", "--target", target, "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(tree, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    wanted = {tuple(line.split()[:2]) for line in lines if line}
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    found = [package for package in packages if (package["name"], f"v{package['version']}") in wanted and package["source"]]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def text_of(package):
    """The licence that was chosen and its text; an empty one where the crate comes without."""
    offered = set(re.split(r"\s+(?:OR|AND|WITH)\s+|/|[()]", package["license"] or ""))
    chosen = next((name for name in CHOICE if name in offered), package["license"] or "unknown")
    files = sorted(path for path in Path(package["manifest_path"]).parent.iterdir() if path.is_file())
    for pattern in (FILES.get(chosen, r"$"), r"(licen[cs]e|copying|unlicense).*"):
        found = next((path for path in files if re.fullmatch(pattern, path.name, re.IGNORECASE)), None)
        text = "\n".join(line.rstrip() for line in found.read_text("utf-8", "replace").strip().splitlines()) if found else ""
        # A link that was packed as its target's name is no text.
        if len(text) > 100:
            return chosen, text
    return chosen, ""


def parts(text):
    """Who holds the copyright, and the rest, which many crates have in common."""
    lines = text.splitlines()
    holders = [line.strip() for line in lines if re.match(r"\s*(copyright (\(c\)|©|\d|the )|\(c\) \d)", line, re.IGNORECASE)]
    rest = [line for line in lines if line.strip() not in holders]
    return holders, "\n".join(rest).strip()


def main():
    crates = collections.defaultdict(list)
    texts = {}
    for package in linked():
        licence, text = text_of(package)
        holders, rest = parts(text)
        # The same words, however the lines are broken.
        key = (licence, " ".join(re.findall(r"\w+", rest.lower())))
        texts.setdefault(key, rest)
        crates[key].append("; ".join([f"{package['name']} {package['version']} ({package['license']})", *holders]))
    print("The WebAssembly modules of this package contain these crates, under these licences.")
    for (licence, words), names in sorted(crates.items()):
        print(f"\n{'=' * 100}\n{licence}\n")
        print("\n".join(names) + "\n")
        print(texts[licence, words] or "(These crates come without the text; see https://spdx.org/licenses/.)")


if __name__ == "__main__":
    sys.exit(main())
