"""What this machine is: its name, this boot of it, and what it has. Everything is read from /proc and /sys."""

from __future__ import annotations

import os
import socket
from typing import Optional


def host() -> str:
    return socket.gethostname()


def boot_id() -> str:
    """Changes with every start of the machine; "" where it cannot be known."""
    return (_read("/proc/sys/kernel/random/boot_id") or "").strip()


def is_container() -> bool:
    """Whether this is a container, whose name is its own: another one, or the same made anew, is called otherwise."""
    return os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")


def cores() -> int:
    return len(os.sched_getaffinity(0))


def memory() -> int:
    """Bytes that processes here may use together: the machine's, or less where a control group says so."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = (_read(path) or "").strip()
        if text.isdigit():
            return min(total, int(text))
    return total


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(4096)
    except OSError:
        return None
