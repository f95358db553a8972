"""What the brain knows: runs that are not over, what waits, what is held, and the agents. State only; `reactor` decides.

Nothing here does I/O or reads a clock. All of it can be rebuilt from the store (`restore`).
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simyard.config import SBATCH, TargetConfig
from simyard.drivers.base import Handle, Login, Trouble
from simyard.protocol.agents import Environment, Hello
from simyard.protocol.batch import Partition
from simyard.protocol.ids import Randomness, ulid
from simyard.protocol.jobs import FINAL, Kind, Remote, Run, State, move
from simyard.store.records import AgentRecord
from simyard.supervisor.durations import Durations
from simyard.supervisor.outbox import Outbox

if TYPE_CHECKING:
    from simyard.supervisor.disks import Disk

#: (user, target): whom an agent serves, and where.
Seat = tuple[str, str]
#: Ops of one line are served in order of arrival: they differ in nothing that a gate looks at but their age.
LineKey = tuple["Lane", str, int, int]

#: Half of what a user has spent is forgotten after this many seconds.
HALF_LIFE = 600.0
#: An agent that was started has this long to connect (seconds); on a cluster, where it may have to be copied first, longer.
START_LIMIT, CLUSTER_START_LIMIT = 30.0, 120.0
#: What a cluster has is not known, and not counted: its own queue does that.
ENDLESS = 1 << 60
_RECENT_KEYS = 10_000
#: So many runs that were deleted lately are known: what was asked of the store a moment before must not bring them back.
RECENTLY_DELETED = 10_000


class Lane(enum.IntEnum):
    """What is served first; the first two have a capacity of their own and never wait for a run."""

    ANALYSIS = 0
    TRANSFER = 1
    QUICK = 2
    LONG = 3


RUN_LANES = (Lane.QUICK, Lane.LONG)
LANE_OF = {Kind.QUICK: Lane.QUICK, Kind.LONG: Lane.LONG}


@dataclass(slots=True, eq=False, kw_only=True)
class Op:
    """One thing that the supervisor asks of an agent, waiting for its gates (or, a view, being carried out).

    A run op has the run's id; a view (report or file) has a number, the request that waits for it, and the message.
    """

    lane: Lane
    user: str
    target: str
    run: str
    queued: float
    jid: str = ""
    cores: int = 0
    memory: int = 0
    passed_since: float | None = None
    number: int = 0
    request: int = 0
    message: Any = None

    @property
    def line(self) -> LineKey:
        return (self.lane, self.user, self.cores, self.memory)


@dataclass(slots=True)
class Share:
    """What a user holds of a place now, and has spent lately (core seconds, decaying)."""

    cores: int = 0
    runs: int = 0
    spent: float = 0.0
    at: float = 0.0

    def weight(self, now: float) -> float:
        """What decides whose turn it is: the less, the sooner."""
        return self.cores + self._left(now) / HALF_LIFE

    def spend(self, core_seconds: float, now: float) -> None:
        self.spent = self._left(now) + core_seconds
        self.at = now

    def _left(self, now: float) -> float:
        return self.spent * math.pow(0.5, (now - self.at) / HALF_LIFE)


@dataclass(kw_only=True)
class Place:
    """A target's live state: what it has, what is used, and who waits. `why_disabled` is "" where runs are taken. `trouble` is the
    word of its driver on whether it answers (see Driver.trouble): only shown, never decided by."""

    name: str
    limits: TargetConfig
    cores: int
    memory: int
    why_disabled: str = ""
    trouble: Callable[[str, Handle | None], Trouble | None] = lambda _user, _handle: None
    #: How a user's login there stands, None where none is needed (see Driver.login).
    login: Callable[[str], Login | None] = lambda _user: None
    #: What a cluster has told each user of its partitions, by user and name: nobody's agent speaks to others.
    partitions: dict[str, dict[str, Partition]] = field(default_factory=dict)
    #: The environments of codes that each user has on a cluster, by user and name; who is not in it has not been heard of yet.
    environments: dict[str, dict[str, Environment]] = field(default_factory=dict)
    #: An agent that was started there has this long to connect (seconds).
    start_limit: float = START_LIMIT
    cores_used: int = 0
    memory_used: int = 0
    views: dict[Lane, int] = field(default_factory=lambda: {Lane.ANALYSIS: 0, Lane.TRANSFER: 0})
    lines: dict[LineKey, deque[Op]] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)

    @property
    def is_cluster(self) -> bool:
        """Whether runs wait in a queue of its own there: what is free is not for us to say."""
        return self.limits.kind == SBATCH

    def share(self, user: str) -> Share:
        return self.shares.setdefault(user, Share())

    def can_fit(self, op: Op) -> bool:
        """Whether it could run here if nothing else did. The place may have been larger when it was asked for."""
        return op.cores <= self.cores and op.memory <= self.memory

    def capacity(self, lane: Lane) -> int:
        """How many views of that lane are carried out at once."""
        return self.limits.analyses if lane is Lane.ANALYSIS else self.limits.transfers

    def waiting(self) -> Iterator[Op]:
        for line in self.lines.values():
            yield from line

    def append(self, op: Op) -> None:
        self.lines.setdefault(op.line, deque()).append(op)

    def put_back(self, op: Op) -> None:
        """To the front of its line: it had its turn and could not use it."""
        self.lines.setdefault(op.line, deque()).appendleft(op)

    def pop(self, op: Op) -> None:
        """Take the first op of its line away."""
        line = self.lines[op.line]
        first = line.popleft()
        assert first is op, "only the first op of a line is ever sent"
        if not line:
            del self.lines[op.line]

    def remove(self, op: Op) -> None:
        """Take an op away wherever it stands; nothing happens if it does not wait here."""
        line = self.lines.get(op.line)
        if line is not None and op in line:
            line.remove(op)
            if not line:
                del self.lines[op.line]


class AgentState(enum.Enum):
    STARTING = "starting"
    CONNECTED = "connected"
    AWAY = "away"


@dataclass(kw_only=True)
class Agent:
    """The one agent of a seat. `since` is when its state began, `asked` when its driver was last asked about it."""

    record: AgentRecord
    state: AgentState
    since: float
    asked: float = 0.0
    hello: Hello | None = None
    leaving: bool = False
    #: When its driver was last asked whether it would start another one now, and the answer.
    checked: float = float("-inf")
    outdated: bool = False
    #: Since when new runs wait so that it can be replaced.
    holding: float | None = None
    #: When its driver last could not say whether it lives.
    unknown: float = float("-inf")

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def seat(self) -> Seat:
        return (self.record.user, self.record.target)


@dataclass(kw_only=True)
class BackOff:
    """Starting a seat's agent failed: when it is tried again, and why it failed."""

    failures: int
    retry_at: float
    detail: str


