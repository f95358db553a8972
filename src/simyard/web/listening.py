"""Stop 1, web: the sockets that it listens on: a port, which may be handed over, and where a proxy is to have one, a Unix socket."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Sequence

from simyard.config import Config
from simyard.errors import Conflict

BACKLOG = 1024


def listeners(config: Config, fds: Sequence[int]) -> list[socket.socket]:
    """All of them, the port first: those that are handed over by their descriptors, and those that are missing."""
    found = [inherited(fd) for fd in fds] or [listen(config.web.host, config.web.port)]
    if config.web.socket and not any(one.family is socket.AF_UNIX for one in found):
        found.append(listen_at(config.web.socket))
    return found


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `port` 0 takes a free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


def listen_at(path: str) -> socket.socket:
    """A listening Unix socket for this user and group: whoever may not enter its folder cannot connect either. One that nobody
    listens at any more makes room; raises Conflict where something else is there."""
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode) or _answers(path):
            raise Conflict("socket-taken", f"{path} is in the way: another web listens there, or it is not a socket.")
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            pass  # busy: somebody is there
        return True


def inherited(fd: int) -> socket.socket:
    """A listening socket that the process keeper, or who was here before, has handed over."""
    os.set_inheritable(fd, False)
    return socket.socket(fileno=fd)


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"
