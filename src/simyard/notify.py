"""Tells the service manager that has started us, where one has (systemd's Type=notify), how we are. Standard library only."""

from __future__ import annotations

import contextlib
import os
import socket

READY, STOPPING, RELOADING, ALIVE = "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1"


def tell(word: str) -> None:
    """Tell it; nobody listens where nobody has asked, and a manager that is away is no reason to fail."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract one
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asked:
        asked.setblocking(False)
        asked.sendto(word.encode(), address)
