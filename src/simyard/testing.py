"""A supervisor for tests: it speaks the real conversation with web and keeps everything in memory; runs end when the test says so.

`FakeSupervisor` answers questions as the real one does. `FakeDoor` is web's port to it within one process;
`simyard.testing_server` has one that listens on a Unix socket.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Self

from simyard.errors import Conflict, InvalidRequest, NotFound
from simyard.protocol import asking
from simyard.protocol.asking import ANSWER, ASK, Change, Explanation, Notice, Pong, RunAnswer, RunGone, RunPage
from simyard.protocol.batch import Partition
from simyard.protocol.code_places import CodePlaces, InstallCode, Standing, Standings
from simyard.protocol.ids import jid, ulid
from simyard.protocol.jobs import FINAL, Kind, Resources, Run, State, Verdict, identity, move
from simyard.protocol.targets import Disk, LoginAnswer, Target, TargetList, TargetLogin, Targets, Wait
from simyard.testing_login import FakeLogin

VERSION = "0.0.0-fake"
_CHUNK = 64 << 10
_TICK = 0.02


class FakeSupervisor:
    """Runs in memory. A new run is `pending` until the test moves it with `change` (or `ends_at_once` is set)."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.asked: list[Any] = []
        self.logs: dict[str, bytearray] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.reports: dict[tuple[str, str, int], bytes] = {}
        self.specs: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
        self.generated: Any = {"command": None, "files": []}
        self.standings: tuple[Standing, ...] = (
            Standing(code="grayscott", target="local", kind="local", state="ready", detail="It runs."),
        )
        self.install: Any = {
            "state": "idle", "lines": [], "command": [], "status": 0, "error": "", "code": "", "python": "3.11.2", "platform": "x86_64-glibc-2.36",
        }  # fmt: skip
        self.broken_off: set[str] = set()
        self.ends_at_once = False
        self.login = FakeLogin()
        self.partitions: tuple[Partition, ...] = ()
        self.disk: Disk | None = None
        self.failing = ""
        self.dropped = 0
        self.last = 0
        self.moved = threading.Condition()
        self.gone: list[RunGone] = []
        self._history: list[Change | RunGone | Notice] = []

    # ── what a test does ────────────────────────────────────────────────────────────────────────────────────────────

    def change(self, run_id: str, figure: str = "", **changes: Any) -> Run:
        """The run, changed; every listener is told. `figure` comes along, as the first report of a quick run does."""
        with self.moved:
            old = self.runs[run_id]
            if "state" in changes:
                move(old.state, changes["state"])
            self.last += 1
            new = replace(old, revision=old.revision + 1, change=self.last, **changes)
            self.runs[run_id] = new
            self._history.append(Change(run=new, report=figure))
            self.moved.notify_all()
            return new

    def complete(self, run_id: str, figure: str = "", **changes: Any) -> Run:
        """The run, completed now; started, where it was not."""
        now = time.time()
        if self.runs[run_id].state is State.PENDING:
            self.start(run_id)
        return self.change(run_id, figure, state=State.COMPLETED, **{"ended": now, **changes})

    def start(self, run_id: str) -> Run:
        """The run, running now."""
        self.change(run_id, state=State.STARTING)
        return self.change(run_id, state=State.RUNNING, started=time.time())

    # ── what web asks ───────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, question: Any) -> Any:
        """The answer to a plain question; raises what the real one would."""
        self.asked.append(question)
        return _ANSWERS[type(question)](self, question)

    def stream(self, question: Any) -> tuple[int, str, Iterator[bytes]]:
        """Size (-1: not known), media type and bytes of a stream; raises what the real one would."""
        self.asked.append(question)
        if isinstance(question, asking.ShowInput):
            data = json.dumps(self.generated).encode()
            return len(data), "application/json", iter([data])
        if isinstance(question, InstallCode):
            data = json.dumps(self.install).encode()
            return len(data), "application/json", iter([data])
        run = self._run(question)
        if isinstance(question, asking.RunLog) and question.follow:
            return -1, "text/plain; charset=utf-8", self._follow(run, question.offset)
        data, media_type = self._bytes(question, run), "application/octet-stream"
        if isinstance(question, asking.RunLog | asking.RunFile):
            end = len(data) if question.length < 0 else question.offset + question.length
            data = data[question.offset : end]
        elif not isinstance(question, asking.RunFiles):
            media_type = "application/json"
        return len(data), media_type, self._chunks(run, data)

    def changes(self, after: int) -> Iterator[bytes]:
        """Lines of the change stream; an empty one when nothing happens for a while. Who has called this listens."""
        return self._changes(after, len(self._history))

    def _changes(self, after: int, joined: int) -> Iterator[bytes]:
        seen = 0
        yield b"\n"
        while True:
            with self.moved:
                if seen == len(self._history) and not self.moved.wait(0.2):
                    yield b"\n"
                    continue
                new, first, seen = self._history[seen:], seen, len(self._history)
            for place, told in enumerate(new, first):
                # what has no number is told once, to those who listen at that moment
                if place >= joined if (number := _number(told)) is None else number > after:
                    yield ANSWER.encode(told).encode() + b"\n"

    def _run(self, question: Any) -> Run:
        run = self.runs.get(question.run)
        if run is None or run.user != question.user:
            raise NotFound("unknown-run", f"There is no run {question.run}.")
        return run

    def _bytes(self, question: Any, run: Run) -> bytes:
        match question:
            case asking.RunLog():
                return bytes(self.logs.get(run.id, b""))
            case asking.RunFiles():
                mine = self.files.get(run.id, {})
                listing = [{"path": path, "size": len(mine[path]), "modified": run.created} for path in sorted(mine)]
                return json.dumps(listing).encode()
            case asking.RunFile():
                found = self.files.get(run.id, {}).get(question.path)
                if found is None:
                    raise NotFound("unknown-file", "The run has no such file.")
                return found
        found = self.reports.get((run.id, question.report, getattr(question, "frame", -1)))
        if found is None:
            raise NotFound("unknown-report", f"The run has no report {question.report}.")
        return found

    def _chunks(self, run: Run, data: bytes) -> Iterator[bytes]:
        if run.id in self.broken_off:
            yield data[: len(data) // 2]
            raise OSError("broken off, as the test wants it")
        for start in range(0, len(data), _CHUNK):
            yield data[start : start + _CHUNK]

    def _follow(self, run: Run, offset: int) -> Iterator[bytes]:
        sent = offset
        while True:
            is_final = self.runs[run.id].state in FINAL
            more = bytes(self.logs.get(run.id, b"")[sent:])
            if more:
                sent += len(more)
                yield more
            elif is_final:
                return
            else:
                yield b""  # so that a server can look whether anybody is there
                time.sleep(_TICK)

    def run_simulation(self, question: asking.RunSimulation) -> RunAnswer:
        name = identity(question.code, "0" * 12, question.model, question.inputs, question.files)
        mine = [run for run in reversed(self.runs.values()) if run.user == question.user]
        if question.key and (same := [run for run in mine if run.key == question.key]):
            return RunAnswer(run=same[0])
        job = jid(question.user, question.simulation, question.model)
        if active := [run for run in mine if run.jid == job and run.state not in FINAL]:
            if active[0].identity == name:
                return RunAnswer(run=active[0])
            if not question.supersede:
                raise Conflict("already-active", "A run with other inputs is active.", {"run": active[0].id})
            self.run_cancel(asking.RunCancel(user=question.user, run=active[0].id))
        if question.reuse and (done := [run for run in mine if run.identity == name and run.state is State.COMPLETED]):
            return RunAnswer(run=done[0], reused=True)
        if question.target != "local":
            raise InvalidRequest("unknown-target", f"There is no target {question.target}; there is local.")
        run = self._new_run(question, name, job)
        if self.ends_at_once:
            self.complete(run.id)
        return RunAnswer(run=self._wait(run.id, question.wait), created=True)

    def _new_run(self, question: asking.RunSimulation, name: str, job: str) -> Run:
        now = time.time()
        with self.moved:
            self.last += 1
            run = Run(
                id=ulid(now, os.urandom),
                user=question.user,
                jid=job,
                simulation=question.simulation,
                simulation_revision=question.simulation_revision,
                code=question.code,
                code_version="0" * 12,
                model=question.model,
                kind=Kind.LONG,
                target=question.target,
                identity=name,
                state=State.PENDING,
                created=now,
                queued=now,
                resources=question.resources or Resources(),
                change=self.last,
                key=question.key,
                waiting=(Verdict(gate="resources", passed=False, detail="The test has not started it."),),
            )
            self.runs[run.id] = run
            self.specs[run.id] = (question.inputs, question.files)
            self._history.append(Change(run=run))
            self.moved.notify_all()
        return run

    def run_status(self, question: asking.RunStatus) -> RunAnswer:
        self._run(question)
        return RunAnswer(run=self._wait(question.run, question.wait))

    def _wait(self, run_id: str, seconds: float) -> Run:
        with self.moved:
            self.moved.wait_for(lambda: self.runs[run_id].state in FINAL, seconds)
            return self.runs[run_id]

    def run_list(self, question: asking.RunList) -> RunPage:
        wanted = {name: getattr(question, name) for name in ("simulation", "code", "model", "state")}
        mine = [
            run
            for run in sorted(self.runs.values(), key=lambda run: run.id, reverse=True)
            if run.user == question.user
            and (not question.cursor or run.id < question.cursor)
            and all(
                not value or str(getattr(run, name)) == value or getattr(run, name) == value for name, value in wanted.items()
            )
        ]
        some = mine[: question.limit]
        return RunPage(runs=tuple(some), cursor=some[-1].id if len(mine) > len(some) else "")

    def run_cancel(self, question: asking.RunCancel) -> RunAnswer:
        run = self._run(question)
        if run.state in FINAL:
            return RunAnswer(run=run)
        self.change(run.id, state=State.CANCELING, reason="You asked for it.")
        if run.state is State.PENDING:
            self.change(run.id, state=State.CANCELED, ended=time.time())
        return RunAnswer(run=self.runs[run.id])

    def run_delete(self, question: asking.RunDelete) -> RunGone:
        run = self._run(question)
        if run.state not in FINAL:
            raise Conflict("run-active", f"It is {run.state.value}.")
        with self.moved:
            self.last += 1
            del self.runs[run.id]
            told = RunGone(user=run.user, run=run.id, change=self.last)
            self.gone.append(told)
            self._history.append(told)
            self.moved.notify_all()
        return told

    def run_same(self, question: asking.RunSame) -> RunPage:
        name = identity(question.code, "0" * 12, question.model, question.inputs, question.files)
        found = [
            run for run in self.runs.values() if (run.user, run.identity, run.state) == (question.user, name, State.COMPLETED)
        ]
        found.sort(key=lambda run: (run.simulation == question.simulation, run.id), reverse=True)
        return RunPage(runs=tuple(found[:1]))

    def tell(self, question: asking.Tell) -> Pong:
        with self.moved:
            self._history.append(Notice(user=question.user, what=question.what, id=question.id, origin=question.origin))
            self.moved.notify_all()
        return self.pong(question)

    def run_explain(self, question: asking.RunExplain) -> Explanation:
        run = self._run(question)
        waits = run.state is State.PENDING
        return Explanation(run=run.id, state=run.state.value, summary=run.reason, gates=run.waiting, position=int(waits))

    def run_inputs(self, question: asking.RunInputs) -> asking.Inputs:
        self._run(question)
        inputs, files = self.specs[question.run]
        return asking.Inputs(run=question.run, inputs=inputs, files=files)

    def target_list(self, question: TargetList) -> Targets:
        wait = Wait(low=0.0, high=0.0) if question.model else None
        here = Target(name="local", kind="local", state="ready", cores=2, memory=1 << 32, wait=wait, disk=self.disk)
        if not self.partitions:
            return Targets(targets=(here,))
        login = self.login.state(question.user)
        pool = Target(name="pool", kind="sbatch", state=login, login=login, partitions=self.partitions)
        return Targets(targets=(here, pool))

    def code_places(self, question: CodePlaces) -> Standings:
        return Standings(standings=tuple(one for one in self.standings if question.code in {"", one.code}))

    def target_login(self, question: TargetLogin) -> LoginAnswer:
        if question.target == "pool":
            return self.login.step(question)
        if question.target != "local":
            raise NotFound("unknown-target", f"There is no target {question.target}.")
        return LoginAnswer(target="local", state="not-needed")

    def changed(self, question: asking.Changes) -> RunPage:
        mine = [run for run in self.runs.values() if run.user == question.user and run.change > question.after]
        mine.sort(key=lambda run: run.change)
        more = len(mine) > question.limit
        gone = () if more else tuple(one for one in self.gone if one.user == question.user and one.change > question.after)
        cursor = str(mine[question.limit - 1].change) if more else ""
        return RunPage(runs=tuple(mine[: question.limit]), cursor=cursor, gone=gone)

    def pong(self, _: Any) -> Pong:
        active = sum(run.state not in FINAL for run in self.runs.values())
        return Pong(version=VERSION, change=self.last, agents=1, active=active, failing=self.failing)


_ANSWERS: dict[type, Callable[[FakeSupervisor, Any], Any]] = {
    asking.RunSimulation: FakeSupervisor.run_simulation,
    asking.RunStatus: FakeSupervisor.run_status,
    asking.RunList: FakeSupervisor.run_list,
    asking.RunCancel: FakeSupervisor.run_cancel,
    asking.RunDelete: FakeSupervisor.run_delete,
    asking.RunSame: FakeSupervisor.run_same,
    asking.Tell: FakeSupervisor.tell,
    asking.RunExplain: FakeSupervisor.run_explain,
    asking.RunInputs: FakeSupervisor.run_inputs,
    TargetList: FakeSupervisor.target_list,
    TargetLogin: FakeSupervisor.target_login,
    CodePlaces: FakeSupervisor.code_places,
    asking.Arrive: FakeSupervisor.pong,
    asking.Changes: FakeSupervisor.changed,
    asking.Ping: FakeSupervisor.pong,
}


def _number(told: Change | RunGone | Notice) -> int | None:
    if isinstance(told, Notice):
        return None
    return told.run.change if isinstance(told, Change) else told.change


class _FakeStream:
    def __init__(self, size: int, media_type: str, chunks: Iterator[bytes]) -> None:
        self.size = size
        self.media_type = media_type
        self._chunks = chunks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class FakeDoor:
    """Web's door to a FakeSupervisor of the same process. What passes is encoded and decoded, as it really is."""

    def __init__(self, supervisor: FakeSupervisor) -> None:
        self.supervisor = supervisor

    def ask(self, question: Any, wait: float = 0.0) -> Any:
        return ANSWER.decode(ANSWER.encode(self.supervisor.answer(ASK.decode(ASK.encode(question)))))

    def open(self, question: Any, *, patience: float = 0.0) -> _FakeStream:
        return _FakeStream(*self.supervisor.stream(ASK.decode(ASK.encode(question))))

    def changes(self, after: int) -> _FakeStream:
        return _FakeStream(-1, "application/x-ndjson", self.supervisor.changes(after))

    def get(self, path: str) -> bytes:
        return f"# {path} of the fake supervisor\n".encode()

    def close(self) -> None:
        pass
