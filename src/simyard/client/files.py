"""Downloads that survive a break: what is there is kept, and the rest is asked for."""

from __future__ import annotations

import http.client
import os
from pathlib import Path, PurePosixPath

from simyard.client.http import Http
from simyard.errors import ProtocolError, SimyardError, Unavailable

_CHUNK = 1 << 20
#: Breaks in a row, without one byte between them, after which a download is given up.
_TRIES = 5


def confined(folder: Path, name: str) -> Path:
    """The path of `name` in `folder`; raises ProtocolError for a name that would lead out of it."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise ProtocolError("bad-path", f"The server named a file {name!r}, which is not one inside a folder.")
    target = folder.joinpath(*parts)
    # a link that lies in the folder already must not lead what is written out of it either
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ProtocolError("bad-path", f"{target} leads out of {folder} by a link.")
    return target


def fetch(server: Http, where: str, folder: Path, name: str, size: int | None) -> Path:
    """Download the file at `where` as `name` in `folder`: written beside and renamed when it is whole.
    Raises Unavailable when it breaks off again and again."""
    target = confined(folder, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures = 0
    if size is not None and part.exists() and part.stat().st_size > size:
        part.unlink()  # of another file, once
    while True:
        have = _size(part)
        error: Exception | None = None
        try:
            if size is None or have < size or not part.exists():
                _append(server, where, part, have)
        except (OSError, http.client.HTTPException) as broken:
            error = broken
        except SimyardError as refused:
            if not refused.retry:
                raise
            error = refused
        if error is None and (size is None or _size(part) >= size):
            os.replace(part, target)
            return target
        failures = 0 if _size(part) > have else failures + 1
        if failures >= _TRIES:
            why = f" ({error})" if error else ""
            words = (
                f"The download of {name} broke off{why}; what came so far is in {part}, and the same command goes on from there."
            )
            raise Unavailable("download-broken", words) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(server: Http, where: str, part: Path, have: int) -> None:
    headers = {"Accept": "*/*", **({"Range": f"bytes={have}-"} if have else {})}
    with server.open("GET", where, headers=headers) as answer, part.open("ab") as file:
        if have and answer.status != 206:
            file.truncate(0)  # the server sends all of it
        while piece := answer.read(_CHUNK):
            file.write(piece)
