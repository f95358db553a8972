"""Bytes on their way to the supervisor: files, reports, lists; each no faster than the supervisor grants credit for."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any, Awaitable, Callable, Dict

from simyard.agent import files
from simyard.agent.link import Link, LinkDown
from simyard.agent.threads import Threads
from simyard.errors import SimyardError
from simyard.protocol.agents import FIRST_CREDIT, Closed, Opened
from simyard.protocol.wire import MAX_CHUNK

log = logging.getLogger(__name__)
#: No more transfers at a time than this.
MAX_TRANSFERS = 256
#: Credit beyond this is not remembered (bytes).
MAX_CREDIT = 64 << 20
#: A file that is followed is looked at this often (seconds).
LOOK = 0.2


class Transfer:
    """One transfer: opened at most once, closed exactly once."""

    def __init__(self, op: int, link: Link, threads: Threads) -> None:
        self.op, self._link, self._threads = op, link, threads
        self._credit = FIRST_CREDIT
        self._granted = asyncio.Event()

    def grant(self, size: int) -> None:
        self._credit = min(MAX_CREDIT, self._credit + max(0, size))
        self._granted.set()

    async def send_bytes(self, data: bytes, media_type: str) -> None:
        """All of what is in memory already."""
        await self._link.say(Opened(op=self.op, size=len(data), media_type=media_type))
        sent = 0
        while sent < len(data):
            room = await self._room()
            await self._send(data[sent : sent + room])
            sent += room

    async def send_file(self, descriptor: int, offset: int, length: int, media_type: str) -> None:
        """`length` bytes from `offset` (-1: to the end that it has now). Raises SimyardError where it becomes shorter."""
        size = await self._threads.bulk(files.size_of, descriptor)
        end = size if length < 0 else min(size, offset + length)
        await self._link.say(Opened(op=self.op, size=max(0, end - offset), media_type=media_type))
        while offset < end:
            room = min(await self._room(), end - offset)
            data = await self._threads.bulk(os.pread, descriptor, room, offset)
            if not data:
                raise SimyardError("broken-off", "The file became shorter while it was read.")
            await self._send(data)
            offset += len(data)

    async def follow_file(self, descriptor: int, offset: int, media_type: str, over: Callable[[], Awaitable[bool]]) -> None:
        """From `offset` on as the file grows, until `over` says that nothing will follow and all was sent."""
        await self._link.say(Opened(op=self.op, size=-1, media_type=media_type))
        while True:
            room = await self._room()
            # asked before reading: what was written before the end is then read
            ended = await over()
            data = await self._threads.bulk(os.pread, descriptor, room, offset)
            if data:
                await self._send(data)
                offset += len(data)
            elif ended:
                return
            else:
                await asyncio.sleep(LOOK)

    async def _room(self) -> int:
        """How many bytes may be sent now: at least one."""
        while self._credit <= 0:
            self._granted.clear()
            await self._granted.wait()
        return min(self._credit, MAX_CHUNK)

    async def _send(self, data: bytes) -> None:
        self._credit -= len(data)
        await self._link.chunk(self.op, data)


Work = Callable[[Transfer], Awaitable[None]]


class Transfers:
    """All transfers of one connection; they end with it."""

    def __init__(self, link: Link, threads: Threads) -> None:
        self._link, self._threads = link, threads
        self._tasks: Dict[int, asyncio.Task[None]] = {}
        self._transfers: Dict[int, Transfer] = {}
        self._refusals: set[asyncio.Task[None]] = set()

    def begin(self, op: int, work: Work) -> None:
        """Start a transfer; what goes wrong in `work` closes it with the words."""
        if op in self._tasks:
            log.warning("Transfer %d is asked for twice.", op)
        elif len(self._tasks) >= MAX_TRANSFERS:
            self._refuse(op)
        else:
            transfer = self._transfers[op] = Transfer(op, self._link, self._threads)
            self._tasks[op] = asyncio.ensure_future(self._carry(transfer, work))

    def grant(self, op: int, size: int) -> None:
        """Credit for a transfer that has ended meanwhile is nothing to worry about."""
        transfer = self._transfers.get(op)
        if transfer is not None:
            transfer.grant(size)

    def drop(self, op: int) -> None:
        """Stop it, and say no more of it."""
        task = self._tasks.get(op)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        tasks = [*self._tasks.values(), *self._refusals]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, transfer: Transfer, work: Work) -> None:
        try:
            await _say(self._link, await self._end_of(transfer, work))
        except LinkDown:
            pass  # who asked knows that all ended with the connection
        finally:
            self._tasks.pop(transfer.op, None)
            self._transfers.pop(transfer.op, None)

    async def _end_of(self, transfer: Transfer, work: Work) -> Closed:
        try:
            await work(transfer)
        except LinkDown:
            raise
        except SimyardError as error:
            return Closed(op=transfer.op, code=error.code, detail=error.detail[:2000])
        except OSError as error:
            return Closed(op=transfer.op, code="cannot-read", detail=f"It cannot be read: {error.strerror}.")
        except Exception:
            # the wall of a transfer: a fault in one of them must not end the connection of all
            log.exception("Transfer %d failed.", transfer.op)
            return Closed(op=transfer.op, code="internal", detail="The agent failed to send it; its log says why.")
        return Closed(op=transfer.op)

    def _refuse(self, op: int) -> None:
        if len(self._refusals) >= MAX_TRANSFERS:
            return
        detail = f"{MAX_TRANSFERS} files and reports are on their way already. Try again shortly."
        task = asyncio.ensure_future(_say(self._link, Closed(op=op, code="busy", detail=detail)))
        self._refusals.add(task)
        task.add_done_callback(self._refusals.discard)


async def _say(link: Link, message: Any) -> None:
    try:
        await link.say(message)
    except LinkDown:
        pass
