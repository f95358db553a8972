"""What the supervisor keeps, as plain data: agents, and a batch of changes that becomes durable in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simyard.protocol.jobs import Run, RunSpec


@dataclass(frozen=True, kw_only=True)
class AgentRecord:
    """An agent that was started: `handle` is its driver's, {} until the driver has answered; times in seconds since the epoch."""

    id: str
    user: str
    target: str
    secret_hash: str
    started: float
    handle: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """A run that was deleted at `at` (seconds since the epoch), as change number `change`."""

    run: str
    user: str
    target: str
    change: int
    at: float


@dataclass(kw_only=True)
class Batch:
    """Changes that arrived together: they are committed in one transaction, or not at all."""

    runs: dict[str, Run] = field(default_factory=dict)
    specs: dict[str, RunSpec] = field(default_factory=dict)
    agents: dict[str, AgentRecord] = field(default_factory=dict)
    agents_gone: set[str] = field(default_factory=set)
    deleted: dict[str, Deleted] = field(default_factory=dict)
    #: deleted runs whose directories are gone, and since when
    removed: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.runs or self.specs or self.agents or self.agents_gone or self.deleted or self.removed)
