"""Couples what an agent sends (Opened, binary frames, Closed) to the HTTP response that waits for it, with a bounded
amount in between: the agent is granted more only after the client has taken what was there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simyard.errors import ProtocolError, SimyardError, Unavailable, from_status
from simyard.protocol import agents as talk
from simyard.protocol.jobs import Run
from simyard.supervisor.known import Known

#: Credit is granted in pieces of at least this size (bytes).
GRANT = 128 << 10
#: Reports that one agent may be pushing at a time.
_MAX_PUSHES = 16
#: Numbers from here on are the agents' own (see ReportPushed).
AGENTS_OWN = 1 << 63
#: What an agent's refusal is to whoever asked.
_STATUS = {
    "not-found": 404,
    "no-such-file": 404,
    "no-such-run": 404,
    "no-report": 404,
    "not-a-file": 409,
    "cannot-read": 409,
    "bad-path": 422,
    "bad-report": 422,
    "busy": 429,
    "report-failed": 422,
    "report-timeout": 422,
    "report-memory": 422,
    "input-failed": 422,
    "input-timeout": 422,
    "input-memory": 422,
    "code-cannot-be-loaded": 422,
    "missing-file": 422,
    "damaged-file": 422,
    "bad-spec": 422,
}


class Transfer:
    """One transfer on its way from an agent to a client; `grant` lets the agent send that many bytes more."""

    def __init__(self, grant: Callable[[int], None]) -> None:
        self._grant = grant
        self._credit = talk.FIRST_CREDIT
        self._taken = 0
        self._chunks: deque[bytes] = deque()
        self._moved = asyncio.Event()
        self._opened: talk.Opened | None = None
        self._error: SimyardError | None = None
        self.is_over = False

    # ── the agent's side ──

    def open(self, message: talk.Opened) -> None:
        self._opened = message
        self._moved.set()

    def put(self, payload: bytes) -> None:
        """Bytes from the agent; raises ProtocolError where they are more than it was granted, or were not announced."""
        if self.is_over:
            return  # the client has gone in this moment: the agent has not heard of it yet, and has done nothing wrong
        if self._opened is None:
            raise ProtocolError("malformed", "Bytes of a transfer that is not open.")
        self._credit -= len(payload)
        if self._credit < 0:
            raise ProtocolError("over-credit", "The agent sent more bytes than it was granted.")
        if payload:  # an empty one costs no credit, and must not pile up
            self._chunks.append(payload)
            self._moved.set()

    def close(self, error: SimyardError | None = None) -> None:
        """Nothing will follow; with an error, what was sent is not all."""
        if not self.is_over:
            self.is_over, self._error = True, error
            self._moved.set()

    # ── the client's side ──

    async def opened(self, limit: float) -> talk.Opened:
        """How it begins; raises what the agent, or the gates, said is wrong, and Unavailable after `limit` seconds."""
        while self._opened is None:
            if self.is_over:
                raise self._error or Unavailable("broken-off", "The agent ended this before it began. Try again.")
            await self._move(limit)
        return self._opened

    async def next(self, limit: float | None) -> bytes | None:
        """The next bytes; None after the last ones. Raises as `opened`."""
        while not self._chunks:
            if self.is_over:
                if self._error is not None:
                    raise self._error
                return None
            await self._move(limit)
        return self._chunks.popleft()

    def taken(self, size: int) -> None:
        """The client has these bytes: the agent may send as many again."""
        self._taken += size
        if self._taken >= GRANT and not self.is_over:
            size, self._taken = self._taken, 0
            self._credit += size
            self._grant(size)

    async def _move(self, limit: float | None) -> None:
        self._moved.clear()
        try:
            async with asyncio.timeout(limit):
                await self._moved.wait()
        except TimeoutError:
            raise Unavailable("silent", f"The agent has sent nothing for {limit:.0f} s. Try again.") from None


class Transfers:
    """All transfers that somebody waits for, by number."""

    def __init__(self) -> None:
        self._waiting: dict[int, Transfer] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, number: int, transfer: Transfer) -> None:
        self._waiting[number] = transfer

    def forget(self, number: int) -> None:
        self._waiting.pop(number, None)

    def on_opened(self, message: talk.Opened) -> None:
        if transfer := self._waiting.get(message.op):
            transfer.open(message)

    def on_bytes(self, number: int, payload: bytes) -> None:
        """Bytes that nobody waits for any more are dropped: Drop and the last of them cross. Raises as Transfer.put."""
        if transfer := self._waiting.get(number):
            transfer.put(payload)

    def on_closed(self, message: talk.Closed) -> None:
        if transfer := self._waiting.get(message.op):
            status = _STATUS.get(message.code, 503)
            transfer.close(from_status(status, message.code, message.detail) if message.code else None)


@dataclass
class _Push:
    message: talk.ReportPushed
    data: bytearray = field(default_factory=bytearray)


class Pushes:
    """The reports that one agent pushes without being asked; a complete one is kept for whoever will ask."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._coming: dict[int, _Push] = {}

    def on_pushed(self, message: talk.ReportPushed, run: Run | None) -> None:
        """`run` is the run that it speaks of, None where the agent may not. Raises ProtocolError for what is out of bounds."""
        if message.op < AGENTS_OWN or not 0 <= message.size <= talk.MAX_PUSHED_REPORT or len(self._coming) >= _MAX_PUSHES:
            raise ProtocolError("malformed", f"A pushed report of {message.size} bytes as number {message.op}.")
        if run is None or run.report != message.report:
            # its bytes are still to come, and are dropped
            message = talk.ReportPushed(op=message.op, run="", epoch=0, report="", size=message.size)
        if message.size > 0:
            self._coming[message.op] = _Push(message)

    def on_bytes(self, number: int, payload: bytes) -> None:
        """Raises ProtocolError for more than was announced."""
        push = self._coming.get(number)
        if push is None:
            raise ProtocolError("malformed", "Bytes of a report that was not announced.")
        push.data += payload
        size = push.message.size
        if len(push.data) > size:
            raise ProtocolError("malformed", "A pushed report is larger than it was announced.")
        if len(push.data) == size:
            del self._coming[number]
            if push.message.run:
                self._known.reports.put((push.message.run, push.message.report), bytes(push.data), size)

    def on_closed(self, message: Any) -> None:
        """Broken off, or complete already."""
        self._coming.pop(message.op, None)
