"""The docker driver: makes a user's container where there is none, and has agents started, found and stopped in it by commands."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiodocker
from aiodocker.containers import DockerContainer

from simyard.drivers.base import AgentSpec, Driver, DriverError, Handle, Life, News, Trouble
from simyard.drivers.docker import renewing, sharing
from simyard.drivers.docker.announcing import Announcing
from simyard.drivers.docker.container import USER, Room, agent_in
from simyard.drivers.docker.host import CONFLICT, Host, Silent
from simyard.drivers.docker.listing import codes_of
from simyard.drivers.docker.pool import Pool
from simyard.drivers.docker.relay import Relay
from simyard.drivers.environment import inside
from simyard.protocol import launch

#: Making and starting a container may take so long on a busy host (seconds).
START_LIMIT = 25.0
#: Which codes an image has is asked again after this (seconds): runs come by the hundred a second.
CODES_KEPT = 5.0
#: An agent is ended within this time, or it cannot be (seconds).
STOP_LIMIT = 15.0


class DockerDriver(Driver):
    """`room` answers a user's container as it should be. An agent's handle is {host, container, process}: the process is
    known by its number inside the container, the container by its id, so that neither can be taken for a later one.
    `relays` are those of the hosts, by their urls, that are other machines."""

    def __init__(
        self,
        pool: Pool,
        room: Callable[[str], Room],
        relays: Mapping[str, Relay] | None = None,
        announcing: Announcing | None = None,
    ) -> None:
        self._pool, self._room, self._relays, self._announcing = pool, room, relays or {}, announcing
        self._making: dict[str, asyncio.Lock] = {}
        #: When the codes of which host's image were asked for, and what they were.
        self._codes: dict[str, tuple[float, Mapping[str, str] | None]] = {}

    async def start(self, spec: AgentSpec) -> Handle:
        room = self._room(spec.user)
        async with self._making.setdefault(spec.user, asyncio.Lock()), self._pool.home_of(spec.user) as host:
            try:
                found = await self._open(host, room)
            except Silent:
                raise
            except DriverError as error:
                raise DriverError(error.detail + await renewing.remark(host, room.image)) from None
        if host.url in self._relays:
            await self._relays[host.url].ready()
        log = Path(spec.root) / "agents" / spec.target / "agent.log"
        command = [*agent_in(found), "launch", str(log)]
        spec = dataclasses.replace(spec, environment=inside(spec.environment))
        status, out, err = await _answered(host.run(found["Id"], command, launch.to_line(spec).encode()))
        if status != 0:
            raise DriverError(_words(err) or "The agent could not be started in its container.")
        try:
            return {"host": host.url, "container": found["Id"], "process": json.loads(out)}
        except ValueError:
            raise DriverError("The agent could not be started: what its container answered is not understood.") from None

    async def poll(self, handle: Handle) -> Life:
        try:
            host, container, process = self._pool.host(handle["host"]), str(handle["container"]), handle["process"]
            found = await host.find(container)
            if found is None or not found["State"]["Running"]:
                return Life.GONE
            status, out, _ = await host.run(container, [*agent_in(found), "life", json.dumps(process)])
            return Life(out.decode().strip()) if status == 0 else Life.UNKNOWN
        except (DriverError, aiodocker.DockerError, KeyError, TypeError, ValueError):
            return Life.UNKNOWN

    async def outdated(self, handle: Handle, version: str) -> bool:
        """Its container was made of an image, or with limits, that are others by now."""
        try:
            host, container = self._pool.host(handle["host"]), str(handle["container"])
            found = await host.find(container)
            if found is None or found["Config"]["Labels"].get(USER) is None:
                return False
            return await renewing.is_old(host, found, await self._as_on(host, self._room(found["Config"]["Labels"][USER])))
        except (aiodocker.DockerError, KeyError, TypeError):
            return False

    async def _as_on(self, host: Host, room: Room) -> Room:
        """The room as it is on that host. More cores than a host has Docker refuses to give."""
        relay = self._relays.get(host.url)
        limits = dataclasses.replace(room.limits, cores=min(room.limits.cores, await host.cores()))
        return dataclasses.replace(room, volume="" if relay is None else relay.volume, limits=limits)

    async def codes(self, user: str, *, anew: bool = False) -> Mapping[str, str] | None:
        """Those that the image says that it has."""
        host = self._pool.likely(user)
        if host is None:
            return None
        now = asyncio.get_running_loop().time()
        at, known = self._codes.get(host.url, (-CODES_KEPT, None))
        if not anew and now - at < CODES_KEPT:
            return known
        with _in_words(host):
            async with host.asked() as docker:
                found = await codes_of(docker, self._room(user).image)
        self._codes[host.url] = now, found
        return found

    async def stop(self, handle: Handle) -> None:
        """What the agent runs goes on in its container, which stays."""
        life = await self.poll(handle)
        if life is Life.GONE:
            return
        try:
            host, container, process = self._pool.host(handle["host"]), str(handle["container"]), handle["process"]
        except (KeyError, TypeError):
            raise DriverError("It is not known which agent is meant, so none was stopped.") from None
        with _in_words(host):
            found = await host.find(container)
        if found is None:
            return
        command = [*agent_in(found), "stop", json.dumps(process)]
        status, _, err = await _answered(host.run(container, command, limit=STOP_LIMIT))
        if status != 0 and await self.poll(handle) is not Life.GONE:
            raise DriverError(_words(err) or "The agent could not be stopped.")

    def trouble(self, user: str, handle: Handle | None) -> Trouble | None:
        return self._pool.trouble(user, str(handle["host"]) if handle and "host" in handle else None)

    async def look(self) -> list[News]:
        for relay in self._relays.values():
            relay.keep()
        if self._announcing is not None:
            self._announcing.begin()
        return await self._pool.look()

    async def cleanup(self) -> None:
        await asyncio.gather(*(relay.close() for relay in self._relays.values()))
        if self._announcing is not None:
            await self._announcing.close()
        await self._pool.close()

    async def _open(self, host: Host, room: Room) -> dict[str, Any]:
        """What the daemon says of the user's container, which runs; made where there is none, and anew where it has ended, or is not as it would be
        made today and nothing runs in it."""
        with _in_words(host):
            room = await self._as_on(host, room)
            found = await host.find(room.name)
            if found is not None and found["State"]["Running"] and not await renewing.is_due(host, found, room):
                if not await sharing.has_folder(host, room):
                    raise DriverError(sharing.words(host))
                return found
            await asyncio.to_thread(_own, room)
            if host.url in self._relays:
                # it makes the volume in such a way that it can make its socket there
                await self._relays[host.url].ready()
            async with host.making, host.asked(START_LIMIT) as docker:
                if found is not None:
                    # nothing runs in it, or what did has ended with it; the user's folder is outside
                    await DockerContainer(docker, id=found["Id"]).delete(force=True)
                try:
                    made = await docker.containers.create(room.as_docker_says(), name=room.name)
                except aiodocker.DockerError as error:
                    if error.status != CONFLICT:
                        raise
                    made = DockerContainer(docker, id=room.name)  # another supervisor's start was cut short here
                await made.start()
            opened = await host.find(room.name)
            if opened is not None and opened["State"]["Running"] and not await sharing.has_folder(host, room):
                async with host.asked() as docker:
                    await DockerContainer(docker, id=opened["Id"]).delete(force=True)
                raise DriverError(sharing.words(host))
        if opened is None or not opened["State"]["Running"]:
            raise DriverError(f"The container {room.name} on {host.url} ended at once: {_why(opened)}")
        return opened


@contextlib.contextmanager
def _in_words(host: Host) -> Any:
    try:
        yield
    except aiodocker.DockerError as error:
        if sharing.is_missing(error.message):
            raise DriverError(sharing.words(host)) from None
        raise DriverError(f"Docker at {host.url} refuses: {error.message}") from None


async def _answered(question: Any) -> tuple[int, bytes, bytes]:
    try:
        answer: tuple[int, bytes, bytes] = await question
    except aiodocker.DockerError as error:
        raise DriverError(f"Docker refuses: {error.message}") from None
    return answer


def _own(room: Room) -> None:
    """Have the user's folder there, and belong to the one as whom everything in the container runs; `files` in it stays ours."""
    room.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = room.root / "files"
    if files.is_symlink():
        raise DriverError(f"{files} is a link, which the containers of {room.user} may not have there. Move it away.")
    files.mkdir(mode=0o711, exist_ok=True)
    if os.getuid() == 0:
        os.chown(files, os.getuid(), os.getgid(), follow_symlinks=False)
        files.chmod(0o711)  # a file is found there by who knows its name, which is its content's
        for path in (room.root, *(room.root / name for name in ("runs", "agents"))):
            path.mkdir(mode=0o700, exist_ok=True)
            os.chown(path, *room.owner, follow_symlinks=False)


def _why(found: dict[str, Any] | None) -> str:
    if found is None:
        return "it is gone."
    state = found["State"]
    return state.get("Error") or f"exit status {state.get('ExitCode')}."


def _words(err: bytes) -> str:
    return err.decode("utf-8", "replace").strip()[-500:]
