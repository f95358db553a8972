"""The server behind the agents' door: no container may crowd it or hammer at it, so that the agents of other users get in."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from simyard.supervisor.journal import Journal

journal = Journal(__name__)

#: Connections that one container may have at a time. Its agents need one each, and for a moment two.
MOST = 64
#: It may make so many at once, and so many a second in the long run.
BURST, RATE = 32.0, 5.0
#: Whoever connects and does not ask to be let in is disconnected after so long (seconds).
IDLE = 20.0
#: Containers that are remembered.
_MANY = 10_000
_PEER = struct.Struct("3i")


class Visitor:
    """What is known of one container: `left` of what it may do at once, as of `at`, and its connections."""

    def __init__(self, now: float) -> None:
        self.left, self.at = BURST, now
        self.streams: list[IOStream] = []

    def may_enter(self, now: float) -> bool:
        """Whether it may have one more connection."""
        self.left, self.at = min(BURST, self.left + (now - self.at) * RATE), now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        self.streams = [one for one in self.streams if not one.closed()]
        return len(self.streams) < MOST

    def is_gone(self, now: float) -> bool:
        return self.left + (now - self.at) * RATE >= BURST and all(one.closed() for one in self.streams)


class AgentsServer(HTTPServer):
    """Knows containers by their control group. Whoever is in the supervisor's own, such as the agents of this machine, is not counted."""

    def initialize(self, *arguments: Any, **more: Any) -> None:
        super().initialize(*arguments, **{"idle_connection_timeout": IDLE, **more})
        self._visitors: dict[str, Visitor] = {}
        self._own = _group("self")

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        # there is no public place between accepting a connection and making a stream of it, which costs fifty times as much as
        # refusing it: who connects without an end would slow down everybody
        whose = self._whose(connection)
        if whose and not self._visitor(whose).may_enter(time.monotonic()):
            connection.close()
            return
        super()._handle_connection(connection, address)

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        if whose := self._whose(stream.socket):
            visitor = self._visitor(whose)
            visitor.streams.append(stream)
            if len(visitor.streams) == MOST:
                journal.warning("a container has all the connections that it may have", connections=MOST, group=whose[-100:])
        super().handle_stream(stream, address)

    def _visitor(self, whose: str) -> Visitor:
        found = self._visitors.get(whose)
        if found is None:
            now = time.monotonic()
            if len(self._visitors) >= _MANY:
                self._visitors = {name: one for name, one in self._visitors.items() if not one.is_gone(now)}
            found = self._visitors[whose] = Visitor(now)
        return found

    def _whose(self, peer: socket.socket) -> str:
        """The control group of who has connected; "" for the supervisor's own, and for who cannot be told from others: they come over
        a network, or the supervisor is in a container itself and sees no numbers of processes outside."""
        if peer.family != socket.AF_UNIX:
            return ""
        pid, _, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        group = _group(str(pid)) if pid > 0 else self._own
        return "" if group == self._own else group or "gone already"


def _group(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
