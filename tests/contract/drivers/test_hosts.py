"""Docker hosts on other machines: how they are reached, and how the agents there reach the supervisor, on a real engine."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from simyard.config import ConfigError
from simyard.drivers.base import AgentSpec, DriverError, Life
from simyard.drivers.docker import sharing
from simyard.drivers.docker.container import Limits, Room
from simyard.drivers.docker.driver import DockerDriver
from simyard.drivers.docker.host import Host, Silent
from simyard.drivers.docker.pool import Pool
from simyard.drivers.docker.relay import Relay
from simyard.drivers.environment import allowed
from tests.contract.runner_kit import until
from tests.docker_engine import IMAGE, Engine
from tests.docker_hosts import SshServer, make_certificates

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    made = SshServer(tmp_path_factory.mktemp("ssh"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def at_home(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> SshServer:
    """The ssh server, to somebody who may log in."""
    monkeypatch.setenv("HOME", str(server.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return server


@pytest.fixture(params=["tcp", "ssh"])
def far(request: pytest.FixtureRequest, engine: Engine) -> Iterator[tuple[str, Path]]:
    """An address of the engine as if it were on another machine, and the certificates for it."""
    if request.param == "tcp":
        yield engine.tcp_url, engine.certificates
    else:
        server: SshServer = request.getfixturevalue("at_home")
        yield server.url(engine.folder / "docker.sock"), engine.certificates
    engine.remove_everything()


def words_of(host: Host) -> str:
    """What is said of a host that cannot be reached."""

    async def story() -> str:
        try:
            with pytest.raises(Silent) as caught:
                await host.find("anything")
            return caught.value.detail
        finally:
            await host.close()

    return asyncio.run(story())


@dataclass
class Far:
    """A driver with one host that is far away, and the supervisor's door, at which what agents show of themselves is written down."""

    folder: Path
    driver: DockerDriver
    relay: Relay
    shown: asyncio.Queue[str]

    def spec(self, agent: str = "A1") -> AgentSpec:
        mark = {name: value for name, value in os.environ.items() if name == "SIMYARD_TEST_SESSION"}
        return AgentSpec(
            agent=agent, user="me", target="box", door=str(self.folder / "doors" / "door.sock"), root=str(self.folder / "u"),
            secret="hush-hush", environment={**allowed(os.environ), **mark},
        )  # fmt: skip


@asynccontextmanager
async def far_away(folder: Path, url: str, certificates: Path, cores: float = 1) -> AsyncIterator[Far]:
    site, doors = folder.name[-8:], folder / "doors"
    doors.mkdir(exist_ok=True)

    def room(user: str) -> Room:
        limits = Limits(memory=512 << 20, cores=cores, processes=128, open_files=1024, tmp=16 << 20)
        return Room(
            site=site, user=user, image=IMAGE, root=folder / "u", doors=doors, owner=(10001, 10001), limits=limits, idle=60
        )

    shown: asyncio.Queue[str] = asyncio.Queue()

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        shown.put_nowait(next(line for line in head.split("\r\n") if line.startswith("Authorization")))
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listening = await asyncio.start_unix_server(door, doors / "door.sock")
    host = Host(url, time.time, certificates)
    relay = Relay(host, site, IMAGE, (10001, 10001), doors / "door.sock")
    driver = DockerDriver(Pool([host], [], folder / "lives.json", site), room, {url: relay})
    try:
        yield Far(folder, driver, relay, shown)
    finally:
        await driver.cleanup()
        listening.close()
        await listening.wait_closed()


def test_an_agent_on_a_host_far_away_lives_reaches_the_supervisor_and_is_ended(
    far: tuple[str, Path], tmp_path: Path, engine: Engine
) -> None:
    async def story() -> None:
        async with asyncio.timeout(100), far_away(tmp_path, *far) as site:
            handle = await site.driver.start(site.spec())
            assert await site.driver.poll(handle) is Life.ALIVE
            assert await site.shown.get() == "Authorization: A1 hush-hush"
            relay = engine.inspect(site.relay.name)
            for found in (relay, engine.inspect(str(handle["container"]))):
                assert found["HostConfig"]["NetworkMode"] == "none"
                assert found["HostConfig"]["CapDrop"] == ["ALL"]
                assert found["Config"]["User"] == "10001:10001"
            # what passes through it is written down nowhere
            assert relay["HostConfig"]["LogConfig"]["Type"] == "none"
            await site.driver.stop(handle)
            assert await site.driver.poll(handle) is Life.GONE

    asyncio.run(story())


def test_a_relay_that_is_killed_is_back_and_agents_are_heard_again(tmp_path: Path, engine: Engine) -> None:
    async def story() -> None:
        async with asyncio.timeout(100), far_away(tmp_path, engine.tcp_url, engine.certificates) as site:
            handle = await site.driver.start(site.spec())
            await site.shown.get()
            os.kill(engine.inspect(site.relay.name)["State"]["Pid"], signal.SIGKILL)
            while not site.shown.empty():
                site.shown.get_nowait()
            assert await site.shown.get() == "Authorization: A1 hush-hush"
            await site.driver.stop(handle)

    asyncio.run(story())
    engine.remove_everything()


