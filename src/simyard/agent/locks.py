"""POSIX record locks, seen from outside: who holds one, and how to signal exactly that process.

A process drops all its record locks on a file when it closes any descriptor of that file. So nothing here may be used on
a file that the same process has locked at that moment.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct

# struct flock of Linux: type, whence, start, length, pid, padded to the alignment of off_t
_FLOCK = struct.Struct("hhqqi0q")
_QUESTION = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: The holder cannot be named: it lives in another process namespace.
SOMEBODY = -1


def holder_of(descriptor: int) -> int:
    """The pid that holds a lock on the open file, 0 for nobody, SOMEBODY where it has no number here."""
    answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, _QUESTION)
    kind, _, _, _, pid = _FLOCK.unpack(answer)
    if kind == fcntl.F_UNLCK:
        return 0
    return int(pid) if pid > 0 else SOMEBODY


def holder(path: str) -> int:
    """As `holder_of`; nobody holds a file that is not there."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
            return 0
        raise
    try:
        return holder_of(descriptor)
    finally:
        os.close(descriptor)


def signal_holder(path: str, number: signal.Signals) -> int:
    """Send a signal to the process that holds the lock, and answer its pid; 0 where nobody could be told.

    The holder is asked for twice, around getting a handle on it, so that a pid that was reused is never hit.
    """
    pid = holder(path)
    if pid <= 0:
        return 0
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return 0
    try:
        if holder(path) != pid:
            return 0
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return 0
    finally:
        os.close(handle)
    return pid
