"""Contents that the supervisor has and this place has not: fetched once however many runs want them, and gone on with after a break.

What has come so far lies in `files/SHA.TARGET.part`, and becomes `files/SH/SHA` when all of it is there and its SHA-256 is right.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections import deque
from typing import Awaitable, Callable, Deque, Dict, Optional, Set, Tuple

from simyard.agent.link import Link, LinkDown
from simyard.agent.part import Part
from simyard.agent.place import Place
from simyard.agent.preparing import CannotPrepare, full
from simyard.agent.threads import Threads
from simyard.errors import ProtocolError, is_out_of_space
from simyard.protocol.agents import FIRST_CREDIT, FileClosed, FileCredit, FileOpened, WantFile
from simyard.protocol.wire import unpack

log = logging.getLogger(__name__)
#: So many come at a time, of each so much that is not on the disk yet (bytes): more on its way, faster on a long line.
AT_ONCE, WINDOW = 4, 2 << 20
#: A supervisor that sends nothing for so long is asked again (seconds).
SILENCE = 60.0
#: After so many tries in which nothing has come it is given up; between them a wait that doubles, from the first to the longest (seconds).
TRIES, FIRST_WAIT, LAST_WAIT = 8, 0.5, 30.0


class _Again(Exception):
    """This try has come to nothing; another one may."""


class _Fetch:
    """One content on its way."""

    def __init__(self, sha: str) -> None:
        self.sha = sha
        self.wanted = 0
        #: What is on the disk, and what there is in all (-1: not yet known), in bytes.
        self.got, self.size = 0, -1
        self.task: Optional[asyncio.Task[None]] = None
        self._news = asyncio.Event()
        self.begin()

    def begin(self) -> None:
        self.opened: Optional[FileOpened] = None
        self.closed: Optional[FileClosed] = None
        self.is_lost = self.is_silent = False
        self.credit = FIRST_CREDIT
        self.chunks: Deque[memoryview] = deque()

    def tell(self) -> None:
        self._news.set()

    async def news(self) -> None:
        """Wait for some. Raises LinkDown, or _Again where there is none for too long."""
        while not (self.is_lost or self.chunks or self.closed or (self.opened and self.size < 0)):
            if self.is_silent:
                raise _Again(f"the supervisor has sent nothing for {SILENCE:.0f} s")
            self._news.clear()
            # not wait_for, which before Python 3.12 swallows a cancellation that comes along with news
            timer = asyncio.get_running_loop().call_later(SILENCE, self._not_heard)
            try:
                await self._news.wait()
            finally:
                timer.cancel()
        if self.is_lost:
            raise LinkDown

    def _not_heard(self) -> None:
        self.is_silent = True
        self.tell()


class Fetching:
    """All that is on its way to one agent. `make_room` is called once where the disk is full, and says whether there may be more now."""

    def __init__(self, place: Place, threads: Threads, make_room: Callable[[], Awaitable[bool]]) -> None:
        self._place, self._threads, self._make_room = place, threads, make_room
        self._link: Optional[Link] = None
        self._is_up = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._fetches: Dict[str, _Fetch] = {}
        self._by_op: Dict[int, _Fetch] = {}
        self._closing: Set[asyncio.Future[None]] = set()
        self._last = 0

    async def get(self, sha: str) -> None:
        """Have the content there. Raises CannotPrepare. Canceling the last one who wants it breaks it off; what has come is kept."""
        fetch = self._fetches.get(sha)
        if fetch is None:
            fetch = self._fetches[sha] = _Fetch(sha)
            fetch.task = asyncio.ensure_future(self._carried(fetch))
        assert fetch.task is not None
        fetch.wanted += 1
        try:
            await asyncio.shield(fetch.task)
        finally:
            fetch.wanted -= 1
            if not fetch.wanted and not fetch.task.done():
                self._forget(fetch)
                fetch.task.cancel()

    def progress(self, sha: str) -> Optional[Tuple[int, int]]:
        """(bytes that are here, bytes in all or -1) of what is on its way; None for what is not."""
        fetch = self._fetches.get(sha)
        return (fetch.got, fetch.size) if fetch is not None else None

    async def close(self) -> None:
        tasks = [fetch.task for fetch in self._fetches.values() if fetch.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ── what the session says ───────────────────────────────────────────────────────────────────────────────────────

    def connected(self, link: Link) -> None:
        self._link = link
        self._is_up.set()

    def disconnected(self) -> None:
        self._link = None
        self._is_up.clear()
        for fetch in self._by_op.values():
            fetch.is_lost = True
            fetch.tell()

    def on_opened(self, message: FileOpened) -> None:
        fetch = self._by_op.get(message.op)
        if fetch is not None and fetch.opened is None:
            fetch.opened = message
            fetch.tell()

    def on_closed(self, message: FileClosed) -> None:
        fetch = self._by_op.get(message.op)
        if fetch is not None and fetch.closed is None:
            fetch.closed = message
            fetch.tell()

    def on_bytes(self, frame: bytes) -> None:
        """Raises ProtocolError for more than there was credit for, and for what was never wanted. What nobody waits for any more is dropped."""
        op, payload = unpack(frame)
        if not 0 < op <= self._last:
            raise ProtocolError("malformed", "Bytes of a file that was never asked for.")
        fetch = self._by_op.get(op)
        if fetch is None or not payload:
            return
        fetch.credit -= len(payload)
        if fetch.credit < 0 or fetch.opened is None or fetch.closed is not None:
            raise ProtocolError("over-credit", "Bytes of a file that were not granted, or not announced.")
        fetch.chunks.append(payload)
        fetch.tell()

    # ── one content ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _forget(self, fetch: _Fetch) -> None:
        if self._fetches.get(fetch.sha) is fetch:
            del self._fetches[fetch.sha]

    async def _carried(self, fetch: _Fetch) -> None:
        try:
            async with self._slots:
                await self._tried(fetch)
        finally:
            self._forget(fetch)

    async def _tried(self, fetch: _Fetch) -> None:
        tries, made_room, before = 0, False, -1
        while True:
            # for as long as it takes: no supervisor, and nobody is told that anything has failed
            await self._is_up.wait()
            link = self._link
            if link is None:
                continue
            try:
                return await self._once(fetch, link)
            except LinkDown:
                if self._link is link:
                    # its end is noticed in a moment
                    await asyncio.sleep(FIRST_WAIT)
                continue
            except OSError as error:
                await self._threads.bulk(_remove, self._part(fetch.sha))
                if not is_out_of_space(error) or made_room or not await self._make_room():
                    raise self._why(error) from None
                made_room = True
            except _Again as error:
                tries = tries + 1 if fetch.got <= before else 1
                before = max(before, fetch.got)
                if tries >= TRIES:
                    detail = f"What it needs could not be fetched: {error}. Run it again later."
                    raise CannotPrepare("cannot-prepare", detail) from None
                log.warning("Content %s did not come (%s); once more.", fetch.sha[:12], error)
                await asyncio.sleep(min(LAST_WAIT, FIRST_WAIT * 2**tries))

    def _why(self, error: OSError) -> CannotPrepare:
        if is_out_of_space(error):
            return CannotPrepare("disk-full", full(self._place.root))
        return CannotPrepare("cannot-prepare", f"What it needs could not be stored: {error.strerror or error}.")

    async def _once(self, fetch: _Fetch, link: Link) -> None:
        """From where the last one ended to the end. Raises LinkDown, OSError, _Again, or CannotPrepare."""
        self._last += 1
        path, op = self._part(fetch.sha), self._last
        part = Part(path)
        try:
            fetch.begin()
            fetch.got, fetch.size = await self._threads.bulk(part.begin), -1
            self._by_op[op] = fetch
            await link.say(WantFile(op=op, sha=fetch.sha, offset=fetch.got))
            while await self._moved(fetch, link, op, part):
                pass
            await self._threads.bulk(part.sync)
        finally:
            self._by_op.pop(op, None)
            self._close(part)
        if fetch.got != fetch.size:
            raise _Again("it was broken off")
        if part.digest.hexdigest() != fetch.sha:
            await self._threads.bulk(_remove, path)
            raise _Again("what came was damaged")
        await self._threads.bulk(_put, path, self._place.blob(fetch.sha))

    def _close(self, part: Part) -> None:
        # in its turn: where this is broken off, a thread may still write to it
        closing = asyncio.ensure_future(self._threads.bulk(part.close))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _moved(self, fetch: _Fetch, link: Link, op: int, part: Part) -> bool:
        """Wait for the next thing, and take it in; whether more is to come."""
        await fetch.news()
        if fetch.opened is not None and fetch.size < 0:
            left = fetch.opened.size
            fetch.size = fetch.got + left
            room = await self._threads.bulk(_free, self._place.root)
            if left > room:
                await self._threads.bulk(_remove, self._part(fetch.sha))
                raise OSError(errno.ENOSPC, "there is less room than it needs")
            if left > FIRST_CREDIT:
                await self._grant(fetch, link, op, WINDOW - FIRST_CREDIT)
        data = b"".join(fetch.chunks)
        fetch.chunks.clear()
        if data:
            await self._threads.bulk(part.write, data, fetch.got)
            fetch.got += len(data)
            if fetch.got < fetch.size:
                await self._grant(fetch, link, op, len(data))
        if fetch.closed is None or fetch.chunks:
            return True
        if fetch.closed.code:
            await self._refused(fetch, fetch.closed)
        return False

    async def _grant(self, fetch: _Fetch, link: Link, op: int, size: int) -> None:
        fetch.credit += size
        await link.say(FileCredit(op=op, size=size))

    async def _refused(self, fetch: _Fetch, closed: FileClosed) -> None:
        if closed.code == "no-such-file":
            await self._threads.bulk(_remove, self._part(fetch.sha))
            raise CannotPrepare("missing-file", closed.detail[:500])
        if closed.code == "bad-offset":
            await self._threads.bulk(_remove, self._part(fetch.sha))
        raise _Again(closed.detail[:200].rstrip(".") or closed.code)

    def _part(self, sha: str) -> str:
        return self._place.part(sha)


def _put(part: str, blob: str) -> None:
    os.makedirs(os.path.dirname(blob), mode=0o700, exist_ok=True)
    os.rename(part, blob)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _free(root: str) -> int:
    room = os.statvfs(root)
    return room.f_bavail * room.f_frsize
