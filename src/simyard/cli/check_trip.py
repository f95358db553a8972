"""What a check of a cluster carries from step to step, and what it finds at each."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from simyard.config import ClusterConfig, Config
from simyard.drivers.base import DriverError
from simyard.drivers.sbatch import node as nodes
from simyard.drivers.sbatch.node import Node
from simyard.drivers.site import site_of
from simyard.drivers.ssh.login import Login, Turn
from simyard.errors import SimyardError

GOOD, UNSURE, BAD, LEFT_OUT = "good", "unsure", "bad", "left out"


@dataclass(frozen=True)
class Found:
    """One step: `detail` is what was found, `advice` what to do about it, "" where nothing is to be done."""

    step: str
    state: str
    detail: str
    advice: str = ""


class Stuck(Exception):
    """A step did not work: what was found, and what to do. `unsure`: it may be all right."""

    def __init__(self, words: str, advice: str = "", *, unsure: bool = False) -> None:
        super().__init__(words)
        self.words, self.advice, self.unsure = words, advice, unsure


@dataclass(kw_only=True)
class Trip:
    """`ask` and `trust` are the questions of a login (see cli.asking); what is None has not been reached yet. `patience` is how long a job may
    wait (seconds)."""

    name: str
    settings: Config
    ask: Callable[[str, str, Sequence[tuple[str, bool]]], list[str]]
    trust: Callable[[str, str, str], bool]
    account: str = ""
    patience: float = 60.0
    talk: Login | None = None
    turn: Turn | None = None
    connection: asyncssh.SSHClientConnection | None = None
    node: Node | None = None
    python_there: str = ""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sy-check-")))
    left: list[str] = field(default_factory=list)

    @property
    def cluster(self) -> ClusterConfig:
        return self.settings.clusters[self.name]

    @property
    def site(self) -> str:
        """Another one than this Simyard's own: what runs there is not to be disturbed."""
        return f"{site_of(self.settings.home)}-check"

    @property
    def line(self) -> asyncssh.SSHClientConnection:
        assert self.connection is not None
        return self.connection

    @property
    def there(self) -> Node:
        assert self.node is not None
        return self.node

    @property
    def root(self) -> str:
        """A folder there that is gone afterwards."""
        return f"{self.there.directory}/{self.site}"

    async def run(self, command: str, given: bytes = b"", limit: float = nodes.LIMIT) -> tuple[int, str, str]:
        """Exit status, output and errors of a command of bash there. Raises DriverError."""
        return await nodes.run(self.line, command, given, limit)

    async def close(self) -> None:
        """Leave nothing behind, here or there."""
        if self.connection is not None:
            if self.left:
                with contextlib.suppress(DriverError):
                    await self.run(f"rm -rf -- {shlex.join(self.left)}")
            self.connection.close()
            self.connection.abort()
        if self.talk is not None:
            await self.talk.close()
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()


@dataclass(frozen=True)
class Step:
    """`needs` names the steps without which there is nothing to try."""

    name: str
    work: Callable[[Trip], Awaitable[str]]
    needs: tuple[str, ...] = ()


async def travel(trip: Trip, steps: Sequence[Step]) -> AsyncIterator[Found]:
    """Each step as it ends. One that cannot be tried is left out; the others go on."""
    stuck: set[str] = set()
    for step in steps:
        missing = [name for name in step.needs if name in stuck]
        if missing:
            stuck.add(step.name)
            yield Found(step.name, LEFT_OUT, f"not without {missing[0]}")
            continue
        found = await _take(trip, step)
        if found.state == BAD:
            stuck.add(step.name)
        yield found


async def _take(trip: Trip, step: Step) -> Found:
    try:
        return Found(step.name, GOOD, await step.work(trip))
    except Stuck as error:
        return Found(step.name, UNSURE if error.unsure else BAD, error.words, error.advice)
    except SimyardError as error:
        return Found(step.name, BAD, error.detail)


__all__ = ["BAD", "GOOD", "LEFT_OUT", "UNSURE", "Found", "Step", "Stuck", "Trip", "travel"]
