"""What a keeper needs of whatever executes its run: a job cmd of this machine (jobcmd), or a job of a cluster (slurm.job)."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Awaitable, Callable, Optional, Protocol

from simyard.agent.facts import Facts
from simyard.agent.judgement import Step
from simyard.agent.place import Marker
from simyard.agent.preparing import Ending
from simyard.protocol.jobs import Remote


@dataclass
class Stop:
    """That a run is not wanted any more: `since` when (monotonic), and why where it is not its user who wants so."""

    since: Optional[float] = None
    ending: Optional[Ending] = None


class Execution(Protocol):
    """Everything that is said of it is so after `attend`, in the same turn."""

    #: Whether it stands elsewhere, and is known by others' word: then its user's stop is left in its directory as well.
    is_remote: bool
    #: How often its end could not be written.
    tries: int

    @property
    def given_up(self) -> bool:
        """Whether its final event cannot be written, and must be told without."""

    @property
    def is_fresh(self) -> bool:
        """Whether what is known of it was seen in this very turn; only that may end a run."""

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left that could still do anything; until then a run that was stopped is not told to be over."""

    @property
    def stop_words(self) -> str:
        """Why a stop takes long."""

    async def recall(self) -> None:
        """Take up what was begun before this agent."""

    def launch(self, marker: Marker) -> None: ...

    def looks_at_lock(self, now: float, stop: Stop) -> bool:
        """Whether the lock in the run directory is to be looked at now."""

    def saw(self, holder: Optional[int], now: float, *, begun: bool) -> None: ...

    def look_again(self) -> None: ...

    async def attend(self, facts: Facts) -> None: ...

    def step(self, facts: Facts, stop: Stop, grace: float, now: float) -> Step:
        """What is to be done next."""

    async def signal(self, number: signal.Signals, facts: Facts) -> None: ...

    async def conclude(self, step: Step, facts: Facts) -> bool:
        """Say for it how the run ended. Whether nothing of it lives any more, as far as that can be known."""

    def pause(self, stop: Stop) -> float:
        """How long nothing of it needs to be looked at (seconds)."""

    def remote(self, facts: Facts) -> Optional[Remote]:
        """What is told of it elsewhere, None where there is no elsewhere."""

    async def seen_off(self, facts: Facts, grace: float, pause: Callable[[float], Awaitable[None]]) -> None:
        """Return when it has ended, now that the run is over."""

    def let_go(self) -> None:
        """The keeper has no more interest in it."""
