"""Tells the service manager that has started us, where one has (systemd's Type=notify), how we are. Standard library only."""

from __future__ import annotations

import contextlib
import os
import socket

READY, STOPPING, RELOADING, ALIVE = "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1"
#: Words that are the last ones of a process wait for room with a busy manager for so long (seconds).
_PATIENCE = {RELOADING: 5.0}

#: What it could not take yet, because too much waits for it already: said before the next word.
_owed: list[str] = []


def tell(word: str) -> None:
    """Tell it; nobody listens where nobody has asked, and a manager that is away is no reason to fail. What a busy one has no room for
    is told with the next ALIVE, so READY is never lost; an ALIVE itself need not be told later."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract one
        address = "\0" + address[1:]
    words = [*_owed, word] if word == ALIVE else [word]
    _owed.clear()
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asked:
        # connected: only then it can be waited for until there is room at the other end
        asked.connect(address)
        for one in words:
            asked.settimeout(_PATIENCE.get(one, 0.0))
            try:
                asked.send(one.encode())
            except (BlockingIOError, TimeoutError):
                if one != ALIVE:
                    _owed.append(one)
                return
