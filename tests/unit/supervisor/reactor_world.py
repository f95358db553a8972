"""A world for the reactor: a store that remembers what was committed, drivers, agents with disks, and time that is told."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from simyard.config import TargetConfig
from simyard.errors import Conflict
from simyard.protocol import agents as talk
from simyard.protocol import rundir
from simyard.protocol.asking import RunAnswer, RunGone, RunSimulation
from simyard.protocol.jobs import FINAL, NEXT, Kind, Resources, Run, RunSpec, State
from simyard.store.records import AgentRecord, Deleted
from simyard.supervisor import reactor, views
from simyard.supervisor.core import AgentState, Core, Lane, Place
from simyard.supervisor.outbox import (
    Answer,
    CheckAgent,
    Kick,
    Launch,
    Notify,
    Outbox,
    PollAgent,
    Refuse,
    Send,
    StartAgent,
    StopAgent,
    Sweep,
)

GIB = 1 << 30
KINDS = {"quick": Kind.QUICK, "long": Kind.LONG}


@dataclass
class Execution:
    """A run directory and what runs in it."""

    epoch: int
    events: list[talk.Event] = field(default_factory=list)
    alive: bool = True

    def write(self, event: str, at: float, **data: Any) -> None:
        self.events.append(talk.Event(n=len(self.events) + 1, at=at, event=event, data=data))

    def end(self, state: str, at: float) -> None:
        if self.alive:
            self.alive = False
            self.write(
                rundir.FINAL, at, state=state, reason=f"it {state}", cause="exit", usage={"wall": 1.0, "cpu": 0.5, "exit_code": 0}
            )


@dataclass
class Process:
    """An agent's process: it may be connected or not, and has received what it has not yet looked at."""

    id: str
    seat: tuple[str, str]
    alive: bool = True
    connected: bool = False
    version: str = "1"
    inbox: deque[Any] = field(default_factory=deque)


