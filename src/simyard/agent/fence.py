"""One agent for each user and target: the newer takes the lock, the older is ended, and what it ran goes on."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time

from simyard.agent import locks
from simyard.errors import SimyardError

#: The older agent has this long to leave by itself (seconds), then it is killed.
POLITE = 2.0
#: A lock that is not free by then is held by something that cannot be killed (seconds).
LIMIT = 30.0


class Fenced(SimyardError):
    """The older agent can be neither reached nor ended from here."""

    status = 409


def take(path: str) -> int:
    """Hold the lock at `path`, ending the agent that holds it. The descriptor keeps it for the life of this process.

    Called before the event loop runs: it may block for LIMIT. Raises Fenced.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    begun = time.monotonic()
    told = None
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                os.close(descriptor)
                raise
        else:
            return descriptor
        waited = time.monotonic() - begun
        if waited > LIMIT:
            os.close(descriptor)
            raise Fenced("agent-in-the-way", f"Another agent holds {path} and cannot be ended from here.")
        wanted = signal.SIGTERM if waited < POLITE else signal.SIGKILL
        if told is not wanted and locks.signal_holder(path, wanted):
            told = wanted
        time.sleep(0.01)
