"""The one door out of the brain: what is to be committed, and what is to be done once it is durable, in order.

The reactor fills an Outbox; the shell takes it (`take`), commits the batch, and only then performs the effects.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from simyard.errors import SimyardError
from simyard.protocol.jobs import Run, RunSpec
from simyard.store.records import AgentRecord, Batch, Deleted


@dataclass(frozen=True, kw_only=True)
class Send:
    """Send a message of TO_AGENT, if the agent is connected; dropped otherwise (its next Hello sets things right)."""

    agent: str
    message: Any


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Send StartRun with the run's stored spec, if the agent is connected; dropped otherwise."""

    agent: str
    run: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Answer the request of that number with a message of asking.ANSWER."""

    request: int
    message: Any


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """Answer the request of that number with this error."""

    request: int
    error: SimyardError


@dataclass(frozen=True, kw_only=True)
class StartAgent:
    """Have the target's driver start this agent; tell the reactor `on_agent_started` or `on_agent_start_failed`.
    `secret` exists only here and at the agent: what is stored is its hash."""

    agent: str
    user: str
    target: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class PollAgent:
    """Ask the driver whether this agent still lives; tell the reactor `on_agent_polled`."""

    agent: str
    target: str
    handle: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class CheckAgent:
    """Ask the driver whether it would start another agent now than this one, which says that it is of `version`; tell the
    reactor `on_agent_checked`."""

    agent: str
    target: str
    handle: dict[str, Any]
    version: str


@dataclass(frozen=True, kw_only=True)
class StopAgent:
    """Have the driver stop this agent (what it runs goes on)."""

    agent: str
    target: str
    handle: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kick:
    """Close the agent's connection: it comes back, and its Hello sets things right."""

    agent: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Send RemoveRuns with what the store says is still to be removed at this agent's place, if it is connected."""

    agent: str
    user: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Notify:
    """Tell a user's windows to look again at something that is not a run."""

    user: str
    what: str
    id: str


Effect = Send | Launch | Answer | Refuse | StartAgent | PollAgent | CheckAgent | StopAgent | Kick | Sweep | Notify


class Outbox:
    """Collects what the reactor wants; whoever listens for a run's changes is told of `batch.runs`, in order of `change`."""

    def __init__(self) -> None:
        self.batch = Batch()
        self.effects: list[Effect] = []

    def take(self) -> tuple[Batch, list[Effect]]:
        """All that has been collected; the outbox is empty afterwards."""
        batch, effects = self.batch, self.effects
        self.batch, self.effects = Batch(), []
        return batch, effects

    def save(self, run: Run) -> None:
        """Make this state of the run durable, then tell its user's listeners."""
        self.batch.runs[run.id] = run

    def make(self, run: Run, spec: RunSpec) -> None:
        """Make a new run durable, with what it is to execute."""
        self.batch.specs[run.id] = spec
        self.save(run)

    def delete(self, gone: Deleted) -> None:
        """Have it durable that this run, whose final state is so already, is no more; then tell its user's listeners."""
        self.batch.deleted[gone.run] = gone

    def removed(self, run: str, at: float) -> None:
        """Nothing is left of a deleted run's directory."""
        self.batch.removed[run] = at

    def sweep(self, agent: str, user: str, target: str) -> None:
        self.effects.append(Sweep(agent=agent, user=user, target=target))

    def save_agent(self, record: AgentRecord) -> None:
        self.batch.agents_gone.discard(record.id)
        self.batch.agents[record.id] = record

    def drop_agent(self, agent: str) -> None:
        self.batch.agents.pop(agent, None)
        self.batch.agents_gone.add(agent)

    def notify(self, user: str, what: str, name: str) -> None:
        self.effects.append(Notify(user=user, what=what, id=name))

    def send(self, agent: str, message: Any) -> None:
        self.effects.append(Send(agent=agent, message=message))

    def launch(self, agent: str, run: Run) -> None:
        self.effects.append(Launch(agent=agent, run=run.id, epoch=run.epoch))

    def answer(self, request: int, message: Any) -> None:
        self.effects.append(Answer(request=request, message=message))

    def refuse(self, request: int, error: SimyardError) -> None:
        self.effects.append(Refuse(request=request, error=error))

    def start_agent(self, record: AgentRecord, secret: str) -> None:
        self.save_agent(record)
        self.effects.append(StartAgent(agent=record.id, user=record.user, target=record.target, secret=secret))

    def poll_agent(self, record: AgentRecord) -> None:
        self.effects.append(PollAgent(agent=record.id, target=record.target, handle=record.handle))

    def check_agent(self, record: AgentRecord, version: str) -> None:
        self.effects.append(CheckAgent(agent=record.id, target=record.target, handle=record.handle, version=version))

    def stop_agent(self, record: AgentRecord) -> None:
        self.effects.append(StopAgent(agent=record.id, target=record.target, handle=record.handle))

    def kick(self, agent: str, reason: str) -> None:
        self.effects.append(Kick(agent=agent, reason=reason))


def hash_secret(secret: str) -> str:
    """What is kept of an agent's secret: its SHA-256, hex (the secret has 256 random bits: no slow hash is needed)."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
