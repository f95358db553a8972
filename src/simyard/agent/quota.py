"""Watches what a user's folder takes of the disk: tells the supervisor, and ends the runs that take it over its limits.

Runs that are looked after are weighed every few seconds, everything now and then, both with breaks in proportion to what they cost;
where there is no limit nothing is weighed at all.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Dict, Optional, Set

from simyard.agent.keeper import Keeper
from simyard.agent.ledger import Ledger
from simyard.agent.link import Link, LinkDown
from simyard.agent.place import Place
from simyard.agent.threads import Threads
from simyard.agent.weighing import Stopped, weigh_each, weigh_rest
from simyard.protocol.agents import DiskUsed

log = logging.getLogger(__name__)
#: Between two looks at the runs, where nothing runs, and at everything (seconds) …
LOOK, IDLE, FULL = 2.0, 20.0, 60.0
#: … but where it fills so fast that there might be no room left before the next look, that comes sooner.
SOONEST = 0.25
#: They are longer where a look takes long: by so many times that.
LOOK_BREAK, FULL_BREAK, SOON_BREAK = 5.0, 30.0, 10.0
#: More runs than this that ended since the last look are not weighed one by one.
MAX_DEPARTED = 2000


class Quota:
    """`keepers` are the runs that are looked after, by their ids; the agent's own table, which is only read here."""

    def __init__(self, place: Place, threads: Threads, keepers: Dict[str, Keeper]) -> None:
        self._place, self._threads, self._keepers = place, threads, keepers
        self._ledger = Ledger()
        #: Runs that are over and have to be weighed once more; those that just are; and those that were, and are still kept.
        self._departed: Set[str] = set()
        self._weighing: Set[str] = set()
        self._done: Set[str] = set()
        self._is_idle = False
        self._link: Optional[Link] = None
        self._told: Optional[DiskUsed] = None
        self._told_over = False
        self._wake = asyncio.Event()
        self._closed = False
        # of the last weighing of everything: when it began and ended, and whether the next one should be soon
        self._full: Optional[asyncio.Task[None]] = None
        self._full_began, self._full_ended, self._soon = 0.0, float("-inf"), True

    @property
    def is_limited(self) -> bool:
        return self._ledger.quota > 0 or self._ledger.keep > 0

    def limit(self, link: Link, quota: int, keep: int) -> None:
        """The supervisor says over this connection what the limits are (bytes; 0: none)."""
        self._ledger.quota, self._ledger.keep = max(0, quota), max(0, keep)
        self._link, self._told = link, None
        self._wake.set()

    def unlink(self) -> None:
        """The connection has ended; the limits stand."""
        self._link = None

    def allowance(self, asked: int) -> int:
        """What a run that starts now may write (bytes; 0: no limit)."""
        if self._is_idle:
            self._wake.set()
        return self._ledger.allowance(asked)

    def departed(self, run: str) -> None:
        """This run is not looked after any more: it is weighed once more."""
        if run in self._done:
            self._done.discard(run)
        elif self.is_limited and len(self._departed) < MAX_DEPARTED:
            self._departed.add(run)

    def look_soon(self) -> None:
        """Something was removed: there may be room again."""
        self._soon = True
        if self._is_idle:
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        if self._full is not None:
            self._full.cancel()

    async def watch(self) -> None:
        """For as long as the agent lives."""
        last = time.monotonic()
        while True:
            self._wake.clear()
            while not self.is_limited:
                await self._wake.wait()
                self._wake.clear()
            begun, room = time.monotonic(), self._ledger.room
            try:
                await self._look()
            except Stopped:
                return
            except Exception:
                # the wall of a look: one that fails must not be the last
                log.exception("What the runs take of the disk cannot be found out; going on.")
            took = time.monotonic() - begun
            self._is_idle = not self._keepers and not self._departed and not self._soon
            pause = IDLE if self._is_idle else _pause(room, self._ledger.room, begun - last)
            last = begun
            try:
                await asyncio.wait_for(self._wake.wait(), max(pause, LOOK_BREAK * took))
            except asyncio.TimeoutError:
                pass
            self._is_idle = False

    async def _look(self) -> None:
        if self._full is None and self._is_full_due():
            self._full = asyncio.ensure_future(self._weigh_all())
        over = {run for run, keeper in self._keepers.items() if keeper.final and run not in self._done}
        departed = self._weighing = self._departed | over
        self._departed = set()
        self._done |= over
        paths = {run: self._place.run_dir(run) for run in {*(self._keepers.keys() - self._done), *departed}}
        sizes = await self._threads.bulk(weigh_each, paths, self._is_closed) if paths else {}
        free = await self._threads.quick(_free, self._place.root)
        found = self._ledger.weighed(sizes, departed, free)
        self._weighing = set()
        for excess in found:
            keeper = self._keepers.get(excess.run)
            if keeper is not None:
                log.warning("Run %s is ended: %s", excess.run, excess.reason)
                keeper.end(excess.reason, "disk")
        await self._tell()

    # ── everything ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_full_due(self) -> bool:
        took, since = self._full_ended - self._full_began, time.monotonic() - self._full_ended
        if since == float("inf"):
            return True
        return since >= (max(LOOK, SOON_BREAK * took) if self._soon else max(FULL, FULL_BREAK * took))

    async def _weigh_all(self) -> None:
        self._soon, began = False, time.monotonic()
        self._ledger.begin_rest()
        try:
            place = self._place
            rest, left_out = await self._threads.bulk(weigh_rest, place.root, place.runs, self._is_looked_after, self._is_closed)
            self._ledger.weighed_rest(rest, left_out)
        except Stopped:
            return
        except OSError as error:
            log.warning("What %s takes of the disk cannot be found out: %s", self._place.root, error)
        finally:
            self._full = None
            self._full_began, self._full_ended = began, time.monotonic()
        await self._tell()

    def _is_looked_after(self, name: str) -> bool:
        """Whether this folder of `runs` is weighed with the runs that are looked after, or will be. Called in a thread."""
        kept = name in self._keepers and name not in self._done
        return kept or name in self._departed or name in self._weighing or name.endswith(".making")

    def _is_closed(self) -> bool:
        return self._closed

    # ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tell(self) -> None:
        ledger, link = self._ledger, self._link
        used, free = ledger.used, ledger.free
        if link is None or used is None or free is None or not self.is_limited:
            return
        told, over = self._told, ledger.is_over
        step = max(64 << 10, (ledger.quota or ledger.keep) // 200)
        news = told is None or over != self._told_over or abs(used - told.used) >= step
        if not news and ledger.keep and told is not None:
            news = abs(free - told.free) >= max(step, ledger.keep // 20)
        if not news:
            return
        self._told, self._told_over = DiskUsed(used=used, free=free, age=max(0.0, time.monotonic() - self._full_began)), over
        try:
            await link.say(self._told)
        except LinkDown:
            pass  # it is said again over the next one


def _pause(before: Optional[int], now: Optional[int], seconds: float) -> float:
    """How long to wait for the next look, given the room that there was at the last one, so many seconds ago, and what there is."""
    if before is None or now is None or not 0 < now < before:
        return LOOK
    return min(LOOK, max(SOONEST, now * seconds / (before - now) / 2))


def _free(root: str) -> Optional[int]:
    """Bytes that are free on the file system for those who are not root."""
    try:
        room = os.statvfs(root)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize
