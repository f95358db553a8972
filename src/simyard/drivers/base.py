"""What every driver owes: an agent started, found and stopped. A handle is plain data, so a restart needs no special path."""

from __future__ import annotations

import abc
import enum
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

    @abc.abstractmethod
    async def stop(self, handle: Handle) -> None:
        """End the agent, by force if it does not leave; what it runs goes on.

        A successful return guarantees that it is gone. Stopping one that is gone succeeds. Raises DriverError.
        """

    @abc.abstractmethod
    async def cleanup(self) -> None:
        """Let go of what the driver itself holds (connections, children to be reaped). Agents live on, and their handles stay
        good. The driver is not used afterwards."""


__all__ = ["AgentSpec", "Driver", "DriverError", "Handle", "Life"]
