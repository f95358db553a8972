"""What every driver owes, said once and asked of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from simyard.agent import locks
from simyard.drivers.base import AgentSpec, Driver, DriverError, Life
from simyard.drivers.environment import allowed
from simyard.drivers.local import LocalDriver

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
        deadline = time.monotonic() + 20
        while not (pid := locks.holder(path)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        return pid


@pytest.fixture(params=["local"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(tmp_path, {"local": lambda: LocalDriver(tmp_path / "log")}[request.param])


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

    asyncio.run(story())


def test_an_agent_that_is_killed_is_gone(site: Site) -> None:
    async def story() -> None:
        driver = site.make()
        async with started(site, driver) as handle:
            os.kill(await site.up(site.spec()), signal.SIGKILL)
            deadline = time.monotonic() + 5
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
