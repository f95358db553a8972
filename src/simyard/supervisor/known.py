"""What is durable, and may therefore be told: the active runs as last committed, the final ones asked for last, and
everybody who waits or listens. The brain may be ahead of it; nobody outside is ever told more than this."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

from simyard.errors import ProtocolError
from simyard.protocol.agents import MAX_PUSHED_REPORT
from simyard.protocol.asking import ANSWER, Change, Notice, RunAnswer, RunGone
from simyard.protocol.jobs import FINAL, Kind, Run, State
from simyard.store.records import Deleted
from simyard.supervisor.lru import Lru

#: Final runs that were asked for lately (bytes).
MAX_FINALS = 16 << 20
#: Reports that agents pushed (bytes).
MAX_REPORTS = 32 << 20
#: Runs that were deleted lately: what was read from the store a moment before must not bring them back.
RECENTLY_DELETED = 10_000


class Listener(Protocol):
    """Somebody who wants every change, and every notice, of which nothing is kept."""

    def tell(self, change: int, line: bytes) -> None: ...
    def notice(self, line: bytes) -> None: ...


class Known:
    """All that may be told. `last` is the number of the last durable change."""

    def __init__(self, active: Iterable[Run], last: int) -> None:
        self.active = {run.id: run for run in active}
        self.last = last
        self.reports: Lru[tuple[str, str], bytes] = Lru(MAX_REPORTS)
        self.listeners: set[Listener] = set()
        self._finals: Lru[str, Run] = Lru(MAX_FINALS)
        self._texts: Lru[str, tuple[Run, str]] = Lru(MAX_FINALS)
        self._watchers: dict[str, set[asyncio.Future[Run]]] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def get(self, run_id: str) -> Run | None:
        """The run as last committed, if it is active or was asked for lately."""
        return self.active.get(run_id) or self._finals.get(run_id)

    def remember(self, run: Run) -> None:
        """A final run that the store had to be asked for: it will not change any more."""
        if run.state in FINAL and not self.is_deleted(run.id):
            self._finals.put(run.id, run, _weight(run))

    def is_deleted(self, run_id: str) -> bool:
        """Whether it was deleted a moment ago: the store may have been asked for it before that."""
        return run_id in self._deleted

    def notice(self, notice: Notice) -> None:
        """Hand it on to everybody who listens."""
        line = ANSWER.encode(notice).encode() + b"\n"
        for listener in tuple(self.listeners):
            listener.notice(line)

    def committed(self, runs: Iterable[Run], deleted: Iterable[Deleted] = ()) -> None:
        """These states and deletions have become durable: tell everybody."""
        happened: list[Run | Deleted] = [*runs, *deleted]
        for run in sorted(happened, key=_by_change):
            if isinstance(run, Deleted):
                self._committed_deletion(run)
                continue
            if run.state in FINAL:
                self.active.pop(run.id, None)
                self._finals.put(run.id, run, _weight(run))
            else:
                self.active[run.id] = run
            self.last = max(self.last, run.change)
            if self.listeners:
                line = self.line(run)
                for listener in tuple(self.listeners):
                    listener.tell(run.change, line)
            for future in self._watchers.pop(run.id, ()):
                if not future.done():
                    future.set_result(run)

    def _committed_deletion(self, gone: Deleted) -> None:
        run = self._finals.get(gone.run)
        if run is not None:
            self._finals.drop(run.id)
            self.reports.drop((run.id, run.report))
        self._texts.drop(gone.run)
        self._deleted[gone.run] = None
        if len(self._deleted) > RECENTLY_DELETED:
            self._deleted.popitem(last=False)
        self.last = max(self.last, gone.change)
        if self.listeners:
            line = self.line(gone)
            for listener in tuple(self.listeners):
                listener.tell(gone.change, line)

    def line(self, run: Run | Deleted) -> bytes:
        """What a stream of changes says of it."""
        if isinstance(run, Deleted):
            return ANSWER.encode(RunGone(user=run.user, run=run.run, change=run.change)).encode() + b"\n"
        try:
            text = ANSWER.encode(Change(run=run, report=self.report_along(run)))
        except ProtocolError:
            text = ANSWER.encode(Change(run=run))  # escaped, the report was too large for a message: it can be asked for
        return text.encode() + b"\n"

    def answer_text(self, run: Run) -> str:
        """The encoded RunAnswer that tells this run, made once as long as the run does not change."""
        kept = self._texts.get(run.id)
        if kept is not None and kept[0] is run:
            return kept[1]
        text = ANSWER.encode(RunAnswer(run=run))
        self._texts.put(run.id, (run, text), len(text))
        return text

    def report_along(self, run: Run) -> str:
        """The first report's JSON where it goes along with this state: a quick run that has completed; else ""."""
        if run.state is not State.COMPLETED or run.kind is not Kind.QUICK or not run.report:
            return ""
        report = self.reports.get((run.id, run.report))
        if report is None or len(report) > MAX_PUSHED_REPORT:
            return ""
        try:
            return report.decode()
        except UnicodeDecodeError:
            return ""  # an agent's bytes are foreign: whoever asks for the report gets them as they are

    async def until(self, run: Run, reached: Callable[[Run], bool], seconds: float) -> Run:
        """The run once it is as wanted, or as it is after that many seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not reached(run := self.get(run.id) or run):
            future: asyncio.Future[Run] = loop.create_future()
            self._watchers.setdefault(run.id, set()).add(future)
            try:
                async with asyncio.timeout_at(deadline):
                    run = await future
            except TimeoutError:
                break
            finally:
                self._unwatch(run.id, future)
        return run

    def _unwatch(self, run_id: str, future: asyncio.Future[Run]) -> None:
        watching = self._watchers.get(run_id)
        if watching is not None:
            watching.discard(future)
            if not watching:
                del self._watchers[run_id]


def _by_change(run: Run | Deleted) -> int:
    return run.change


def _weight(run: Run) -> int:
    # an estimate: what may be large is counted, the rest is about this
    return 2000 + len(run.reason) + sum(map(len, run.warnings)) + len(str(run.results))
