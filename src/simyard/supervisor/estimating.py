"""What a run that came now would wait at a target: an estimate from what runs there, what waits before it, and how long such
runs took earlier. Pure.

What runs is taken to go on as it did: by its own progress where it tells any, else as long as earlier runs of its model took.
Then whatever waits before it is started in the order of `advance` as soon as it fits, once with the shortest and once with the
longest times. Where something stands before it of which nothing is known but its time limit, nobody can say: None.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from simyard.protocol.jobs import Run
from simyard.protocol.targets import Wait
from simyard.supervisor.core import RUN_LANES, AgentState, Core, Lane, Op, Place

#: Of so many runs at the front of the queue (and so many that may be among those) the start of each is worked out; what is
#: more is taken together.
MAX_EXACT, MAX_LOOKED_AT = 300, 2000
#: Progress is not even: what is left by a run's own slope may be so much less or more.
_LESS, _MORE = 0.8, 1.4
#: A run whose slope is younger than this says nothing yet (seconds, and share that is done).
_YOUNG, _LITTLE = 1.0, 0.02
#: An agent that has to be started first takes up to so long (seconds).
_AGENT_START = 3.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What would be run."""

    user: str
    lane: Lane
    cores: int
    memory: int


@dataclass(frozen=True)
class _Job:
    """One run, as an estimate sees it; `seconds` is what it still takes, None for not known."""

    user: str
    cores: int
    memory: int
    seconds: float | None


def wait(core: Core, place: Place, wanted: Wanted, now: float) -> Wait | None:
    """Between how many seconds it would wait; 0 and 0 where it would start at once, None where nobody can say."""
    if place.why_disabled or wanted.cores > place.cores or wanted.memory > place.memory:
        return None
    agent = core.agents.get((wanted.user, place.name))
    if (agent is None and (wanted.user, place.name) in core.backoff) or (agent is not None and agent.state is AgentState.AWAY):
        return None
    low = _start(core, place, wanted, now, 0)
    high = _start(core, place, wanted, now, 1)
    if low is None or high is None:
        return None
    if agent is None or agent.state is AgentState.STARTING:
        high = max(high, _AGENT_START)
    return Wait(low=round(min(low, high), 1), high=round(high, 1))


def left(core: Core, run: Run, now: float) -> tuple[float, float] | None:
    """Between how many seconds a run that was sent still takes; None where nothing is known of that."""
    began = run.started if run.started is not None else core.sent.get(run.id, now)
    passed = max(0.0, now - began)
    done = run.progress.fraction
    if done is not None and done >= _LITTLE and passed >= _YOUNG:
        rest = passed * (1.0 - done) / done
        return rest * _LESS, rest * _MORE
    earlier = core.durations.of(run.code, run.model)
    if earlier is None:
        return None
    return max(0.0, earlier[0] - passed), max(0.0, earlier[1] - passed)


def _start(core: Core, place: Place, wanted: Wanted, now: float, end: int) -> float | None:
    """When it would start, in seconds from now, by the lower (0) or upper (1) end of what is known."""
    running = [_running(core, core.runs[run], now, end) for run in core.held if core.runs[run].target == place.name]
    ahead, more = _ahead(core, place, wanted, now, end)
    schedule = _Schedule(place, running)
    for job in ahead:
        if not schedule.put(job):
            return None
    start = schedule.when(_Job(wanted.user, wanted.cores, wanted.memory, 0.0))
    return None if start is None or more is None else start + more


class _Schedule:
    """What is free when, as runs end and others start. Time counts from now and never goes back."""

    def __init__(self, place: Place, running: Iterable[_Job]) -> None:
        self._limit = place.limits.active_runs
        self._cores, self._memory, self._at = place.cores, place.memory, 0.0
        self._runs: dict[str, int] = {}
        self._ends: list[tuple[float, int, _Job]] = []
        self._number = 0
        for job in running:
            self._hold(job)

    def put(self, job: _Job) -> bool:
        """Start it as soon as it fits; False where it is not known when that is."""
        if self.when(job) is None:
            return False
        self._hold(job)
        return True

    def when(self, job: _Job) -> float | None:
        """The earliest time at which it fits, with all that were put before it; None where that is not known."""
        while job.cores > self._cores or job.memory > self._memory or self._runs.get(job.user, 0) >= self._limit:
            if not self._ends or self._ends[0][0] == float("inf"):
                return None
            self._at, _, gone = heapq.heappop(self._ends)
            self._cores += gone.cores
            self._memory += gone.memory
            self._runs[gone.user] -= 1
        return self._at

    def _hold(self, job: _Job) -> None:
        self._cores -= job.cores
        self._memory -= job.memory
        self._runs[job.user] = self._runs.get(job.user, 0) + 1
        self._number += 1
        end = float("inf") if job.seconds is None else self._at + job.seconds
        heapq.heappush(self._ends, (end, self._number, job))


def _running(core: Core, run: Run, now: float, end: int) -> _Job:
    rest = left(core, run, now)
    return _Job(run.user, run.resources.cores, run.resources.memory, None if rest is None else rest[end])


def _waiting(core: Core, op: Op, end: int) -> _Job:
    run = core.runs[op.run]
    takes = core.durations.of(run.code, run.model)
    return _Job(op.user, op.cores, op.memory, None if takes is None else takes[end])


def _ahead(core: Core, place: Place, wanted: Wanted, now: float, end: int) -> tuple[list[_Job], float | None]:
    """The first of what waits before it, in order, and the seconds that all the rest of it takes (None: not known)."""
    own = sum(len(line) for key, line in place.lines.items() if key[:2] == (wanted.lane, wanted.user))
    weight = place.share(wanted.user).weight(now) if wanted.user in place.shares else 0.0
    mine = (int(wanted.lane), own, weight, now)
    first: list[tuple[tuple[int, int, float, float], Op]] = []
    left_to_look_at = MAX_LOOKED_AT
    rest: float | None = 0.0
    for key, line in place.lines.items():
        if key[0] not in RUN_LANES or key[0] > wanted.lane:
            continue
        theirs = place.share(key[1]).weight(now) if key[1] in place.shares else 0.0
        turns = len(line) if key[0] < wanted.lane else min(len(line), own + 1)
        looked_at = min(turns, MAX_EXACT, left_to_look_at)
        left_to_look_at -= looked_at
        for turn, op in zip(range(looked_at), line, strict=False):
            order = (int(key[0]), turn, theirs, op.queued)
            if order < mine:
                first.append((order, op))
        if turns > looked_at and rest is not None:
            takes = _waiting(core, line[0], end).seconds
            rest = None if takes is None else rest + (turns - looked_at) * takes * line[0].cores / place.cores
    first.sort(key=lambda one: one[0])
    for _, op in first[MAX_EXACT:]:
        takes = _waiting(core, op, end).seconds
        rest = None if takes is None or rest is None else rest + takes * op.cores / place.cores
    return [_waiting(core, op, end) for _, op in first[:MAX_EXACT]], rest
