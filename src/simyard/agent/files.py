"""Files of a run directory, for others to read: opened without ever following a link, and plain files only. Blocking."""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
from typing import Any, Dict, List

from simyard.agent.preparing import confined
from simyard.errors import Conflict, InvalidRequest, NotFound, ProtocolError
from simyard.protocol import rundir

#: A list of files ends here.
MAX_LISTED = 50_000
#: Nobody looks at more than that for it: a code may make folders without end, and without a file in them.
MAX_LOOKED = 200_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# the agent must not open a lock that it may hold: closing it would free it
_PRIVATE = frozenset({rundir.LOCK})


def open_file(directory: str, path: str) -> int:
    """A descriptor for reading the plain file at `path` below the run directory.

    Every step is opened relative to the one before and no link is followed, so there is no way out and nothing to race.
    Raises InvalidRequest, NotFound or Conflict.
    """
    try:
        parts = confined(path).split("/")
    except ProtocolError as error:
        raise InvalidRequest("bad-path", error.detail) from None
    if parts[0] in _PRIVATE:
        raise NotFound("no-such-file", f"There is no file {path} in this run.")
    try:
        folder = _open_folder(directory, parts[:-1])
        try:
            descriptor = os.open(parts[-1], _FILE, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _refused(error, path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Conflict("not-a-file", f"{path} is not a plain file.")
    return descriptor


def _refused(error: OSError, path: str) -> Exception:
    if error.errno == errno.ELOOP:
        return Conflict("not-a-file", f"{path} is a link, and links are not followed.")
    if error.errno == errno.ENOTDIR:
        return NotFound("no-such-file", f"There is no file {path} in this run, or a part of its path is a link.")
    if error.errno == errno.ENOENT:
        return NotFound("no-such-file", f"There is no file {path} in this run.")
    if error.errno == errno.ENXIO:
        return Conflict("not-a-file", f"{path} is not a plain file.")
    return Conflict("cannot-read", f"{path} cannot be read: {error.strerror}.")


def size_of(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def list_files(directory: str) -> bytes:
    """JSON of the plain files below the run directory, sorted by path; links, and names that are no text, left out."""
    found: List[Dict[str, Any]] = []
    _walk(directory, found)
    found.sort(key=lambda file: str(file["path"]))
    return json.dumps(found, separators=(",", ":")).encode("ascii")


def _walk(directory: str, found: List[Dict[str, Any]]) -> None:
    folders, looked = [""], 0
    while folders and len(found) < MAX_LISTED and looked < MAX_LOOKED:
        prefix = folders.pop()
        try:
            descriptor = _open_folder(directory, prefix.split("/")[:-1])
        except OSError:
            continue  # it went away meanwhile, may not be read, or became a link
        try:
            with os.scandir(descriptor) as entries:
                for entry in itertools.islice(entries, MAX_LOOKED - looked):
                    looked += 1
                    _note(entry, prefix + entry.name, folders, found)
        finally:
            os.close(descriptor)


def _note(entry: os.DirEntry[str], path: str, folders: List[str], found: List[Dict[str, Any]]) -> None:
    try:
        confined(path)
        status = entry.stat(follow_symlinks=False)
    except (ProtocolError, OSError):
        return
    if stat.S_ISDIR(status.st_mode):
        folders.append(path + "/")
    elif stat.S_ISREG(status.st_mode) and path not in _PRIVATE and len(found) < MAX_LISTED:
        found.append({"path": path, "size": status.st_size, "modified": status.st_mtime})


def _open_folder(directory: str, parts: List[str]) -> int:
    """A descriptor of the folder at `parts` below the run directory, no link on the way there being followed. Raises OSError."""
    folder = os.open(directory, _FOLDER)
    for part in parts:
        try:
            deeper = os.open(part, _FOLDER, dir_fd=folder)
        finally:
            os.close(folder)
        folder = deeper
    return folder


def media_type(path: str) -> str:
    """What a browser may take a file of a run for. Only text and pictures: nothing that it would execute."""
    return _MEDIA.get(os.path.splitext(path)[1].lower(), "application/octet-stream")


_MEDIA = {
    ".json": "application/json",
    ".jsonl": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
