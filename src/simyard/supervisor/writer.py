"""The one writer: takes all that has arrived, makes it durable on a thread of its own, and only then has it told and done.

While one commit is under way the next one collects: the busier, the larger the groups. A commit that fails is tried
again for ever; until it succeeds nothing of it, and nothing after it, is told to anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from simyard.protocol.jobs import RunSpec
from simyard.store.engine import StoreError
from simyard.store.records import Batch
from simyard.supervisor.journal import Journal
from simyard.supervisor.metrics import Counts
from simyard.supervisor.outbox import Effect, Launch, Outbox

journal = Journal(__name__)

#: Told of each batch once it is durable, with the effects that waited for it and the specs of what is launched.
Done = Callable[[Batch, list[Effect], dict[str, RunSpec]], None]
FIRST_RETRY, LAST_RETRY = 0.1, 5.0


class Store(Protocol):
    """What the writer needs of a RunStore."""

    def commit(self, batch: Batch) -> None: ...
    def specs(self, run_ids: list[str]) -> dict[str, RunSpec]: ...


class Writer:
    """`failing` is "" as long as commits succeed, else why the last one did not."""

    def __init__(self, store: Store, out: Outbox, done: Done, counts: Counts) -> None:
        self._store, self._out, self._done, self._counts = store, out, done, counts
        self._thread = ThreadPoolExecutor(1, "writer")
        self._wake = asyncio.Event()
        self._closing = False
        self.failing = ""

    def wake(self) -> None:
        """The outbox may have something."""
        self._wake.set()

    async def run(self) -> None:
        """Until `close` was called and everything was written."""
        while True:
            if not (self._out.batch or self._out.effects):
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
            batch, effects = self._out.take()
            specs = {}
            unknown = [e.run for e in effects if isinstance(e, Launch) and e.run not in batch.specs]
            if batch or unknown:
                specs = await self._commit(batch, unknown)
            self._done(batch, effects, {**specs, **batch.specs})

    def close(self) -> None:
        """`run` ends when all that is there has been written."""
        self._closing = True
        self._wake.set()

    async def _commit(self, batch: Batch, unknown: list[str]) -> dict[str, RunSpec]:
        loop = asyncio.get_running_loop()
        pause = FIRST_RETRY
        while True:
            try:
                began = loop.time()
                specs = await loop.run_in_executor(self._thread, self._write, batch, unknown)
            except Exception as error:  # noqa: BLE001
                # the wall of the writer: whatever it is (a full disk, a broken constraint), what was to be told stays untold
                self.failing = error.detail if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
                self._counts.commit_failures += 1
                journal.failure("commit failed, will be tried again", error, runs=len(batch.runs), pause=pause)
                await asyncio.sleep(pause)
                pause = min(LAST_RETRY, pause * 2)
            else:
                if self.failing:
                    journal.info("commit succeeded again")
                self.failing = ""
                self._counts.commits += 1
                self._counts.commit_seconds += loop.time() - began
                self._counts.committed_runs += len(batch.runs)
                return specs

    def _write(self, batch: Batch, unknown: list[str]) -> dict[str, RunSpec]:
        if batch:
            self._store.commit(batch)
        return self._store.specs(unknown) if unknown else {}
