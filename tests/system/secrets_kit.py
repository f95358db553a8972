"""A search for secrets that finds them where they are: in files, and in what each process of this machine shows of itself while it runs."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

#: At each place where one may begin, whatever stands beside it.
_HEX = re.compile(rb"(?=([0-9a-f]{64}))")
#: Each process is looked at this often (seconds).
_AGAIN = 0.05


class Search:
    """For these secrets, by what they are called, as they are and in base64; and for those of which only a SHA-256 is known, in hexadecimal
    digits as agents' secrets are."""

    def __init__(self, secrets: dict[str, str], hashes: dict[str, str]) -> None:
        self._forms = {name: [secret.encode(), *_in_base64(secret.encode())] for name, secret in secrets.items()}
        self.hashes = hashes

    def names(self, data: bytes) -> set[str]:
        """Which of them are in there."""
        found = {name for name, forms in self._forms.items() if any(form in data for form in forms)}
        if self.hashes:
            digests = {hashlib.sha256(word).hexdigest() for word in set(_HEX.findall(data))}
            found |= {name for name, digest in self.hashes.items() if digest in digests}
        return found

    def files(self, *folders: Path) -> tuple[set[tuple[str, str]], set[str]]:
        """Where which of them are, contents and names of files; and all the files that were looked at."""
        found: set[tuple[str, str]] = set()
        seen: set[str] = set()
        for folder in folders:
            for path in _below(folder):
                try:
                    data = path.read_bytes()
                except FileNotFoundError:
                    continue  # it has just gone
                seen.add(str(path))
                found |= {(str(path), name) for name in self.names(os.fsencode(path) + b"\n" + data)}
        return found, seen


class Watch:
    """Writes down the arguments and the environment of every process, again and again, within a `with` block."""

    def __init__(self) -> None:
        #: What was shown, once each, by (`cmdline` or `environ`).
        self.shown: dict[str, set[bytes]] = {"cmdline": set(), "environ": set()}
        self.rounds = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def has(self, words: bytes, where: str = "cmdline") -> bool:
        return any(words in one for one in self.shown[where])

    def look(self) -> None:
        """Return once every process that is there now was looked at."""
        enough = self.rounds + 2
        while self.rounds < enough:
            time.sleep(0.01)

    def _watch(self) -> None:
        while not self._stop.wait(_AGAIN):
            for entry in os.scandir("/proc"):
                if entry.name.isdigit():
                    for kind, shown in self.shown.items():
                        try:
                            shown.add(Path(entry.path, kind).read_bytes())
                        except OSError:
                            break  # it has just ended
            self.rounds += 1


def _below(folder: Path) -> Iterator[Path]:
    """Every file; a pipe or a socket would make whoever reads it wait."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _in_base64(secret: bytes) -> list[bytes]:
    """As it looks inside of a longer text, by where it begins there: without the digits that what stands beside it changes."""
    found = []
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret)
        end = (before + len(secret)) // 3 * 4
        found.append(coded[4 if before else 0 : end])
    return found
