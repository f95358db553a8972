"""What the tests of the sbatch driver share: a login node behind a real sshd, an account on it, and a supervisor's door."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh

from simyard import clock
from simyard.config import ClusterConfig
from simyard.drivers.base import Handle, Life
from simyard.drivers.sbatch.agent_file import AgentFile, Builder
from simyard.drivers.sbatch.driver import SbatchDriver
from simyard.drivers.ssh.hostkeys import HostKeys
from simyard.protocol.launch import AgentSpec
from tests.contract.agent_kit import SECRET, Supervisor
from tests.ssh_server import Account, Sshd

LIMIT = 60.0
#: Of these tests alone: numbers of users are used again.
SITE = os.urandom(5).hex()
KEYS = ("UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no")
PASSWORD = ("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no")
PAM = ("UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes")


def key_for(account: Account, folder: Path) -> Path:
    """The private key by which one logs in to the account."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = folder / f"key-{account.name}"
    path.write_bytes(made.export_private_key())
    path.chmod(0o600)
    ssh = account.home / ".ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    (ssh / "authorized_keys").write_bytes(made.export_public_key())
    for one in (ssh, ssh / "authorized_keys"):
        os.chown(one, account.home.stat().st_uid, account.home.stat().st_gid)
    return path


def ssh_config(folder: Path, account: Account, key: Path | None = None) -> Path:
    """What `ssh` would be told of the account; without a key none is used."""
    path = folder / f"ssh_config-{account.name}"
    identity = f"IdentityFile {key}\n" if key else ""
    path.write_text(f"Host *\nUser {account.name}\nIdentityAgent none\nIdentitiesOnly yes\n{identity}")
    return path


def cluster(server: Sshd, config: Path, **more: Any) -> ClusterConfig:
    return ClusterConfig(**{"host": "127.0.0.1", "port": server.port, "ssh_config": str(config), **more})


class Bench:
    """A supervisor, a driver, and the agents that a test starts."""

    def __init__(self, folder: Path, built: AgentFile, config: ClusterConfig, *known: Sshd) -> None:
        self.folder = folder
        self.supervisor = Supervisor(str(folder / "s"))
        self.keys = HostKeys(folder / "known_hosts", ())
        for one in known:
            self.keys.accept("127.0.0.1", one.port, asyncssh.import_public_key(one.key))
        self.builder = Builder(built.path.parent)
        self.config = config
        self.driver = self.new_driver()
        self.handles: list[Handle] = []

    def new_driver(self, config: ClusterConfig | None = None, name: str = "pool") -> SbatchDriver:
        self.driver = SbatchDriver(
            name, config or self.config, site=SITE, door=Path(self.supervisor.path), keys=self.keys, builder=self.builder,
            clock=clock.system,
        )  # fmt: skip
        return self.driver

    def spec(self, **more: Any) -> AgentSpec:
        mark = {name: value for name, value in os.environ.items() if name == "SIMYARD_TEST_SESSION"}
        return AgentSpec(
            **{
                "agent": "A1", "user": "me", "target": "pool", "door": self.supervisor.path, "root": "/nowhere", "secret": SECRET,
                "environment": mark, **more,
            }
        )  # fmt: skip

    async def agent(self, **more: Any) -> Handle:
        """Start one, and wait until it is connected."""
        before = len(self.supervisor.hellos)
        handle = await self.driver.start(self.spec(**more))
        self.handles.append(handle)
        await self.supervisor.connected(before + 1)
        return handle

    async def until(self, what: Callable[[], Any]) -> Any:
        async with asyncio.timeout(LIMIT):
            while not (found := what()):  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.02)
        return found

    async def life(self, handle: Handle, wanted: Life) -> None:
        """Until the driver says so of it."""
        async with asyncio.timeout(LIMIT):
            while await self.driver.poll(handle) is not wanted:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def bench(folder: Path, built: AgentFile, config: ClusterConfig, *known: Sshd) -> AsyncIterator[Bench]:
    made = Bench(folder, built, config, *known)
    made.supervisor.listen()
    try:
        yield made
    finally:
        await made.driver.cleanup()
        await made.supervisor.leave()


def build(folder: Path) -> AgentFile:
    """The agent, once for all tests of a file."""
    return asyncio.run(Builder(folder).file())


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(150):
            await story()

    asyncio.run(limited())
