#!/usr/bin/env python3
"""Prints models/index.json: which folders of models/ hold a model, so that the demo can offer them.

    scripts/models_index.py models >site/models/index.json

The page reads names, sizes and all else from each folder's config.json.
"""

import json
import re
import sys
from pathlib import Path

# What the page takes as the name of a model: a plain folder name, nothing that leads elsewhere.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def models_index(folders):
    """The index of the models in `folders`, a dict from name to folder."""
    names = (name for name, folder in folders.items() if NAME.fullmatch(name) and (Path(folder) / "config.json").is_file())
    return json.dumps({"models": sorted(names)}) + "\n"


def subfolders(folder):
    """Name to path, of the folders in `folder`."""
    return {path.name: path for path in Path(folder).iterdir() if path.is_dir()} if Path(folder).is_dir() else {}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: scripts/models_index.py FOLDER")
    sys.stdout.write(models_index(subfolders(sys.argv[1])))
