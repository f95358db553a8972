"""What a folder takes of the disk: every file once, no link followed, nothing hidden by its depth or its mode. Blocking, and paced."""

from __future__ import annotations

import os
import stat
import time
import weakref
from typing import Callable, Dict, List, Optional, Set, Tuple

#: What stat counts blocks in (bytes).
_BLOCK = 512
#: A file or folder takes at least this much (bytes): a million empty files are not nothing.
LEAST = 4096
#: After so many entries it rests, so long that this is the share of a processor that it takes.
_PIECE, _SHARE = 500, 0.25
#: A path relative to an open folder is not longer than this (bytes); PATH_MAX would end a walk where somebody digs deeper.
_MAX_PATH = 1024
#: So many folders are held open at most: what lies deeper than they reach is not counted.
_MAX_BASES = 64
#: So many files with several names are known by their inodes; others count once for each name.
_MAX_LINKED = 100_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HANDLE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Todo = List[Tuple["_Base", str]]


class Stopped(Exception):
    """Nobody wants to know any more."""


class Scales:
    """Weighs folders for one user. `stop` is asked now and then."""

    def __init__(self, stop: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        self._stop, self._sleep = stop, sleep
        self._linked: Set[Tuple[int, int]] = set()
        self._counted = 0
        self._since = time.perf_counter()

    def weigh(self, path: str) -> int:
        """Bytes of the folder and of all below it; 0 where there is none. Raises Stopped."""
        try:
            base = _Base(os.open(path, _FOLDER))
        except OSError:
            return 0
        total = max(LEAST, os.fstat(base.descriptor).st_blocks * _BLOCK)
        bases: weakref.WeakSet[_Base] = weakref.WeakSet((base,))
        todo: Todo = [(base, "")]
        del base
        while todo:
            here, below = todo.pop()
            if len(below) > _MAX_PATH and len(bases) < _MAX_BASES:
                descriptor = _open(here, below)
                if descriptor is None:
                    continue
                here, below = _Base(descriptor), ""
                bases.add(here)
            total += self._entries(here, below, todo)
        return total

    def _entries(self, here: _Base, below: str, todo: Todo) -> int:
        """The weight of what stands in one folder; the folders in it are left to do."""
        descriptor = _open(here, below or ".")
        if descriptor is None:
            return 0  # it went away meanwhile
        total = 0
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    total += self._weight(status)
                    if stat.S_ISDIR(status.st_mode):
                        todo.append((here, f"{below}/{entry.name}" if below else entry.name))
        except OSError:
            pass  # as above
        finally:
            os.close(descriptor)
        return total

    def _weight(self, status: os.stat_result) -> int:
        self._counted += 1
        if self._counted % _PIECE == 0:
            self._rest()
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            inode = (status.st_dev, status.st_ino)
            if inode in self._linked:
                return 0
            if len(self._linked) < _MAX_LINKED:
                self._linked.add(inode)
        return max(LEAST, status.st_blocks * _BLOCK)

    def _rest(self) -> None:
        if self._stop():
            raise Stopped
        took = time.perf_counter() - self._since
        self._sleep(min(1.0, took * (1 / _SHARE - 1)))
        self._since = time.perf_counter()


class _Base:
    """An open folder, from which others are opened; closed with the last of them."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


def _open(here: _Base, below: str) -> Optional[int]:
    """A descriptor of a folder. One that its owner has closed to itself is opened again: a code must not hide what it wrote."""
    try:
        return os.open(below, _FOLDER, dir_fd=here.descriptor)
    except PermissionError:
        pass
    except OSError:
        return None
    try:
        handle = os.open(below, _HANDLE, dir_fd=here.descriptor)
        try:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            # should somebody put a link in its place now, then it is one who could do the same himself
            os.chmod(below, mode | 0o500, dir_fd=here.descriptor)
        finally:
            os.close(handle)
        return os.open(below, _FOLDER, dir_fd=here.descriptor)
    except OSError:
        return None


def weigh_each(paths: Dict[str, str], stop: Callable[[], bool]) -> Dict[str, int]:
    """The weight of each folder, by name. Raises Stopped."""
    return {name: Scales(stop).weigh(path) for name, path in paths.items()}


def weigh_rest(root: str, runs: str, leave_out: Callable[[str], bool], stop: Callable[[], bool]) -> Tuple[int, Set[str]]:
    """The weight of the user's folder without the runs that are to be left out, which are asked for before and after each is
    weighed; and which those were. Raises Stopped."""
    scales, total, left_out = Scales(stop), LEAST, set()
    for folder in _folders(root):
        if os.path.join(root, folder) != runs:
            total += scales.weigh(os.path.join(root, folder))
    total += LEAST
    for run in _folders(runs):
        if not leave_out(run):
            weight = scales.weigh(os.path.join(runs, run))
            if not leave_out(run):
                total += weight
                continue
        left_out.add(run)
    return total, left_out


def _folders(path: str) -> List[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []
