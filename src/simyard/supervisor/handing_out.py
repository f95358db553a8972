"""Hands contents out to agents that have no files of their own: those of the agent's user, and the archives of codes; never faster than
the agent takes them, so that a bounded amount is in memory."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from simyard.codes import archive
from simyard.config import Config
from simyard.errors import NotFound, ProtocolError, SimyardError, Unavailable
from simyard.protocol import agents as talk
from simyard.protocol.wire import MAX_CHUNK, pack

T = TypeVar("T")
#: One agent may have so many on their way.
AT_ONCE = 8
#: It may have granted so much that was not sent yet (bytes).
MAX_CREDIT = 16 << 20
#: An agent that takes nothing for so long is not served any further (seconds).
PATIENCE = 120.0
#: Read from the disk in one go (bytes).
_PIECE = 4 * MAX_CHUNK
_SHA = re.compile(r"[0-9a-f]{64}")
#: Apart from those that read the store: a slow disk, or a large file, is in nobody's way.
_readers = ThreadPoolExecutor(2, "handing out")

#: Sends a message, or a binary frame; awaiting it waits until it has left.
Send = Callable[[Any], Awaitable[None]]


class _Content:
    """One that is on its way."""

    def __init__(self) -> None:
        self._credit = talk.FIRST_CREDIT
        self._granted = asyncio.Event()

    def grant(self, size: int) -> None:
        self._credit = min(MAX_CREDIT, self._credit + max(0, size))
        self._granted.set()

    async def room(self, most: int) -> int:
        """How many bytes may be sent now: at least one. Raises Unavailable where there is no room for too long."""
        while self._credit <= 0:
            self._granted.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._granted.wait()
            except TimeoutError:
                raise Unavailable("silent", f"Nothing was taken for {PATIENCE:.0f} s.") from None
        size = min(most, self._credit)
        self._credit -= size
        return size


class HandingOut:
    """To one agent over one connection; `user` is whose files it may have."""

    def __init__(self, config: Config, user: str, send: Send) -> None:
        self._config, self._user, self._send = config, user, send
        self._contents: dict[int, _Content] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def on_wanted(self, message: talk.WantFile) -> None:
        """Raises ProtocolError for what no agent says."""
        if not 0 <= message.op < 1 << 63 or message.offset < 0 or message.op in self._contents:
            raise ProtocolError("malformed", f"A file is wanted as number {message.op}, from {message.offset} on.")
        if len(self._tasks) >= 2 * AT_ONCE:
            raise ProtocolError("too-many", "An agent goes on asking for more files than it is given.")
        content = None
        if len(self._contents) < AT_ONCE:
            content = self._contents[message.op] = _Content()
        task = asyncio.get_running_loop().create_task(self._hand(message, content), name=f"file {message.op}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_credit(self, message: talk.FileCredit) -> None:
        """Credit for what has ended meanwhile is nothing to worry about."""
        if content := self._contents.get(message.op):
            content.grant(message.size)

    def close(self) -> None:
        """The connection has ended."""
        for task in self._tasks:
            task.cancel()

    async def _hand(self, message: talk.WantFile, content: _Content | None) -> None:
        try:
            await self._send(await self._end_of(message, content))
        except ConnectionError:
            pass  # it asks again over the next one
        finally:
            if content is not None:
                del self._contents[message.op]

    async def _end_of(self, message: talk.WantFile, content: _Content | None) -> talk.FileClosed:
        try:
            if content is None:
                raise Unavailable("busy", f"{AT_ONCE} files are on their way already.")
            await self._give(message, content)
        except SimyardError as error:
            return talk.FileClosed(op=message.op, code=error.code, detail=error.detail)
        except ConnectionError:
            raise
        except OSError as error:
            return talk.FileClosed(op=message.op, code="cannot-read", detail=f"It cannot be read: {error.strerror}.")
        return talk.FileClosed(op=message.op)

    async def _give(self, message: talk.WantFile, content: _Content) -> None:
        descriptor, size = await self._opened(message.sha)
        try:
            offset = message.offset
            if offset > size:
                raise SimyardError("bad-offset", "It is not so long.")
            await self._send(talk.FileOpened(op=message.op, size=size - offset))
            while offset < size:
                room = await content.room(min(_PIECE, size - offset))
                data = await _read(os.pread, descriptor, room, offset)
                if len(data) < room:
                    raise SimyardError("broken-off", "It became shorter while it was read.")
                for start in range(0, room, MAX_CHUNK):
                    await self._send(pack(message.op, data[start : start + MAX_CHUNK]))
                offset += room
        finally:
            # after a read that is still under way
            _readers.submit(os.close, descriptor)

    async def _opened(self, sha: str) -> tuple[int, int]:
        opening = asyncio.ensure_future(_read(_open, self._config, self._user, sha))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            raise


def _close(opening: asyncio.Future[tuple[int, int]]) -> None:
    """Nobody waits any more for what is opened."""
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result()[0])


async def _read(function: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_readers, function, *arguments)


def _open(config: Config, user: str, sha: str) -> tuple[int, int]:
    """A descriptor of the content and its size. Raises NotFound."""
    for path in _places(config, user, sha):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return descriptor, status.st_size
        os.close(descriptor)
    raise NotFound("no-such-file", "There is no such content: it was removed, or never stored.")


def _places(config: Config, user: str, sha: str) -> list[Path]:
    if not _SHA.fullmatch(sha):
        return []
    return [config.user_dir(user) / "files" / sha[:2] / sha, archive.path_of(config.archives, sha)]
