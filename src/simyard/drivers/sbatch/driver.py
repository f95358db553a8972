"""The sbatch driver: one cluster. A user's login leads to a login node; their agent lives there and finds its way back by itself."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from simyard import contents
from simyard.clock import Clock
from simyard.config import ClusterConfig
from simyard.drivers.base import AgentSpec, Driver, DriverError, Handle, Life, Login, LoginStep, News, Trouble
from simyard.drivers.sbatch import agent_file, node, way_back
from simyard.drivers.sbatch.agent_file import AgentFile, Builder
from simyard.drivers.sbatch.node import Node
from simyard.drivers.sbatch.session import Session, Standing
from simyard.drivers.ssh.hostkeys import HostKeys
from simyard.protocol import launch

DAY = 86400.0
_LONGEST_BOOT = 100
#: An agent is ended within this time, or it cannot be (seconds); one on another login node has to hear of it first.
STOP_LIMIT = 45.0


@dataclass(frozen=True)
class There:
    """What one connection leads to: the login node, and the address by which agents there reach the supervisor."""

    node: Node
    door: str
    way: way_back.WayBack | None

    def close(self) -> None:
        if self.way is not None:
            self.way.close()


class SbatchDriver(Driver):
    """`site` tells this Simyard from others that use the same account there; `door` is the supervisor's socket here. An agent's handle is
    {user, node, root, target, agent, python, file, process}: the process is known by its number on the login node of that name."""

    def __init__(
        self, name: str, config: ClusterConfig, *, site: str, door: Path, keys: HostKeys, builder: Builder, clock: Clock
    ) -> None:
        self._name, self._config, self._site, self._door = name, config, site, door
        self._keys, self._builder, self._clock = keys, builder, clock
        self._sessions: dict[str, Session[There]] = {}
        #: Copies of the agent that are under way, by users and their connections.
        self._copies: dict[str, tuple[Standing[There], asyncio.Task[str]]] = {}

    # ── logins ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def login(self, user: str) -> Login:
        return self._session(user).login

    async def log_in(self, user: str, step: LoginStep) -> Login:
        return await self._session(user).step(step)

    def trouble(self, user: str, handle: Handle | None) -> Trouble | None:
        login = self._session(user).login
        return Trouble(words=login.words.rstrip(". "), since=login.since) if login.state == "lost" else None

    async def look(self) -> list[News]:
        found = [news for session in self._sessions.values() for news in session.news]
        for session in self._sessions.values():
            session.news.clear()
        return found

    async def cleanup(self) -> None:
        for _, copy in self._copies.values():
            copy.cancel()
        await asyncio.gather(*(session.close() for session in self._sessions.values()))

    def _session(self, user: str) -> Session[There]:
        if user not in self._sessions:
            prepare = functools.partial(self._prepare, user)
            self._sessions[user] = Session(self._name, self._config, self._keys, self._clock, prepare)
        return self._sessions[user]

    async def _prepare(self, user: str, connection: asyncssh.SSHClientConnection) -> There:
        found = await node.probe(connection, self._config.directory, self._config.pythons)
        if self._config.door:
            return There(found, self._config.door, None)
        way = await way_back.lead_back(connection, found, self._site, self._door, f"{self._name} {user}")
        return There(found, way.path, way)

    # ── agents ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self, spec: AgentSpec) -> Handle:
        file = await self._builder.file()
        standing = await self._session(spec.user).standing()
        connection, there = standing.connection, standing.there
        root = self.root(there, spec.user)
        path = await self._put(spec.user, standing, file)
        line = launch.to_line(
            dataclasses.replace(
                spec, door=there.door, root=root, environment={},
                cluster=launch.Cluster(interval=self._config.interval, keep=self._config.keep_days * DAY),
            )
        )  # fmt: skip
        handle: Handle = {
            "user": spec.user, "node": there.node.name, "root": root, "target": spec.target, "agent": spec.agent,
            "python": node.with_python(there.node), "file": path,
        }  # fmt: skip
        status, out, err = await node.run(
            connection, _command(handle, "launch", f"{root}/agents/{spec.target}/agent.log"), line.encode()
        )
        handle["process"] = _process(out) if status == 0 else None
        if handle["process"] is None:
            words = err.strip()[-500:] or f"what the login node answered is not understood (exit status {status})"
            raise DriverError(f"The agent could not be started on {there.node.name}: {words}")
        return handle

    async def _put(self, user: str, standing: Standing[There], file: AgentFile) -> str:
        """The agent's file is there; its path. Over a slow line that goes on when who wanted it has given up: the next one finds it done."""
        before = self._copies.get(user)
        if before is not None and before[0].connection is standing.connection and not before[1].done():
            return await asyncio.shield(before[1])
        there = standing.there
        copy = asyncio.create_task(
            agent_file.put(standing.connection, there.node, self.root(there, user), file), name=f"copy the agent to {self._name}"
        )
        copy.add_done_callback(_seen)
        self._copies[user] = standing, copy
        return await asyncio.shield(copy)

    async def poll(self, handle: Handle) -> Life:
        try:
            standing = await self._reached(handle)
            # one on another login node may have to be ended for the answer
            question = self._question(standing, handle, "life")
            status, out, _ = await node.run(standing.connection, question, limit=STOP_LIMIT)
            return Life(out.strip().splitlines()[-1]) if status == 0 else Life.UNKNOWN
        except (DriverError, KeyError, TypeError, ValueError, IndexError):
            return Life.UNKNOWN

    async def outdated(self, handle: Handle, version: str) -> bool:
        """One of an earlier Simyard that went on when that was replaced. See LocalDriver.outdated."""
        return version != contents.VERSION and await asyncio.to_thread(contents.on_disk) == contents.VERSION

    async def stop(self, handle: Handle) -> None:
        try:
            standing = await self._reached(handle)
            command = self._question(standing, handle, "stop")
        except (KeyError, TypeError, ValueError):
            raise DriverError("It is not known which agent is meant, so none was stopped.") from None
        status, _, err = await node.run(standing.connection, command, limit=STOP_LIMIT)
        if status != 0:
            raise DriverError(err[-500:] or "The agent could not be stopped.")

    def root(self, there: There, user: str) -> str:
        """The folder of a user of this Simyard there."""
        return f"{there.node.directory}/{self._site}-{user}"

    async def _reached(self, handle: Handle) -> Standing[There]:
        return await self._session(str(handle["user"])).standing()

    def _question(self, standing: Standing[There], handle: Handle, verb: str) -> str:
        """The command that asks about the agent, or ends it."""
        if standing.there.node.name == handle["node"]:
            return _command(handle, verb, json.dumps(handle["process"]))
        # it lives on another of the login nodes. There it reaches us by an address of its own, or not at all: the socket is here
        away = {"life": "leased" if standing.there.way is None else "revoke", "stop": "revoke"}[verb]
        return _command(handle, away, f"{handle['root']}/agents/{handle['target']}", str(handle["agent"]))


def _command(handle: Handle, *words: str) -> str:
    return f"{handle['python']} -I {shlex.join([str(handle['file']), *words])}"


def _process(said: str) -> dict[str, Any] | None:
    """The handle that `launch` printed, after whatever a profile prints: foreign words, of which only what a handle has is taken."""
    try:
        found = json.loads(said.strip().splitlines()[-1])
        pid, start_time, boot = found["pid"], found["start_time"], found["boot"]
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    if type(pid) is not int or type(start_time) is not int or not isinstance(boot, str) or len(boot) > _LONGEST_BOOT:
        return None
    return {"pid": pid, "start_time": start_time, "boot": boot}


def _seen(task: asyncio.Task[str]) -> None:
    # whoever waits for it hears what went wrong
    if not task.cancelled():
        task.exception()
