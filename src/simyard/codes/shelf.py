"""The codes as they are in their folders now: read anew when a file has changed. One that breaks stays as it was last good."""

from __future__ import annotations

import ast
import os
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from simyard.codes import code_toml, registry
from simyard.codes.declaration import Declaration
from simyard.config import Config

#: The folders are looked at again when somebody asks, but not more often (seconds): while codes are written, and else.
_PAUSE, _LONG_PAUSE = 0.2, 3.0
#: No more files than this are looked at in a folder.
_MAX_FILES = 2000

Print = tuple[tuple[str, int, int, int], ...]


class Shelf:
    """The codes as they were last read. With `[web] reload_codes` each question is answered by what the folders are now.
    May be asked by several threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._looked = 0.0
        self._print: Print | None = None
        self._codes: registry.Codes | None = None

    def codes(self) -> registry.Codes:
        """The codes, as they were last read where they need not be read anew."""
        return self._codes if self._codes is not None and not self._config.web.reload_codes else self.fresh()

    def fresh(self) -> registry.Codes:
        """The codes as they are now, or were a moment ago."""
        with self._lock:
            pause = _PAUSE if self._config.web.reload_codes else _LONG_PAUSE
            if self._codes is not None and time.monotonic() - self._looked < pause:
                return self._codes
            now = tuple(_print(self._config))
            if self._codes is None or now != self._print:
                self._codes = self._read(self._codes)
                self._print = now
            self._looked = time.monotonic()
            return self._codes

    def _read(self, before: registry.Codes | None) -> registry.Codes:
        codes = registry.load(self._config)
        found, broken = dict(codes), dict(codes.broken)
        for name, good in (before or {}).items():
            if name in broken and name not in found and good.folder.is_dir():
                # what is run is what the folder has now, so no run of before is as good as one of now
                found[name] = replace(good, version=_version(good))
                broken[name] += " Until it is mended, it stays as it was declared before."
        if self._config.web.reload_codes:
            broken.update((name, words) for name, code in found.items() if name not in broken and (words := _syntax(code)))
        return registry.Codes(found, broken)


def _version(code: Declaration) -> str:
    try:
        return code_toml.content_version(code.folder)
    except OSError:
        return code.version


def _syntax(code: Declaration) -> str:
    """What is wrong with a code.py that this Python would run, as far as it shows without executing it."""
    path = code.folder / code_toml.PROGRAM
    if code.python or not path.is_file():
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        return f"{path}, line {error.lineno}: {error.msg}. Its runs fail until it is mended."
    except (OSError, ValueError) as error:
        return f"{path}: {error}."
    return ""


def _print(config: Config) -> Iterator[tuple[str, int, int, int]]:
    """Names, times, sizes and inodes of all files of all codes: another print, other codes."""
    for parent in registry.parents(config):
        yield str(parent), 0, 0, 0
        many = 0
        for folder, folders, names in os.walk(parent):
            folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
            for name in sorted(names):
                if many < _MAX_FILES and not name.startswith(".") and not name.endswith((".pyc", "~")):
                    many += 1
                    try:
                        status = os.stat(os.path.join(folder, name))
                    except OSError:
                        continue
                    yield str(Path(folder, name)), status.st_mtime_ns, status.st_size, status.st_ino
