"""Reaching the supervisor's agent door: a websocket over a Unix socket, or over TCP for a `ws://` address."""

from __future__ import annotations

import socket
from typing import Any, List, Tuple

from tornado.httpclient import HTTPRequest
from tornado.netutil import Resolver
from tornado.websocket import WebSocketClientConnection, websocket_connect

from simyard.protocol import wire
from simyard.protocol.agents import AUTHORIZATION, PATH
from simyard.protocol.launch import AgentSpec

#: A ping each so many seconds; a peer that has not answered by the next one is gone.
HEARTBEAT = 10.0
CONNECT_LIMIT = 10.0


class UnixResolver(Resolver):
    """Every name is the one socket."""

    def initialize(self, path: str) -> None:
        self._path = path

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> List[Tuple[int, Any]]:
        return [(socket.AF_UNIX, self._path)]


async def dial(spec: AgentSpec) -> WebSocketClientConnection:
    """A connection on which the agent has shown its secret. Raises OSError and whatever else tornado answers with."""
    remote = spec.door.startswith(("ws://", "wss://"))
    address = spec.door.rstrip("/") if remote else "ws://supervisor"
    request = HTTPRequest(
        address + PATH, headers={AUTHORIZATION: f"{spec.agent} {spec.secret}"}, connect_timeout=CONNECT_LIMIT,
        request_timeout=CONNECT_LIMIT,
    )  # fmt: skip
    connection = await websocket_connect(
        request,
        ping_interval=HEARTBEAT,
        ping_timeout=HEARTBEAT,
        max_message_size=wire.MAX_MESSAGE,
        resolver=None if remote else UnixResolver(spec.door),
    )
    if remote and connection.protocol is not None:
        # without it small messages wait 40 ms for each other
        connection.protocol.set_nodelay(True)
    return connection
