"""What every driver owes, said once and asked of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simyard.agent import locks
from simyard.drivers.base import AgentSpec, Driver, DriverError, Life
from simyard.drivers.docker.container import Limits, Room
from simyard.drivers.docker.driver import DockerDriver
from simyard.drivers.docker.host import Host
from simyard.drivers.docker.pool import Pool
from simyard.drivers.environment import allowed
from simyard.drivers.local import LocalDriver
from tests.docker_engine import IMAGE, Engine

SECRET = "hush-hush-hush"


@dataclass
class Site:
    """A kind of target, with ways to look behind the driver's back."""

    folder: Path
    make: Callable[[], Driver]

    def spec(self, target: str = "local") -> AgentSpec:
        mark = {name: value for name, value in os.environ.items() if name == "SIMYARD_TEST_SESSION"}
        return AgentSpec(
            agent="A1", user="me", target=target, door=str(self.folder / "no-door"), root=str(self.folder / "u"), secret=SECRET,
            environment={**allowed(os.environ), **mark},
        )  # fmt: skip

    async def up(self, spec: AgentSpec) -> int:
        """Wait until the agent has its lock: it has understood its line. Answers its pid."""
        path = str(self.folder / "u/agents" / spec.target / "lock")
        deadline = time.monotonic() + 60
        while not (pid := locks.holder(path)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        return pid


def docker_driver(folder: Path, engine: Engine, image: str = IMAGE, cores: float = 1.0) -> DockerDriver:
    def room(user: str) -> Room:
        limits = Limits(memory=512 << 20, cores=cores, processes=128, open_files=1024, tmp=16 << 20)
        return Room(
            site=folder.name[-8:], user=user, image=image, root=folder / "u", doors=folder / "doors", owner=(10001, 10001),
            limits=limits, idle=60,
        )  # fmt: skip

    (folder / "doors").mkdir(exist_ok=True)
    return DockerDriver(Pool([Host(engine.url, time.time)], [], folder / "lives.json", folder.name[-8:]), room)


@pytest.fixture(
    params=[
        "local",
        pytest.param(
            "docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(100, func_only=True)]
        ),
    ]
)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "local":
        yield Site(tmp_path, lambda: LocalDriver(tmp_path / "log"))
        return
    engine: Engine = request.getfixturevalue("engine")
    yield Site(tmp_path, lambda: docker_driver(tmp_path, engine))
    engine.remove_everything()


@contextlib.asynccontextmanager
async def started(site: Site, driver: Driver, target: str = "local") -> AsyncIterator[dict[str, object]]:
    spec = site.spec(target)
    handle = await driver.start(spec)
    try:
        await site.up(spec)
        yield handle
    finally:
        await driver.stop(handle)


def test_a_started_agent_is_alive_and_a_stopped_one_is_gone(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        async with started(site, driver) as handle:
            assert await driver.poll(handle) is Life.ALIVE
            await driver.stop(handle)
            assert await driver.poll(handle) is Life.GONE
            await driver.stop(handle)
        await driver.cleanup()

    asyncio.run(story())


def test_a_handle_is_plain_data_that_another_driver_can_use(site: Site) -> None:
    import json

    async def story() -> None:
        driver = site.make()
        async with started(site, driver) as handle:
            await driver.cleanup()
            other = site.make()
            again = json.loads(json.dumps(handle))
            assert await other.poll(again) is Life.ALIVE
            await other.stop(again)
            assert await other.poll(handle) is Life.GONE
            await other.cleanup()
        await driver.cleanup()

    asyncio.run(story())


def test_an_agent_that_is_killed_is_gone(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        async with started(site, driver) as handle:
            os.kill(await site.up(site.spec()), signal.SIGKILL)
            deadline = time.monotonic() + 60
            while await driver.poll(handle) is not Life.GONE:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
        await driver.cleanup()

    asyncio.run(story())


def test_an_agent_that_does_not_listen_is_ended_by_force(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        async with started(site, driver) as handle:
            os.kill(await site.up(site.spec()), signal.SIGSTOP)
            await driver.stop(handle)
            assert await driver.poll(handle) is Life.GONE
        await driver.cleanup()

    asyncio.run(story())


def test_the_secret_is_in_no_list_of_processes_and_in_no_environment(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        async with started(site, driver):
            process = Path("/proc", str(await site.up(site.spec())))
            assert SECRET.encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        await driver.cleanup()

    asyncio.run(story())


def test_a_handle_that_says_nothing_is_unknown_and_stops_nothing(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        assert await driver.poll({}) is Life.UNKNOWN
        assert await driver.poll({"pid": "1", "start_time": None}) is Life.UNKNOWN
        with pytest.raises(DriverError):
            await driver.stop({})
        await driver.cleanup()

    asyncio.run(story())


def test_two_agents_of_two_targets_live_beside_each_other(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        async with started(site, driver, "local") as one, started(site, driver, "other") as two:
            await driver.stop(one)
            assert await driver.poll(two) is Life.ALIVE
        await driver.cleanup()

    asyncio.run(story())
