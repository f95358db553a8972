"""What every driver owes: an agent started, found and stopped. A handle is plain data, so a restart needs no special path."""

from __future__ import annotations

import abc
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simyard.errors import Unavailable
from simyard.protocol.launch import AgentSpec

#: Plain data (JSON) that names one started agent for ever: stored, and given back after any restart.
Handle = dict[str, Any]


class Life(enum.Enum):
    """A driver's word on an agent."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


class DriverError(Unavailable):
    """The target did not do what it was asked; `detail` says why, in words for the user. Asking again may succeed."""

    def __init__(self, detail: str) -> None:
        super().__init__("driver-failed", detail)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a target of a user does not answer: words for that user, without the full stop; `since` in seconds since the epoch,
    None where no moment can be named."""

    words: str
    since: float | None = None


@dataclass(frozen=True, kw_only=True)
class News:
    """Something that a driver talks to has fallen silent, or `good`: answers again. A sentence for the site's log."""

    words: str
    good: bool


@dataclass(frozen=True, kw_only=True)
class Login:
    """How a user's login to a target stands; the fields are those of targets.LoginAnswer. `untried`: it may be that nobody has to answer
    anything, and starting an agent will tell."""

    state: str
    words: str = ""
    host: str = ""
    prompts: tuple[tuple[str, bool], ...] = ()
    fingerprint: str = ""
    key_type: str = ""
    again: bool = False
    since: float | None = None

    @property
    def may_start(self) -> bool:
        """Whether an agent can be started now, as far as the login goes."""
        return self.state in {"ready", "untried"}


@dataclass(frozen=True, kw_only=True)
class LoginStep:
    """What a user does next about a login: see targets.TargetLogin."""

    answers: tuple[str, ...] = field(default=(), repr=False)
    accept: str = ""
    begin: bool = False
    name: str = ""
    end: bool = False
    wait: float = 10.0


class NoImage(DriverError):
    """There is nothing there that an agent could be made of."""


class Driver(abc.ABC):
    """Starts, finds and stops agents on one kind of target. Methods may be called at the same time, and never block the loop.

    None of them touches what agents run: runs outlive their agents, and agents outlive the driver.
    """

    @abc.abstractmethod
    async def start(self, spec: AgentSpec) -> Handle:
        """Start an agent.

        A successful return guarantees that the agent's process exists and has been given its spec, the secret by a way that
        no other user, no list of processes and no environment shows; and that the handle is enough to find it again
        from another process. It does not mean that the agent has connected. Raises DriverError; then nothing was left
        that runs.
        """

    @abc.abstractmethod
    async def poll(self, handle: Handle) -> Life:
        """Whether the agent of the handle lives.

        GONE guarantees that this agent does not run and never will again, ALIVE that it ran at the time of the call, and
        that it is this one, not another that got its number. Everything else, a malformed handle included, is
        UNKNOWN. Raises nothing.
        """

    async def outdated(self, handle: Handle, version: str) -> bool:
        """Whether an agent that is started now would be another than this one, which says that it is of `version`: it, or what
        it has its codes from, was made anew. False where that is not known. Raises DriverError."""
        return False

    @abc.abstractmethod
    async def stop(self, handle: Handle) -> None:
        """End the agent, by force if it does not leave; what it runs goes on.

        A successful return guarantees that it is gone. Stopping one that is gone succeeds. Raises DriverError.
        """

    def trouble(self, user: str, handle: Handle | None) -> Trouble | None:
        """Why the place of this agent of the user's, or, without one, the place where it would be, does not answer. As was found
        at the last look or question: nobody is asked. None where nothing is known to be wrong."""
        return None

    async def codes(self, user: str, *, anew: bool = False) -> Mapping[str, str] | None:
        """The codes of the place where this user's agent is, or would be, and their versions; None where each run brings its own, or
        nobody knows. As was found a moment ago, unless `anew`. Raises DriverError; NoImage where there is none yet."""
        return None

    def login(self, user: str) -> Login | None:
        """How this user's login stands, as it was last found: nobody is asked. None where none is needed."""
        return None

    async def log_in(self, user: str, step: LoginStep) -> Login:
        """Take the next step of a login, and answer how it stands as soon as it is somebody's turn, or after the step's wait. What is
        answered is kept for no longer than the other side takes to hear it. Raises DriverError."""
        return Login(state="not-needed")

    async def look(self) -> list[News]:
        """Find out what `trouble` tells, within limits; called every few seconds, also while an earlier look goes on. Answers
        what has changed. Raises nothing."""
        return []

    @abc.abstractmethod
    async def cleanup(self) -> None:
        """Let go of what the driver itself holds (connections, children to be reaped). Agents live on, and their handles stay
        good. The driver is not used afterwards."""


__all__ = ["AgentSpec", "Driver", "DriverError", "Handle", "Life", "Login", "LoginStep", "News", "NoImage", "Trouble"]
