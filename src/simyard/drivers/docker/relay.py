"""The supervisor's end of the relay: on each Docker host that is another machine, one container that takes the connections of the agents
there at a socket, and hands them on through its standard input and output, which Docker carries here.

So no container anywhere has a network, and nothing listens for agents but the supervisor's own Unix socket (ADR 0015).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.stream import Stream

from simyard.drivers.base import DriverError
from simyard.drivers.docker.container import CONFINED
from simyard.drivers.docker.host import CONFLICT, NOT_FOUND, STDOUT, Host, break_off
from simyard.drivers.docker.layout import RUN_AGENT
from simyard.errors import ProtocolError
from simyard.protocol.tunnel import Streams, Tunnel

#: Of which site a relay is.
LABEL = "simyard.relay"
#: Making and starting it may take so long on a busy host (seconds).
START_LIMIT = 25.0
#: After it has ended it is started again so soon, and less and less often where it does not come up (seconds).
SOON, SELDOM = 0.5, 30.0
#: In every image a folder in which anybody may make a socket; a new volume takes that over. Containers of users only read it.
_INSIDE = Path("/var/tmp")  # noqa: S108 - inside the container
_MEMORY = 128 << 20

log = logging.getLogger(__name__)


class Relay:
    """Of one host. `door` is the supervisor's socket for agents; `owner` the numeric user and group that it runs as."""

    def __init__(self, host: Host, site: str, image: str, owner: tuple[int, int], door: Path) -> None:
        self._host, self._site, self._image, self._owner, self._door = host, site, image, owner, door
        self._why = "it is being started"
        self._up, self._wanted = asyncio.Event(), asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Fixed, so that there can only be one."""
        return f"simyard-relay-{self._site}"

    @property
    def volume(self) -> str:
        """Holds the socket; users' containers mount it where they would find the supervisor's own."""
        return f"simyard-door-{self._site}"

    def as_docker_says(self) -> dict[str, Any]:
        """The body of `POST /containers/create`."""
        uid, gid = self._owner
        return {
            "Image": self._image,
            "User": f"{uid}:{gid}",
            "Labels": {LABEL: self._site},
            "Cmd": [*RUN_AGENT, "relay", str(_INSIDE / self._door.name)],
            "Entrypoint": [],
            "Env": [],
            "NetworkDisabled": True,
            # it lives as long as the supervisor holds its standard input
            "OpenStdin": True,
            "StdinOnce": True,
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "HostConfig": {
                **CONFINED,
                "AutoRemove": True,
                "Memory": _MEMORY,
                "MemorySwap": _MEMORY,
                "PidsLimit": 32,
                "Ulimits": [{"Name": "nofile", "Soft": 4096, "Hard": 4096}, {"Name": "core", "Soft": 0, "Hard": 0}],
                "Mounts": [{"Type": "volume", "Source": self.volume, "Target": str(_INSIDE)}],
                # what passes through it is written down nowhere
                "LogConfig": {"Type": "none", "Config": {}},
            },
        }

    def keep(self) -> None:
        """From now on it is there, and again whenever it has ended."""
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep(), name=f"relay on {self._host.url}")

    async def ready(self) -> None:
        """Once this returns agents on the host are heard. Raises DriverError with the reason where that takes too long."""
        self.keep()
        self._wanted.set()
        try:
            async with asyncio.timeout(START_LIMIT):
                await self._up.wait()
        except TimeoutError:
            words = f"Agents on {self._host.url} cannot reach Simyard, because the relay there is not up: {self._why}"
            raise DriverError(words) from None

    async def close(self) -> None:
        """Let go of it: it ends, and its container is removed."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    async def _keep(self) -> None:
        pause = SOON
        while True:
            was = self._why
            try:
                await self._serve()
            except DriverError as error:
                self._why = error.detail
            except aiodocker.DockerError as error:
                self._why = f"Docker at {self._host.url} refuses: {error.message}"
            except (OSError, aiohttp.ClientError, ProtocolError) as error:
                self._why = str(error)
            except Exception:
                # the wall of a host: what goes wrong with one must not end the others
                log.exception("the relay of a Docker host has failed", extra={"fields": {"host": self._host.url}})
                self._why = "of an internal error; the supervisor's log says more"
            if self._up.is_set() or self._why != was:
                log.warning(
                    "the relay of a Docker host is not up", extra={"fields": {"host": self._host.url, "reason": self._why}}
                )
            pause = SOON if self._up.is_set() else min(SELDOM, pause * 2)
            self._up.clear()
            self._wanted.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()

    async def _serve(self) -> None:
        """From its start to its end, which is raised: OSError, or what the daemon or the host said."""
        async with self._host.asked(START_LIMIT) as docker:
            # one that was left behind, or whose stream broke
            await _gone(DockerContainer(docker, id=self.name))
            made = await docker.containers.create(self.as_docker_says(), name=self.name)
            stream = made.attach(stdin=True, stdout=True, stderr=True)
            await stream.__aenter__()
            try:
                await made.start()
            except BaseException:
                await _let_go(stream)
                raise
        try:
            await self._carry(stream)
        finally:
            await _let_go(stream)

    async def _carry(self, stream: Stream) -> None:
        async def send(data: bytes) -> None:
            try:
                await stream.write_in(data)
            except (
                RuntimeError,
                AssertionError,
                aiohttp.ClientError,
            ) as error:  # what its client has for a stream that has ended
                raise ConnectionError("its stream has ended") from error

        tunnel = Tunnel(send, self._dial)
        reading = asyncio.create_task(self._read(stream, tunnel), name=f"read {self.name}")
        watching = asyncio.create_task(tunnel.watch(), name=f"watch {self.name}")
        try:
            await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise ConnectionError("it is silent")
            reading.result()
        finally:
            for task in (reading, watching):
                task.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)
            await tunnel.close()

    async def _read(self, stream: Stream, tunnel: Tunnel) -> None:
        said = b""
        while (message := await stream.read_out()) is not None:
            if message.stream == STDOUT:
                tunnel.feed(message.data)
                if not self._up.is_set():
                    self._up.set()
                    log.info("the relay of a Docker host is up", extra={"fields": {"host": self._host.url}})
            else:
                said = (said + message.data)[-300:]
        raise ConnectionError(f"it has ended: {said.decode(errors='replace').strip() or 'without a word'}")

    async def _dial(self) -> Streams:
        return await asyncio.open_unix_connection(str(self._door))


async def _let_go(stream: Stream) -> None:
    break_off(stream)
    with contextlib.suppress(AssertionError, OSError, aiohttp.ClientError):  # it has ended by itself
        await stream.close()


async def _gone(container: DockerContainer) -> None:
    try:
        await container.delete(force=True)
    except aiodocker.DockerError as error:
        # being removed already is as good
        if error.status not in {NOT_FOUND, CONFLICT}:
            raise
