"""Removing what is left of deleted runs. Blocking."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import stat
import time
from typing import Iterator, List

from simyard.agent import locks
from simyard.agent.place import Place
from simyard.protocol import rundir

log = logging.getLogger(__name__)
#: A run that is being removed has this before its id: it is no run's directory any more from one moment to the next.
_GONE = ".gone-"
#: What cannot be removed in this time (seconds) is gone on with when it is asked for again: somebody may be adding to it all the time.
LIMIT = 30.0
_AT_ONCE = 1000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(place: Place, run: str) -> bool:
    """Whether nothing is left of the run. A directory in which somebody still holds the lock is left alone; nothing outside
    is touched, whatever links a code has made. Repeating it is harmless. Raises ProtocolError for what is no run's id."""
    directory = place.run_dir(run)
    aside = os.path.join(place.runs, _GONE + run)
    try:
        if os.path.lexists(directory):
            if _is_held(os.path.join(directory, rundir.LOCK)):
                log.warning("Run %s was deleted, and something of it still runs: its directory stays.", run)
                return False
            _discard(aside)
            os.rename(directory, aside)
        _discard(aside)
        place.remove_marker(run)
    except OSError as error:
        log.warning("What is left of run %s cannot be removed: %s", run, error)
        return False
    return True


def _is_held(lock: str) -> bool:
    try:
        return locks.holder(lock) != 0
    except OSError as error:
        # a cluster's file system that has no locks: that nothing of the run lives was known before it was settled
        if error.errno in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}:
            return False
        raise


def _discard(path: str) -> None:
    """Remove what is there, whatever a code has made of it: folders closed even to their owner, and deeper within each other than
    a path may be long. What lies in a folder is therefore moved up until nothing lies deep. Raises OSError."""
    until = time.monotonic() + LIMIT
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
        os.chmod(path, 0o700)
        top = os.open(path, _FOLDER)
    except FileNotFoundError:
        return
    # no name that a code may have given
    fresh = (f".{os.urandom(8).hex()}" for _ in itertools.count())
    try:
        while names := _some(top, until):
            for name in names:
                if stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
                    os.chmod(name, 0o700, dir_fd=top)
                    _flatten(name, top, fresh, until)
                    os.rmdir(name, dir_fd=top)
                else:
                    os.unlink(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(path)


def _flatten(name: str, top: int, fresh: Iterator[str], until: float) -> None:
    """Empty the folder of that name at the top: its files are gone then, and its folders at the top as well, and open."""
    folder = os.open(name, _FOLDER, dir_fd=top)
    try:
        while inner := _some(folder, until):
            for one in inner:
                if stat.S_ISDIR(os.lstat(one, dir_fd=folder).st_mode):
                    os.chmod(one, 0o700, dir_fd=folder)
                    os.rename(one, next(fresh), src_dir_fd=folder, dst_dir_fd=top)
                else:
                    os.unlink(one, dir_fd=folder)
    finally:
        os.close(folder)


def _some(folder: int, until: float) -> List[str]:
    """Names in the folder, none where it is empty. Raises OSError where there is no more time."""
    if time.monotonic() > until:
        raise OSError(errno.EBUSY, "there is more of it than can be removed at once")
    with os.scandir(folder) as entries:
        return [entry.name for entry in itertools.islice(entries, _AT_ONCE)]
