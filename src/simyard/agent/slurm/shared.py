"""What all runs of an agent share on a cluster: one question for all of them, few submissions at once, one `scancel` for many, and what the
partitions give."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Callable, Dict, Mapping, Optional, Set, Tuple

from simyard.agent.link import Link, LinkDown
from simyard.agent.slurm import script
from simyard.agent.slurm.programs import Programs, Unanswered
from simyard.agent.slurm.queue import Queue
from simyard.protocol.agents import Partitions
from simyard.protocol.batch import Batch, Partition, Site
from simyard.protocol.jobs import RunSpec

log = logging.getLogger(__name__)
#: So many submissions are made at once.
SUBMISSIONS = 2
#: A run's files are looked at this often (seconds), at most and at least: nobody can ring from a compute node. All looks together are so many a
#: second that a shared file system hardly notices.
_POLL, _LAST_POLL, _LOOKS = 0.2, 1.0, 10.0
#: What the partitions give is asked again this often (seconds), and so soon where there was no answer.
_PARTITIONS, _PARTITIONS_SOON = 600.0, 30.0
#: One scancel ends at most so many jobs.
_MOST = 200


class Slurm:
    """Made on the running loop; `runner` is the path of runner.py, `environ` what Slurm's programs and the jobs find."""

    def __init__(self, environ: Mapping[str, str], interval: float, runner: str) -> None:
        self.queue = Queue(Programs(environ), str(os.getuid()), time.monotonic, time.time, interval)
        self.turn = asyncio.Semaphore(SUBMISSIONS)
        #: Why the last scancel was not answered, "" where it was.
        self.cancel_words = ""
        self._runner = runner
        self._rings: Dict[str, Callable[[], None]] = {}
        self._wanted = asyncio.Event()
        self._ends: Dict[Tuple[str, ...], Set[int]] = {}
        self._ending: Optional[asyncio.Task[None]] = None
        self._partitions: Optional[Tuple[Partition, ...]] = None
        self._link: Optional[Link] = None
        self._linked = asyncio.Event()

    def script(self, spec: RunSpec, directory: str) -> str:
        """The script of a run, whose paths are those of this place."""
        wanted, site = spec.resources.batch or Batch(tasks=spec.resources.cores), spec.site or Site()
        return script.script(
            spec.run,
            directory,
            wanted,
            spec.resources.memory,
            spec.time_limit,
            site=site,
            command=[spec.python, self._runner, "run", directory],
            checkpoints=spec.checkpoints,
        )

    # ── who is looked after ─────────────────────────────────────────────────────────────────────────────────────────

    def enter(self, run: str, ring: Callable[[], None]) -> None:
        """`ring` is called after each look from now on."""
        self._rings[run] = ring
        self._wanted.set()

    def leave(self, run: str) -> None:
        self._rings.pop(run, None)
        self.queue.forget(run)

    @property
    def pause(self) -> float:
        """How long a run waits before its files are looked at again: with few runs little, with many longer."""
        return min(_LAST_POLL, max(_POLL, len(self._rings) / _LOOKS))

    async def watch(self) -> None:
        """Look, for as long as there is a run. Never returns."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self.queue.due)
            if not self._rings:
                self._wanted.clear()
                continue
            await self.queue.look()
            for ring in list(self._rings.values()):
                ring()

    # ── ending jobs ─────────────────────────────────────────────────────────────────────────────────────────────────

    def end(self, job: int, *how: str) -> None:
        """Have it ended soon, with others that end in the same way. Whether it is gone is seen by looking."""
        self._ends.setdefault(how, set()).add(job)
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        try:
            # those that are asked for in one go are ended in one go
            await asyncio.sleep(0.02)
            while self._ends:
                how, jobs = self._ends.popitem()
                now = sorted(jobs)[:_MOST]
                if rest := jobs - set(now):
                    self._ends[how] = rest
                try:
                    await self.queue.cancel(now, *how)
                    self.cancel_words = ""
                except Unanswered as error:
                    # who wants them ended asks again
                    self.cancel_words = error.detail
                    log.warning("%s", error.detail)
        finally:
            self._ending = None

    # ── partitions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def linked(self, link: Link) -> None:
        """A supervisor is there, and is to know what the partitions give."""
        self._link = link
        self._linked.set()

    async def tell(self) -> None:
        """Ask what the partitions give, and tell it to the supervisor that is there. Never returns."""
        asked_at, told = float("-inf"), None
        while True:
            wait = _PARTITIONS
            if time.monotonic() - asked_at >= _PARTITIONS_SOON:
                asked_at = time.monotonic()
                try:
                    self._partitions = tuple((await self.queue.partitions()).values())
                except Unanswered as error:
                    log.warning("What the partitions give is not known: %s", error.detail)
                    wait = _PARTITIONS_SOON
            link, self._linked = self._link, asyncio.Event()
            if link is not None and self._partitions is not None and (id(link), self._partitions) != told:
                try:
                    await link.say(Partitions(partitions=self._partitions))
                    told = (id(link), self._partitions)
                except LinkDown:
                    self._link = None
            try:
                await asyncio.wait_for(self._linked.wait(), wait)
            except asyncio.TimeoutError:
                pass