class World:
    """Carries out what the reactor wants, and checks every word of it against the design's invariants."""

    def __init__(self, cores: int = 2, memory: int = 8 * GIB, patience: float = 60.0, **limits: Any) -> None:
        self.now = 1_000_000.0
        self.limits = TargetConfig(patience=patience, **limits)
        self.size = (cores, memory)
        self.random = random.Random(7)
        self.stored: dict[str, Run] = {}
        self.specs: dict[str, RunSpec] = {}
        self.deleted: dict[str, Deleted] = {}
        self.removed: set[str] = set()
        self.late_previous: Run | None = None
        self.records: dict[str, AgentRecord] = {}
        self.launched: dict[str, int] = {}
        self.answers: dict[int, Any] = {}
        self.requests = 0
        self.to_start: deque[StartAgent] = deque()
        self.to_poll: deque[PollAgent] = deque()
        self.to_check: deque[CheckAgent] = deque()
        #: That of the agents that drivers start now.
        self.version = "1"
        self.processes: dict[str, Process] = {}
        self.disks: dict[tuple[str, str], dict[str, Execution]] = {}
        self.notices: list[Notify] = []
        self.started_views: list[tuple[str, int]] = []
        self.core = self.new_core()
        self.out = Outbox()

    def new_core(self) -> Core:
        place = Place(name="local", limits=self.limits, cores=self.size[0], memory=self.size[1])
        return Core([place], self.random.randbytes)

    def restart(self) -> None:
        """The supervisor was killed: what was committed is all that it knows; connections are gone."""
        self.core, self.out = self.new_core(), Outbox()
        self.to_start.clear()
        self.to_poll.clear()
        self.to_check.clear()
        for process in self.processes.values():
            process.connected = False
            process.inbox.clear()
        active = [run for run in self.stored.values() if run.state not in FINAL]
        changes = [run.change for run in self.stored.values()] + [gone.change for gone in self.deleted.values()]
        self.core.restore(active, self.records.values(), max(changes, default=0), self.now)

    @property
    def left(self) -> set[str]:
        """Deleted runs whose directories nobody has said to be gone."""
        return set(self.deleted) - self.removed

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, user: str = "ann", simulation: str = "s1", model: str = "long", **more: Any) -> Any:
        """Ask for a run; the answer (or the error)."""
        cores, memory = more.pop("cores", 1), more.pop("memory", GIB)
        inputs = {"x": more.pop("x", 0)}
        question = RunSimulation(
            user=user, simulation=simulation, simulation_revision="r1", code="c", model=model, inputs=inputs, files={}, **more
        )
        plan = RunSpec(
            run="", user=user, code="c", code_version="1", code_dir="/c", python="python", model=model, kind=KINDS[model],
            inputs=inputs, files={}, resources=Resources(cores=cores, memory=memory), time_limit=60.0,
        )  # fmt: skip
        self.requests += 1
        self.now += 0.001
        previous, self.late_previous = self.late_previous or self.previous(question), None
        reactor.on_run_simulation(self.core, self.out, self.requests, question, plan, previous, self.now)
        self.perform()
        return self.answers[self.requests]

    def previous(self, question: RunSimulation) -> Run | None:
        for run in self.stored.values():
            if question.key and (run.user, run.key) == (question.user, question.key):
                return run
        from simyard.protocol.jobs import identity

        name = identity("c", "1", question.model, question.inputs, {})
        done = [r for r in self.stored.values() if (r.user, r.identity, r.state) == (question.user, name, State.COMPLETED)]
        return done[-1] if done else None

    def cancel(self, run: Run) -> Any:
        self.requests += 1
        reactor.on_run_cancel(self.core, self.out, self.requests, self.stored[run.id], self.now)
        self.perform()
        return self.answers[self.requests]

    def delete(self, run: Run) -> Any:
        """Ask for a run to be deleted, as its endpoint does: one whose final state is not durable is refused."""
        self.requests += 1
        if self.stored[run.id].state not in FINAL:
            return Conflict("run-active", "It is active.")
        reactor.on_run_delete(self.core, self.out, self.requests, self.stored[run.id], self.now)
        self.perform()
        return self.answers[self.requests]

    def say_used(self, process: Process, used: int, free: int = 1 << 40) -> None:
        """The agent says what its user's files and runs take of the disk."""
        reactor.on_disk_used(self.core, self.out, process.id, talk.DiskUsed(used=used, free=free, age=2.0), self.now)
        self.perform()

    def say_removed(self, process: Process, *runs: str) -> None:
        """The agent says that nothing is left of these; the shell asks the store which of them were to be removed there."""
        left = [run for run in runs if run in self.left and (self.deleted[run].user, self.deleted[run].target) == process.seat]
        reactor.on_runs_removed(self.core, self.out, process.id, left, more=False, now=self.now)
        self.perform()

    def view(self, run: views.Subject, lane: Lane = Lane.ANALYSIS) -> int:
        self.requests += 1

        def message(number: int) -> talk.MakeReport:
            return talk.MakeReport(op=number, run=run.id, report="r", frame=-1, seconds=1.0, memory=GIB)

        number = views.on_view(self.core, self.out, self.requests, run, lane, message, self.now)
        self.perform()
        return number

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        reactor.on_tick(self.core, self.out, self.now)
        self.perform()

    # ── what machines do ──────────────────────────────────────────────────────────────────────────────────────────

    def start_next(self, ok: bool = True) -> None:
        """The driver carries out the oldest start."""
        want = self.to_start.popleft()
        if ok:
            self.processes[want.agent] = Process(id=want.agent, seat=(want.user, want.target), version=self.version)
            reactor.on_agent_started(self.core, self.out, want.agent, {"pid": len(self.processes)})
        else:
            reactor.on_agent_start_failed(self.core, self.out, want.agent, "no such file", self.now)
        self.perform()

    def connect(self, process: Process) -> None:
        """The agent dials (again); an older agent of its seat is fenced off first, as the lock in its folder does."""
        for other in self.processes.values():
            if other.seat == process.seat and other.id < process.id and other.alive:
                self.kill(other)
        process.connected = True
        process.inbox.clear()
        disk = self.disks.setdefault(process.seat, {})
        runs = tuple(talk.RunSeen(run=run, epoch=e.epoch, last=len(e.events)) for run, e in disk.items())
        hello = talk.Hello(version=process.version, host="h", boot="b", pid=1, python="3", cores=2, memory=GIB, runs=runs)
        reactor.on_agent_connected(self.core, self.out, process.id, hello, self.now)
        self.perform()

    def lose(self, process: Process) -> None:
        """The connection breaks; the process lives."""
        process.connected = False
        process.inbox.clear()
        reactor.on_agent_lost(self.core, self.out, process.id, self.now)
        self.perform()

    def kill(self, process: Process) -> None:
        """An agent gets kill -9: what it started runs on."""
        process.alive = False
        if process.connected:
            self.lose(process)

    def poll_next(self, known: bool = True) -> None:
        want = self.to_poll.popleft()
        process = self.processes.get(want.agent)
        alive = process is not None and process.alive
        reactor.on_agent_polled(self.core, self.out, want.agent, alive if known else None, self.now)
        self.perform()

    def check_next(self) -> None:
        want = self.to_check.popleft()
        reactor.on_agent_checked(self.core, self.out, want.agent, want.version != self.version, self.now)
        self.perform()

    def receive(self, process: Process) -> None:
        """The agent looks at its oldest message."""
        disk = self.disks.setdefault(process.seat, {})
        match process.inbox.popleft():
            case talk.StartRun(epoch=epoch, spec=spec):
                if spec.run not in disk:
                    disk[spec.run] = Execution(epoch)
                    disk[spec.run].write(rundir.BEGUN, self.now, epoch=epoch)
                else:
                    # the directory is there, and nothing is started twice: it takes on the newer epoch
                    disk[spec.run].epoch = max(epoch, disk[spec.run].epoch)
            case talk.StopRun(run=run, epoch=epoch):
                execution = disk.setdefault(run, Execution(epoch))
                execution.epoch = max(epoch, execution.epoch)
                execution.end("canceled", self.now)
            case talk.EventsStored(run=run, last=last):
                if run in disk and not disk[run].alive and last >= len(disk[run].events):
                    del disk[run]
            case talk.RemoveRuns(runs=runs):
                for run in runs:
                    assert run not in disk or not disk[run].alive, "told to remove what runs"
                    disk.pop(run, None)
            case talk.Welcome(forget=forget):
                for run in forget:
                    disk.pop(run, None)
            case talk.Leave():
                self.kill(process)
            case talk.MakeReport(op=op):
                self.started_views.append((process.id, op))
            case _:
                pass

    def report_events(self, process: Process, run: str, first: int = 1) -> None:
        """The agent sends a run's events from number `first` on."""
        execution = self.disks[process.seat][run]
        message = talk.RunEvents(run=run, epoch=execution.epoch, events=tuple(execution.events[first - 1 :]))
        self.say_events(process, message)

    def say_events(self, process: Process, message: talk.RunEvents) -> None:
        reactor.on_run_events(self.core, self.out, process.id, message, self.now)
        self.perform()

    def say_stop_failed(self, process: Process, run: Run, reason: str) -> None:
        message = talk.StopFailed(run=run.id, epoch=self.stored[run.id].epoch, reason=reason)
        reactor.on_stop_failed(self.core, self.out, process.id, message, self.now)
        self.perform()

    # ── carrying out, and checking ────────────────────────────────────────────────────────────────────────────────

    def perform(self) -> None:
        """Commit, then do: as the shell does, with every word checked."""
        while True:
            batch, effects = self.out.take()
            if not batch and not effects:
                break
            for gone in batch.deleted.values():
                assert self.stored.pop(gone.run).state in FINAL, "deleted what is not over"
                self.specs.pop(gone.run)
                self.deleted[gone.run] = gone
            assert batch.removed.keys() <= self.deleted.keys()
            self.removed |= batch.removed.keys()
            for run in sorted(batch.runs.values(), key=lambda r: r.change):
                assert run.id not in self.deleted, "a deleted run came back"
                self.commit(run)
            self.specs.update(batch.specs)
            self.records.update(batch.agents)
            for agent in batch.agents_gone:
                self.records.pop(agent, None)
            for effect in effects:
                self.do(effect)
        self.check()

    def commit(self, run: Run) -> None:
        old = self.stored.get(run.id)
        if old is not None:
            assert old.state not in FINAL, f"{old.state} was left"
            assert (run.revision > old.revision, run.change > old.change) == (True, True)
            assert (run.events >= old.events, run.epoch >= old.epoch) == (True, True)
            assert run.state is old.state or run.state in reachable(old.state), f"{old.state} → {run.state}"
        if run.state in FINAL:
            assert run.ended is not None
            assert bool(run.cause) == (run.state in (State.FAILED, State.LOST)), f"{run.state}: {run.cause!r}"
            assert run.state is State.COMPLETED or run.reason
        self.stored[run.id] = run

    def do(self, effect: Any) -> None:
        match effect:
            case Launch(agent=agent, run=run, epoch=epoch):
                assert self.stored[run].epoch >= epoch, "sent before it was written"
                assert run in self.specs
                assert epoch > self.launched.get(run, 0), "the same epoch was sent twice"
                self.launched[run] = epoch
                self.deliver(agent, talk.StartRun(epoch=epoch, spec=self.specs[run]))
            case Send(agent=agent, message=message):
                if isinstance(message, talk.Leave):
                    self.check_leave(agent)
                self.deliver(agent, message)
            case Answer(request=request, message=message):
                if isinstance(message, RunGone):
                    assert message.run in self.deleted, "told before it was deleted"
                if isinstance(message, RunAnswer):
                    stored = self.stored[message.run.id]
                    assert message.run.revision <= stored.revision, "told before it was written"
                self.answers[request] = message
            case Refuse(request=request, error=error):
                self.answers[request] = error
            case StartAgent():
                assert effect.agent in self.records, "started before it was written"
                self.to_start.append(effect)
            case Sweep(agent=agent, user=user, target=target):
                runs = tuple(
                    sorted(run for run in self.left if (self.deleted[run].user, self.deleted[run].target) == (user, target))
                )
                if runs:
                    self.deliver(agent, talk.RemoveRuns(runs=runs))
            case Notify():
                self.notices.append(effect)
            case PollAgent():
                self.to_poll.append(effect)
            case CheckAgent():
                self.to_check.append(effect)
            case StopAgent(agent=agent):
                if agent in self.processes:
                    self.processes[agent].alive = False
            case Kick(agent=agent):
                process = self.processes.get(agent)
                if process is not None and process.connected:
                    process.connected = False
                    process.inbox.clear()
                    reactor.on_agent_lost(self.core, self.out, agent, self.now)

    def deliver(self, agent: str, message: Any) -> None:
        process = self.processes.get(agent)
        if process is not None and process.connected:
            process.inbox.append(message)

    def check_leave(self, agent: str) -> None:
        """Nobody is told to leave who has something to do."""
        seat = self.core.by_id[agent].seat
        assert not [run for run in self.core.held if (self.core.runs[run].user, self.core.runs[run].target) == seat]
        assert not [op for op in self.core.views.values() if (op.user, op.target) == seat and views.is_sent(op)]

    def check(self) -> None:
        """The design's invariants, as far as the brain's state can show them."""
        core, place = self.core, self.core.places["local"]
        active = [run for run in core.runs.values() if run.state is not State.CANCELING]
        assert len({run.jid for run in active}) == len(active), "two active runs of one job"
        held = [core.runs[run] for run in core.held]
        assert len({run.jid for run in held}) == len(held), "two executions of one job"
        assert place.cores_used == sum(run.resources.cores for run in held) <= place.cores
        assert place.memory_used == sum(run.resources.memory for run in held) <= place.memory
        for user, share in place.shares.items():
            mine = [run for run in held if run.user == user]
            assert (share.runs, share.cores) == (len(mine), sum(run.resources.cores for run in mine))
        pending = {run.id for run in core.runs.values() if run.state is State.PENDING}
        queued = [op.run for op in place.waiting() if op.lane >= Lane.QUICK] + [op.run for op in core.parked.values()]
        assert sorted(queued) == sorted(pending), "a pending run is not in exactly one line"
        assert {run.id for run in core.runs.values()} - pending == core.held
        sent = {lane: sum(1 for op in core.views.values() if op.lane is lane and views.is_sent(op)) for lane in place.views}
        assert sent == place.views
        for run in core.runs.values():
            assert self.stored[run.id] == run
        for jobs in core.parked:
            assert len(core.of_job[jobs]) > 1, "parked for nothing"
        self.check_nobody_waits_in_vain(place)

    def check_nobody_waits_in_vain(self, place: Place) -> None:
        from simyard.supervisor.advance import is_aged
        from simyard.supervisor.gates import blocking

        heads = [line[0] for line in place.lines.values()]
        reserved = any(is_aged(place, op, self.now) and blocking(self.core, op, self.now) == "resources" for op in heads)
        for op in heads:
            if blocking(self.core, op, self.now) is None:
                assert (reserved, op.lane >= Lane.QUICK) == (True, True), f"{op} could go"

    def connected(self, user: str) -> Process | None:
        agent = self.core.agents.get((user, "local"))
        if agent is None or agent.state is not AgentState.CONNECTED:
            return None
        return self.processes[agent.id]


def reachable(state: State) -> set[State]:
    """What can be reached by legal moves: one commit may hold several."""
    found: set[State] = set()
    todo = [state]
    while todo:
        for following in NEXT[todo.pop()]:
            if following not in found:
                found.add(following)
                todo.append(following)
    return found


def with_agent(world: World, user: str = "ann") -> Process:
    """The user has arrived, and their agent is connected."""
    reactor.on_arrive(world.core, world.out, user, "local", None, world.now)
    world.perform()
    world.start_next()
    process = list(world.processes.values())[-1]
    world.connect(process)
    process.inbox.clear()
    return process


def started(world: World, process: Process, **asked: Any) -> Run:
    """A run that runs."""
    answer = world.submit(**asked)
    assert isinstance(answer, RunAnswer)
    world.receive(process)
    world.disks[process.seat][answer.run.id].write(rundir.STARTED, world.now)
    world.report_events(process, answer.run.id)
    process.inbox.clear()
    return world.stored[answer.run.id]


def ended(world: World, process: Process, run: Run, state: str = "completed") -> Run:
    world.disks[process.seat][run.id].end(state, world.now)
    world.report_events(process, run.id)
    return world.stored[run.id]
