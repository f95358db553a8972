"""The frames that were made of a run, kept for who asks again: so many, and those that nobody asked for longest go first. Blocking."""

from __future__ import annotations

import logging
import os
import re
import stat
import threading
from collections import OrderedDict
from typing import List, Tuple

from simyard.protocol import rundir

log = logging.getLogger(__name__)
#: The frames of one run fill no more than this (bytes), and are no more than so many files.
MOST_BYTES, MOST_FILES = 256 << 20, 2000
#: The folder is looked at when this much (bytes), or so many frames, were made since the last look.
_LOOK_BYTES, _LOOK_FILES = MOST_BYTES // 16, MOST_FILES // 16
#: Of so many runs is known how much was made since.
_KNOWN = 1000
#: One picture of a report that has many: it can be made again. A report without frames stays: there are few.
_FRAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\.[0-9]{1,10}\.json\Z")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """Of all runs of an agent; its methods are called in threads."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Tuple[int, int]] = OrderedDict()
        self._turn = threading.Lock()

    def made(self, directory: str, size: int) -> None:
        """A frame of this size was made in this run directory."""
        with self._turn:
            # a run that nothing is known of may have been filled before
            files, filled = self._made.pop(directory, (_LOOK_FILES, 0))
            due = files + 1 >= _LOOK_FILES or filled + size >= _LOOK_BYTES
            self._made[directory] = (0, 0) if due else (files + 1, filled + size)
            if len(self._made) > _KNOWN:
                self._made.popitem(last=False)
        if due:
            try:
                trim(os.path.join(directory, rundir.REPORTS))
            except OSError as error:
                log.warning("The frames in %s cannot be looked through: %s", directory, error)


def used(descriptor: int) -> None:
    """Somebody has asked for this frame: it stays longer than others."""
    try:
        os.utime(descriptor)
    except OSError:
        pass  # a full disk, or not ours: it is only as old as it was


def trim(folder: str, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> int:
    """Remove the frames that were not asked for longest, until what is left is within the bounds; how many that were. Nothing else
    is touched, and no link followed. Raises OSError."""
    descriptor = os.open(folder, _FOLDER)
    try:
        found = _frames(descriptor)
        files, filled, gone = len(found), sum(size for _, size, _ in found), 0
        for _, size, name in sorted(found):
            # the newest was just made for somebody
            if files <= max(1, most_files) and (filled <= most_bytes or files <= 1):
                break
            try:
                os.unlink(name, dir_fd=descriptor)
            except FileNotFoundError:
                pass
            files, filled, gone = files - 1, filled - size, gone + 1
        return gone
    finally:
        os.close(descriptor)


def _frames(descriptor: int) -> List[Tuple[int, int, str]]:
    """(time, size, name) of each."""
    found = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if not _FRAME.match(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_mtime_ns, status.st_size, entry.name))
    return found
