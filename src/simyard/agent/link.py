"""One live connection to the supervisor, as those who have something to say see it."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError

from simyard.errors import SimyardError
from simyard.protocol import wire
from simyard.protocol.agents import FROM_AGENT


class LinkDown(SimyardError):
    """The connection has ended: nothing more can be said over it. What matters is said again over the next one."""

    def __init__(self) -> None:
        super().__init__("link-down", "The connection to the supervisor has ended.")


class Link:
    """Everything is said one after the other, and the next thing only when the last has left: a peer that does not read
    makes everybody wait, and nothing pile up."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self.down = False

    async def say(self, message: Any) -> None:
        """Send a message; raises LinkDown."""
        await self._write(FROM_AGENT.encode(message), binary=False)

    async def chunk(self, transfer: int, payload: bytes) -> None:
        """Send bytes of a transfer; raises LinkDown."""
        await self._write(wire.pack(transfer, payload), binary=True)

    async def _write(self, data: Any, *, binary: bool) -> None:
        async with self._turn:
            if self.down:
                raise LinkDown
            try:
                await self._connection.write_message(data, binary=binary)
            except (WebSocketClosedError, StreamClosedError):
                self.down = True
                raise LinkDown from None
