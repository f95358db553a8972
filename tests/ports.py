"""Ports that nobody else gets: for servers that bind a number which was chosen for them before they were started.

A port that was free when somebody looked may be another's by the time it is bound: the kernel hands it out again to whoever asks for
any port, and to every outgoing connection, and a test on another worker may have looked at the same moment. So these are from below
the kernel's own range, and each is held by a name among the abstract Unix sockets: of the same network as the port, one holder at a
time, and free again when this process ends, in whatever way.
"""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: How many there are to choose from.
_MANY = 10_000
#: Kept open for as long as this process lives: a server may be started again on its port.
_held: list[socket.socket] = []


def free_port() -> int:
    """A port of this machine that nobody listens on, and that nobody else who asks here gets while this process lives."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them, each the next of the one before."""
    below = int(_RANGE.read_text().split()[0])
    first = max(1024, below - _MANY)
    starts = range(first, below - count)
    # from anywhere: what a server that was just ended has left in the kernel is not in the way of the next
    for start in random.sample(starts, len(starts)):
        if held := _take(range(start, start + count)):
            _held.extend(held)
            return list(range(start, start + count))
    raise RuntimeError(f"No {count} free ports below {below}.")


def _take(ports: range) -> list[socket.socket]:
    """What holds all of these; nothing where one of them is not to be had."""
    held = []
    for port in ports:
        name = socket.socket(socket.AF_UNIX)
        held.append(name)
        try:
            name.bind(f"\0simyard-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("", port))
        except OSError as error:
            for one in held:
                one.close()
            if error.errno == errno.EADDRINUSE:
                return []
            raise
    return held
