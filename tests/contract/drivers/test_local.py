"""What the local driver owes beyond every driver's duties."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from simyard.drivers.base import AgentSpec, DriverError, Life
from simyard.drivers.environment import allowed
from simyard.drivers.local import LocalDriver, boot_id, life, process_status


def spec(folder: Path) -> AgentSpec:
    return AgentSpec(
        agent="A1",
        user="me",
        target="local",
        door=str(folder / "s"),
        root=str(folder / "u"),
        secret="x",
        environment=allowed(os.environ),
    )


def test_a_pid_that_was_reused_is_not_the_agent() -> None:
    status = process_status(os.getpid())
    assert status is not None
    handle = {"pid": os.getpid(), "start_time": status[1], "boot": boot_id()}
    assert life(handle) is Life.ALIVE
    assert life({**handle, "start_time": status[1] - 1}) is Life.GONE
    assert life({**handle, "boot": "another"}) is Life.GONE


def test_an_ended_child_is_reaped_by_asking_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        driver = LocalDriver(tmp_path / "log", ["sh", "-c", "read line; sleep 0.1"])
        handle = await driver.start(spec(tmp_path))
        assert await driver.poll(handle) is Life.ALIVE
        for _ in range(500):
            if await driver.poll(handle) is Life.GONE:
                break
            await asyncio.sleep(0.01)
        await driver.poll(handle)
        assert process_status(handle["pid"]) is None
        await driver.cleanup()

    asyncio.run(story())


@pytest.mark.parametrize("command", [["/no/such/program"], ["/"]])
def test_an_agent_that_cannot_be_started_is_an_error_in_words(tmp_path: Path, command: list[str]) -> None:
    async def story() -> None:
        driver = LocalDriver(tmp_path / "log", command)
        with pytest.raises(DriverError, match="could not be started"):
            await driver.start(spec(tmp_path))
        await driver.cleanup()

    asyncio.run(story())


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    async def story() -> None:
        logs = tmp_path / "log"
        logs.mkdir()
        (logs / "me-local.log").write_bytes(b"x" * (5 << 20))
        driver = LocalDriver(logs, ["sh", "-c", "echo new >&2; read line; sleep 60"])
        handle = await driver.start(spec(tmp_path))
        await driver.stop(handle)
        assert sorted(os.listdir(logs)) == ["me-local.log", "me-local.log.1"]
        assert (logs / "me-local.log").stat().st_size < 100
        await driver.cleanup()

    asyncio.run(story())
