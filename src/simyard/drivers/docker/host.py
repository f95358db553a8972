"""One Docker host: every question to its daemon has a limit, and it is known since when it has not answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.stream import Stream

from simyard.clock import Clock
from simyard.drivers.base import DriverError
from simyard.drivers.docker.reaching import way_to

#: A daemon that takes longer to answer is taken not to answer (seconds).
CALL_LIMIT = 10.0
#: One that has not answered is not asked by everybody again, but by whoever looks at it; without that, after this long (seconds).
ASK_AGAIN = 20.0
#: So many containers are made at a time on one host.
MADE_AT_ONCE = 8
NOT_FOUND, CONFLICT = 404, 409
#: What its client calls a daemon that it cannot reach.
UNREACHABLE = 900
STDOUT = 1
#: What a command in a container prints is not longer (bytes).
MAX_OUTPUT = 1 << 20


class Silent(DriverError):
    """The daemon does not answer: nothing is known, neither good nor bad."""


class Host:
    """`url` and `certificates` are as `reaching.way_to` wants them, which raises ConfigError. `patience` is how long its daemon may take
    to answer a question, in seconds."""

    def __init__(self, url: str, clock: Clock, certificates: Path | None = None, patience: float = CALL_LIMIT) -> None:
        self.url = url
        self._patience = patience
        #: Since when it has not answered, in seconds since the epoch: when the first question came that it left open. None
        #: where it has answered the last.
        self.silent_since: float | None = None
        #: And how that showed, as a sentence; "" where it has answered.
        self.silence = ""
        #: Held by who has it make a container: a daemon that all users want one of at once makes none in time.
        self.making = asyncio.Semaphore(MADE_AT_ONCE)
        self._heard = self._failed = float("-inf")
        self._clock = clock
        self._way = way_to(url, certificates)
        self._cores = 0

    @property
    def remote(self) -> bool:
        """Whether its containers do not see this machine's sockets."""
        return self._way.remote

    async def close(self) -> None:
        await self._way.close()

    @asynccontextmanager
    async def asked(self, limit: float | None = None, *, anew: bool = False) -> AsyncIterator[aiodocker.Docker]:
        """Its daemon, to be asked something within `limit` seconds (its own patience, without). Raises Silent where it does not answer, at once while it is known
        not to (unless it is asked `anew`); what it answers with is the caller's: aiodocker.DockerError."""
        now = asyncio.get_running_loop().time
        if self.silent_since is not None and not anew and now() - self._failed < ASK_AGAIN:
            raise Silent(self.silence)
        begun, at = now(), self._clock()
        try:
            async with asyncio.timeout(self._patience if limit is None else limit):
                yield await self._way.client()
        except aiodocker.DockerError as error:
            if error.status != UNREACHABLE:
                self._answered()
                raise
            raise self._unanswered(begun, at, error.__context__ or error) from None
        except (TimeoutError, OSError, aiohttp.ClientError, AssertionError) as error:
            # an assertion is what its client has for a connection that ends under a command's output
            raise self._unanswered(begun, at, error) from None
        else:
            self._answered()

    def _answered(self) -> None:
        self.silent_since, self.silence = None, ""
        self._heard = asyncio.get_running_loop().time()

    def _unanswered(self, begun: float, at: float, error: BaseException) -> Silent:
        """A question that was asked `at` got no answer. One that is slow is not silent: it has answered others meanwhile."""
        words = "has not answered in time" if isinstance(error, TimeoutError) else f"cannot be reached: {_reason(error)}"
        silence = f"The Docker daemon at {self.url} {words}."
        if self._heard <= begun:
            self._failed, self.silence = asyncio.get_running_loop().time(), silence
            self.silent_since = at if self.silent_since is None else self.silent_since
        return Silent(silence)

    async def cores(self) -> int:
        """How many its machine has; asked once."""
        if not self._cores:
            async with self.asked() as docker:
                self._cores = int((await docker.system.info())["NCPU"])
        return self._cores

    async def find(self, name: str) -> dict[str, Any] | None:
        """What the daemon knows of a container, by name or id; None where there is none."""
        async with self.asked() as docker:
            return await _looked_up(docker, name)

    async def containers(self, label: str, *, anew: bool = False) -> list[dict[str, Any]]:
        """Those with that label (`name=value`), the ones that do not run included."""
        async with self.asked(anew=anew) as docker:
            found: list[dict[str, Any]] = await docker._query_json(  # noqa: SLF001 - its own list() hides what is told
                "containers/json", params={"all": "1", "filters": f'{{"label": ["{label}"]}}'}
            )
        return found

    async def run(
        self, container: str, command: list[str], stdin: bytes = b"", limit: float | None = None
    ) -> tuple[int, bytes, bytes]:
        """Run a command in a container that runs: its exit status, standard output, standard error. What it is to keep for
        itself goes in by `stdin`, which neither the daemon's records nor a list of processes shows."""
        async with self.asked(limit) as docker:
            one = DockerContainer(docker, id=container)
            execution = await one.exec(command, stdin=True, stdout=True, stderr=True, tty=False)
            # it answers: what takes long from here on is the command, which a code in the container can stop
            self._answered()
            out, err = bytearray(), bytearray()
            async with execution.start(detach=False) as stream:
                try:
                    if stdin:
                        await stream.write_in(stdin)
                    while (message := await stream.read_out()) is not None:
                        (out if message.stream == STDOUT else err).extend(message.data)
                        if len(out) + len(err) > MAX_OUTPUT:
                            raise DriverError("A command in the container says more than it can have to say.")
                finally:
                    break_off(stream)
            status = (await execution.inspect())["ExitCode"]
        return int(status if status is not None else -1), bytes(out), bytes(err)


def break_off(stream: Stream) -> None:
    """End a stream at once: a polite end of TLS waits for the other side, and its client does not wait for that."""
    connection = stream._resp.connection if stream._resp is not None else None  # noqa: SLF001 - it has no word for it
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


async def _looked_up(docker: aiodocker.Docker, name: str) -> dict[str, Any] | None:
    try:
        return dict(await DockerContainer(docker, id=name).show())
    except aiodocker.DockerError as error:
        if error.status == NOT_FOUND:
            return None
        raise
