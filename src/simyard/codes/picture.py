"""A code's picture: a small file in its folder, named by `picture` in its code.toml."""

from __future__ import annotations

import os
import stat
from pathlib import Path

#: The kinds of pictures that every browser shows, by their suffix.
TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".webp": "image/webp"}
#: It stands on a card, beside many others (bytes).
MAX_PICTURE = 256 << 10


def problem(folder: Path, name: str) -> str:
    """What is wrong with this picture of a code, "" where nothing is."""
    if "/" in name or "\\" in name or name.startswith("."):
        return f"{name!r} must be the name of a file in the code's folder"
    if Path(name).suffix.lower() not in TYPES:
        return f"{name!r} must end with one of {', '.join(TYPES)}"
    try:
        found = os.lstat(folder / name)
    except OSError:
        return f"there is no file {name!r} in the code's folder"
    if not stat.S_ISREG(found.st_mode):
        return f"{name!r} is not a file"
    if found.st_size > MAX_PICTURE:
        return f"{name!r} has {found.st_size} bytes; make it smaller than {MAX_PICTURE}"
    return ""
