"""A user's container whose image was built again, or whose limits have changed: made anew as soon as nothing runs in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.drivers.base import AgentSpec, Life
from simyard.drivers.docker.driver import DockerDriver
from tests.contract.drivers.test_driver import Site, docker_driver
from tests.docker_engine import IMAGE, Engine

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(300)]
NAME = "simyard-renewing"
VERSION = "the agent says this itself"


class Renewable(Site):
    """A site whose image can be made anew in a moment."""

    engine: Engine

    def driver(self, cores: float = 1.0) -> DockerDriver:
        return docker_driver(self.folder, self.engine, NAME, cores)

    async def up_with(self, driver: DockerDriver, target: str = "local") -> dict[str, Any]:
        spec: AgentSpec = self.spec(target)
        handle = await driver.start(spec)
        await self.up(spec)
        return handle

    def make_image(self, label: str) -> None:
        self.engine.docker("build", "-q", "-t", NAME, "-", stdin=f"FROM {IMAGE}\nLABEL again={label}\n".encode())

    def made_of_the_newest(self, handle: dict[str, Any]) -> bool:
        newest = self.engine.docker("image", "inspect", "-f", "{{.Id}}", NAME)
        return bool(self.engine.inspect(handle["container"])["Image"] == newest)


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Renewable]:
    made = Renewable(tmp_path, lambda: docker_driver(tmp_path, engine, NAME))
    made.engine = engine
    made.make_image("first")
    yield made
    engine.remove_everything()
    engine.docker("rmi", NAME)


def test_the_next_agent_is_started_in_a_container_of_the_new_image(site: Renewable) -> None:
    async def story() -> None:
        driver = site.driver()
        handle = await site.up_with(driver)
        assert not await driver.outdated(handle, VERSION)
        site.make_image("second")
        assert await driver.outdated(handle, VERSION)
        assert await driver.poll(handle) is Life.ALIVE, "asking changes nothing"
        await driver.stop(handle)
        again = await site.up_with(driver)
        assert again["container"] != handle["container"]
        assert site.made_of_the_newest(again)
        assert not await driver.outdated(again, VERSION)
        assert await driver.poll(handle) is Life.GONE
        await driver.cleanup()

    asyncio.run(story())


def test_a_container_in_which_another_agent_lives_stays_as_long_as_that_lives(site: Renewable) -> None:
    async def story() -> None:
        driver = site.driver()
        one, two = await site.up_with(driver, "one"), await site.up_with(driver, "two")
        assert one["container"] == two["container"]
        site.make_image("second")
        await driver.stop(one)
        again = await site.up_with(driver, "one")
        assert again["container"] == two["container"]
        assert await driver.poll(two) is Life.ALIVE
        assert await driver.outdated(again, VERSION)
        await driver.stop(again)
        await driver.stop(two)
        assert site.made_of_the_newest(await site.up_with(driver, "one"))
        await driver.cleanup()

    asyncio.run(story())


def test_other_limits_are_for_a_new_container(site: Renewable) -> None:
    async def story() -> None:
        driver = site.driver()
        handle = await site.up_with(driver)
        await driver.cleanup()
        other = site.driver(cores=0.5)
        assert await other.outdated(handle, VERSION)
        await other.stop(handle)
        again = await site.up_with(other)
        assert site.engine.inspect(again["container"])["HostConfig"]["NanoCpus"] == 500_000_000
        await other.cleanup()

    asyncio.run(story())


def test_an_image_that_has_lost_its_name_replaces_nothing(site: Renewable) -> None:
    async def story() -> None:
        driver = site.driver()
        handle = await site.up_with(driver)
        site.engine.docker("rmi", "-f", NAME)
        try:
            assert not await driver.outdated(handle, VERSION)
            await driver.stop(handle)
            assert (await site.up_with(driver))["container"] == handle["container"]
        finally:
            site.make_image("first")
        await driver.cleanup()

    asyncio.run(story())