def test_a_relay_ends_with_its_supervisor_and_leaves_no_container(tmp_path: Path, engine: Engine) -> None:
    async def story() -> None:
        async with asyncio.timeout(100), far_away(tmp_path, engine.tcp_url, engine.certificates) as site:
            await site.relay.ready()
            assert engine.docker("ps", "-q", "-f", f"name={site.relay.name}")
            await site.relay.close()
            await asyncio.to_thread(until, lambda: not engine.docker("ps", "-aq", "-f", f"name={site.relay.name}"), 60)

    asyncio.run(story())


def test_what_keeps_a_relay_from_coming_up_is_said(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simyard.drivers.docker.relay.START_LIMIT", 10.0)

    async def story() -> str:
        host = Host(engine.tcp_url, time.time, engine.certificates)
        relay = Relay(host, "none", "no-such-image", (10001, 10001), tmp_path / "door.sock")
        try:
            with pytest.raises(DriverError) as caught:
                await relay.ready()
            return caught.value.detail
        finally:
            await relay.close()
            await host.close()

    said = asyncio.run(story())
    assert "relay" in said
    assert "no-such-image" in said


def test_a_container_may_have_more_cores_than_a_small_host_has(tmp_path: Path, engine: Engine) -> None:
    async def story() -> None:
        async with asyncio.timeout(100), far_away(tmp_path, engine.tcp_url, engine.certificates, cores=4096) as site:
            handle = await site.driver.start(site.spec())
            found = engine.inspect(str(handle["container"]))
            assert 0 < found["HostConfig"]["NanoCpus"] < 4096 * 10**9
            await site.driver.stop(handle)

    asyncio.run(story())
    engine.remove_everything()


def test_a_host_without_the_users_folders_is_told_from_one_with_them(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if what is written here were on a file system that the host does not have
    monkeypatch.setattr(sharing, "_make", lambda path: None)

    async def story() -> None:
        async with asyncio.timeout(100), far_away(tmp_path, engine.tcp_url, engine.certificates) as site:
            with pytest.raises(DriverError, match="does not have the users' folders"):
                await site.driver.start(site.spec())
            assert not engine.docker("ps", "-aq", "-f", "name=-me$")

    asyncio.run(story())
    engine.remove_everything()


def test_an_ssh_connection_that_breaks_is_made_anew(at_home: SshServer, engine: Engine) -> None:
    async def story() -> None:
        host = Host(at_home.url(engine.folder / "docker.sock"), time.time)
        assert await host.find("none") is None
        at_home.break_connections()
        async with asyncio.timeout(60):
            while True:
                try:
                    assert await host.containers("simyard.site=none", anew=True) == []
                except Silent:
                    continue  # it found out just then
                break
        await host.close()

    asyncio.run(story())


def test_a_daemon_that_shows_another_certificate_is_not_spoken_to(engine: Engine, tmp_path: Path) -> None:
    make_certificates(tmp_path / "other")
    said = words_of(Host(engine.tcp_url, time.time, tmp_path / "other"))
    assert "certificate verify failed" in said


def test_a_client_without_the_right_certificate_is_refused_in_words(engine: Engine, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_certificates(other)
    (other / "ca.pem").write_bytes((engine.certificates / "ca.pem").read_bytes())
    assert engine.tcp_url in words_of(Host(engine.tcp_url, time.time, other))


def test_certificates_that_cannot_be_read_are_named(engine: Engine, tmp_path: Path) -> None:
    assert str(tmp_path) in words_of(Host(engine.tcp_url, time.time, tmp_path))


def test_a_host_whose_key_is_not_known_is_not_spoken_to(
    at_home: SshServer, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_bytes((at_home.home / ".ssh" / "id_ed25519").read_bytes())
    monkeypatch.setenv("HOME", str(tmp_path))
    said = words_of(Host(at_home.url(engine.folder / "docker.sock"), time.time))
    assert "key is not known" in said
    assert "known_hosts" in said


def test_somebody_who_may_not_log_in_is_told_so(at_home: SshServer, engine: Engine) -> None:
    key = at_home.home / ".ssh" / "id_ed25519"
    kept = key.read_bytes()
    key.unlink()
    try:
        assert "Permission denied" in words_of(Host(at_home.url(engine.folder / "docker.sock"), time.time))
    finally:
        key.write_bytes(kept)
        key.chmod(0o600)


def test_a_machine_without_a_daemon_is_told_from_one_that_cannot_be_reached(at_home: SshServer) -> None:
    assert "nothing answers at /nowhere/docker.sock" in words_of(Host(at_home.url(Path("/nowhere/docker.sock")), time.time))


@pytest.mark.parametrize(
    "url, word",
    [
        ("tcp://10.0.0.1:2375", "certificates"),
        ("ssh://me:secret@host", "password"),
        ("http://host", "no address"),
        ("unix://", "no address"),
        ("host", "no address"),
        ("ssh://host:port", "port"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_when_it_is_read(url: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Host(url, time.time)
    assert word in caught.value.detail
    assert "secret" not in caught.value.detail
