"""The way to a Docker daemon through ssh: no more than an account on its machine that may use its socket.

aiodocker has a way of its own, which would show the whole environment of this process to the other side, and needs a `docker`
command there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
from pathlib import Path
from urllib.parse import SplitResult

import aiodocker
import asyncssh

from simyard.drivers.docker.reaching import Way, close_client

#: Where a daemon listens at the end of ssh, unless the address says otherwise.
SOCKET = "/var/run/docker.sock"
#: A silent connection is asked for a sign of life this often (seconds), and given up when three are missing.
HEARTBEAT = 10.0


class Ssh(Way):
    """A socket in a private folder here is the daemon's at the other end; what `~/.ssh/config` says of the host holds, and its key
    must be known."""

    def __init__(self, url: SplitResult) -> None:
        # it tells each connection and channel otherwise
        logging.getLogger("asyncssh").setLevel(logging.WARNING)
        self._url = url
        self._socket = url.path if url.path.strip("/") else SOCKET
        self._connection: asyncssh.SSHClientConnection | None = None
        #: Its socket is the connection's, whichever that is by now.
        self._through = False
        # one client for all connections: whoever holds it can go on with it
        self._docker: aiodocker.Docker | None = None
        self._folder: Path | None = None
        self._turn = asyncio.Lock()

    async def client(self) -> aiodocker.Docker:
        async with self._turn:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="simyard-ssh-"))
            here = str(self._folder / "docker.sock")
            if not self._through or self._connection is None or self._connection.is_closed():
                await self._hang_up()
                await self._connect(here)
            if self._docker is None:
                self._docker = aiodocker.Docker(url=f"unix://{here}")
            return self._docker

    async def close(self) -> None:
        async with self._turn:
            if self._docker is not None:
                docker, self._docker = self._docker, None
                await close_client(docker)
            await self._hang_up()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    async def _connect(self, here: str) -> None:
        options = {"username": self._url.username, "port": self._url.port}
        try:
            self._connection = await asyncssh.connect(
                self._url.hostname or "",
                keepalive_interval=HEARTBEAT,
                **{name: value for name, value in options.items() if value is not None},
            )
        except asyncssh.HostKeyNotVerifiable as error:
            words = f"its key is not known here ({error.reason}); once you have checked it, ssh-keyscan -H adds it to ~/.ssh/known_hosts"
            raise ConnectionError(words) from None
        except asyncssh.Error as error:
            raise ConnectionError(f"ssh says: {error.reason}") from None
        except ValueError as error:  # ~/.ssh/config, or a key's file
            raise ConnectionError(f"ssh cannot be set up: {error}") from None
        try:
            # tried once by hand, because a forwarded socket would only close, without a word
            _, writer = await self._connection.open_unix_connection(self._socket)
            writer.close()
        except asyncssh.Error as error:
            raise ConnectionError(f"ssh gets there, but nothing answers at {self._socket} ({error.reason})") from None
        await self._connection.forward_local_path(here, self._socket)
        self._through = True

    async def _hang_up(self) -> None:
        self._through = False
        if self._connection is None:
            return
        self._connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._connection.wait_closed()
        self._connection.abort()
        self._connection = None
