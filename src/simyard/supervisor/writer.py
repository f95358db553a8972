"""The one writer: takes all that has arrived, makes it durable on a thread of its own, and only then has it told and done.

While one commit is under way the next one collects: the busier, the larger the groups. A commit that the database cannot do is
tried again for ever; until it succeeds nothing of it, and nothing after it, is told to anybody. One that the database refuses
(a broken constraint) would be refused for ever: after some tries each run is written by itself, and the one that is refused is
left out, and told of to nobody but the log and the brain.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from simyard.errors import SimyardError
from simyard.protocol.asking import RunAnswer
from simyard.protocol.jobs import RunSpec
from simyard.store.engine import StoreError
from simyard.store.records import Batch
from simyard.supervisor.journal import Journal
from simyard.supervisor.metrics import Counts
from simyard.supervisor.outbox import Answer, Effect, Launch, Outbox, Refuse

journal = Journal(__name__)

#: Told of each batch once it is durable, with the effects that waited for it and the specs of what is launched.
Done = Callable[[Batch, list[Effect], dict[str, RunSpec]], None]
#: Told of the runs whose state could not be written and never will be.
Refused = Callable[[list[str]], None]
FIRST_RETRY, LAST_RETRY = 0.1, 5.0
#: A commit that was refused so often is taken apart.
TRIES = 3


class Store(Protocol):
    """What the writer needs of a RunStore."""

    def commit(self, batch: Batch) -> None: ...
    def specs(self, run_ids: list[str]) -> dict[str, RunSpec]: ...


class Writer:
    """`failing` is "" as long as commits succeed, else why the last one did not."""

    def __init__(self, store: Store, out: Outbox, done: Done, counts: Counts, refused: Refused = lambda _runs: None) -> None:
        self._store, self._out, self._done, self._counts, self._refused = store, out, done, counts, refused
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
            specs: dict[str, RunSpec] = {}
            poison: list[str] = []
            unknown = [e.run for e in effects if isinstance(e, Launch) and e.run not in batch.specs]
            if batch or unknown:
                specs, poison = await self._commit(batch, unknown)
            if poison:
                batch, effects = _without(batch, effects, frozenset(poison))
            self._done(batch, effects, {**specs, **batch.specs})
            if poison:
                self._refused(poison)

    def close(self) -> None:
        """`run` ends when all that is there has been written."""
        self._closing = True
        self._wake.set()

    async def _commit(self, batch: Batch, unknown: list[str]) -> tuple[dict[str, RunSpec], list[str]]:
        """The specs that are asked for, and the runs that the database refuses."""
        loop = asyncio.get_running_loop()
        pause, refusals = FIRST_RETRY, 0
        while True:
            write = self._write if refusals < TRIES else self._write_apart
            try:
                began = loop.time()
                found = await loop.run_in_executor(self._thread, write, batch, unknown)
            except Exception as error:  # noqa: BLE001
                # the wall of the writer: whatever it is (a full disk, a broken constraint), what was to be told stays untold
                self.failing = error.detail if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
                self._counts.commit_failures += 1
                refusals = 0 if isinstance(error, StoreError) else refusals + 1
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
                return found

    def _write(self, batch: Batch, unknown: list[str]) -> tuple[dict[str, RunSpec], list[str]]:
        if batch:
            self._store.commit(batch)
        return self._store.specs(unknown) if unknown else {}, []

    def _write_apart(self, batch: Batch, unknown: list[str]) -> tuple[dict[str, RunSpec], list[str]]:
        """Each run by itself, so that one which is refused keeps none of the others. What is not of a run is written first, and
        must be."""
        rest = dataclasses.replace(batch, runs={}, specs={})
        if rest:
            self._store.commit(rest)
            # what was written once is not written twice, should the rest have to be tried again
            batch.agents, batch.agents_gone, batch.deleted, batch.removed = {}, set(), {}, {}
        refused = []
        for run in batch.runs:
            specs = {run: batch.specs[run]} if run in batch.specs else {}
            try:
                self._store.commit(Batch(runs={run: batch.runs[run]}, specs=specs))
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001
                # the wall around one run
                journal.failure("a run cannot be written, and is left out", error, run=run)
                refused.append(run)
        return self._write(Batch(), unknown)[0], refused


def _without(batch: Batch, effects: list[Effect], poison: frozenset[str]) -> tuple[Batch, list[Effect]]:
    """What is to be told and done where these runs were not written: whoever asked for one is told that it is not there."""
    kept: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Launch) and effect.run in poison:
            continue
        if isinstance(effect, Answer) and isinstance(effect.message, RunAnswer) and effect.message.run.id in poison:
            error = SimyardError("not-stored", "The database has refused to keep this run; the supervisor's log says why.")
            kept.append(Refuse(request=effect.request, error=error))
        else:
            kept.append(effect)
    runs = {name: run for name, run in batch.runs.items() if name not in poison}
    specs = {name: spec for name, spec in batch.specs.items() if name not in poison}
    return dataclasses.replace(batch, runs=runs, specs=specs), kept