@dataclass(kw_only=True)
class Presence:
    """A user is here: an agent is kept ready until `until`, with these codes warm (Warm messages by code)."""

    until: float
    codes: dict[str, Any] = field(default_factory=dict)


class Core:
    """All that the brain knows."""

    def __init__(self, places: Iterable[Place], randomness: Randomness) -> None:
        self.places = {place.name: place for place in places}
        self.randomness = randomness
        self.change = 0
        self.runs: dict[str, Run] = {}
        self.current: dict[str, str] = {}
        self.of_job: dict[str, set[str]] = {}
        self.ops: dict[str, Op] = {}
        self.parked: dict[str, Op] = {}
        self.held: set[str] = set()
        self.sent: dict[str, float] = {}
        self.agents: dict[Seat, Agent] = {}
        self.by_id: dict[str, Agent] = {}
        self.backoff: dict[Seat, BackOff] = {}
        self.presence: dict[Seat, Presence] = {}
        #: Until when a seat's agent, which was replaced by one of another version, is not replaced again, and how long that was.
        self.replaced: dict[Seat, tuple[float, float]] = {}
        self.at_seat: dict[Seat, set[str]] = {}
        self.views: dict[int, Op] = {}
        self.last_view = 0
        self.keys: OrderedDict[tuple[str, str], str] = OrderedDict()
        self.durations = Durations()
        self.deleted: OrderedDict[str, int] = OrderedDict()
        self.disks: dict[Seat, Disk] = {}
        #: How the logins of those who are there stood when they were last looked at.
        self.logins: dict[Seat, str] = {}

    def new_id(self, now: float) -> str:
        return ulid(now, self.randomness)

    def restore(self, runs: Iterable[Run], agents: Iterable[AgentRecord], change: int, now: float) -> None:
        """Take up where the store says that the brain was."""
        self.change = change
        for record in agents:
            self.seat_agent(Agent(record=record, state=AgentState.AWAY, since=now))
        for run in sorted(runs, key=lambda r: (r.queued, r.id)):
            self.admit(run)
            if run.state is not State.PENDING:
                self.hold(run)
                self.sent[run.id] = now

    def login(self, seat: Seat) -> Login | None:
        """How this seat's login stands; None where none is needed, or its agent is connected by a way of its own."""
        place, agent = self.places.get(seat[1]), self.agents.get(seat)
        if place is None or (agent is not None and agent.state is AgentState.CONNECTED):
            return None
        return place.login(seat[0])

    def learn_from(self, runs: Iterable[Run]) -> None:
        """How long these took says how long such runs take; on a cluster's machines they take other times than here."""
        self.durations.learn_all(run for run in runs if (at := self.places.get(run.target)) is None or not at.is_cluster)

    def trouble(self, seat: Seat) -> Trouble | None:
        """Why the place of this seat does not answer; None where nothing is known to be wrong."""
        place, agent = self.places.get(seat[1]), self.agents.get(seat)
        return place.trouble(seat[0], agent.record.handle if agent is not None else None) if place is not None else None

    def seat_agent(self, agent: Agent) -> None:
        self.agents[agent.seat] = agent
        self.by_id[agent.id] = agent

    def unseat_agent(self, agent: Agent) -> None:
        if self.agents.get(agent.seat) is agent:
            del self.agents[agent.seat]
        self.by_id.pop(agent.id, None)

    def admit(self, run: Run) -> None:
        """A run that is not over is known from now on; a pending one waits in its line."""
        self.runs[run.id] = run
        if run.state is not State.CANCELING or run.jid not in self.current:
            self.current[run.jid] = run.id
        self.of_job.setdefault(run.jid, set()).add(run.id)
        if run.key:
            self.remember_key(run)
        if run.state is State.PENDING:
            op = Op(
                lane=LANE_OF[run.kind], user=run.user, target=run.target, run=run.id, queued=run.queued,
                jid=run.jid, cores=run.resources.cores, memory=run.resources.memory,
            )  # fmt: skip
            self.ops[run.id] = op
            if run.target in self.places:
                self.places[run.target].append(op)

    def remember_key(self, run: Run) -> None:
        self.keys[run.user, run.key] = run.id
        if len(self.keys) > _RECENT_KEYS:
            self.keys.popitem(last=False)

    def forget_deleted(self, run: Run, change: int) -> None:
        """The run is no more: no request is answered with it, nor its idempotency key by it."""
        self.deleted[run.id] = change
        if len(self.deleted) > RECENTLY_DELETED:
            self.deleted.popitem(last=False)
        if run.key and self.keys.get((run.user, run.key)) == run.id:
            del self.keys[run.user, run.key]

    def hold(self, run: Run) -> None:
        """Take the run's resources."""
        self.at_seat.setdefault((run.user, run.target), set()).add(run.id)
        self.held.add(run.id)
        if place := self.places.get(run.target):
            place.cores_used += run.resources.cores
            place.memory_used += run.resources.memory
            share = place.share(run.user)
            share.cores += run.resources.cores
            share.runs += 1

    def release(self, run: Run, now: float) -> None:
        """Give the run's resources back, once."""
        if run.id not in self.held:
            return
        self.held.remove(run.id)
        seat = (run.user, run.target)
        self.at_seat[seat].discard(run.id)
        if not self.at_seat[seat]:
            del self.at_seat[seat]
        if place := self.places.get(run.target):
            place.cores_used -= run.resources.cores
            place.memory_used -= run.resources.memory
            share = place.share(run.user)
            share.cores -= run.resources.cores
            share.runs -= 1
            share.spend(run.resources.cores * max(0.0, now - self.sent.get(run.id, now)), now)

    def unqueue(self, run: Run) -> None:
        """The run does not wait any more."""
        op = self.ops.pop(run.id, None)
        if op is None:
            return
        if self.parked.get(run.jid) is op:
            del self.parked[run.jid]
        elif place := self.places.get(op.target):
            place.remove(op)

    def forget(self, run: Run, now: float) -> None:
        """The run is over: whatever it held is free, and who waited for it may go on."""
        self.unqueue(run)
        self.release(run, now)
        self.sent.pop(run.id, None)
        self.runs.pop(run.id, None)
        siblings = self.of_job[run.jid]
        siblings.discard(run.id)
        if not siblings:
            del self.of_job[run.jid]
        if self.current.get(run.jid) == run.id:
            del self.current[run.jid]
        if waiting := self.parked.pop(run.jid, None):
            self.places[waiting.target].put_back(waiting)


def save(core: Core, out: Outbox, run: Run, now: float, **changes: Any) -> Run:
    """The one function that changes a run: the table of moves is asked, `revision` and `change` rise, the new state goes
    out to be made durable, and a run that is over is forgotten. Raises IllegalMove, and then nothing has changed."""
    if "state" in changes and changes["state"] is not run.state:
        move(run.state, changes["state"])
    core.change += 1
    new = dataclasses.replace(run, revision=run.revision + 1, change=core.change, **changes)
    if new.state in FINAL and new.remote is not None:
        # what is over waits for nothing; the job keeps its number
        new = dataclasses.replace(new, remote=Remote(job=new.remote.job, at=new.remote.at))
    out.save(new)
    core.runs[new.id] = new
    if new.state in FINAL:
        core.learn_from([new])
        core.forget(new, now)
    return new
