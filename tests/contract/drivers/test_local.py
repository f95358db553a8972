"""What the local driver owes beyond every driver's duties."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simyard import contents
from simyard.drivers.base import AgentSpec, DriverError, Life
from simyard.drivers.environment import allowed
from simyard.drivers.local import LocalDriver
from simyard.processes import ALIVE, GONE, handle_of, life, status_of
from tests.contract.shell_kit import wait_for


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
    handle = handle_of(os.getpid())
    assert handle is not None
    assert life(handle) == ALIVE
    assert life({**handle, "start_time": handle["start_time"] - 1}) == GONE
    assert life({**handle, "boot": "another"}) == GONE


def test_a_process_has_ended_when_its_last_thread_has(tmp_path: Path) -> None:
    code = """
import ctypes, os, sys, threading
threading.Thread(target=sys.stdin.read).start()
print(flush=True)
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)  # exit: of this thread alone
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        handle = handle_of(process.pid)
        assert handle is not None
        status = Path(f"/proc/{process.pid}/status")
        wait_for(lambda: "State:\tZ" in status.read_text(), "its first thread is dead")
        assert process.poll() is None
        assert life(handle) == ALIVE
        process.stdin.close()
        wait_for(lambda: life(handle) == GONE, "it has ended")
        # whoever is told that it is gone can reap it
        assert process.poll() == 0


def test_an_ended_child_is_reaped_by_asking_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        driver = LocalDriver(tmp_path / "log", ["sh", "-c", "read line; sleep 0.1"])
        handle = await driver.start(spec(tmp_path))
        assert await driver.poll(handle) is Life.ALIVE
        async with asyncio.timeout(60):
            while await driver.poll(handle) is not Life.GONE:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        assert status_of(handle["pid"]) is None
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


def test_an_agent_of_an_earlier_simyard_is_outdated_unless_this_one_is_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = LocalDriver(tmp_path / "log")
    assert not asyncio.run(driver.outdated({}, contents.VERSION))
    assert asyncio.run(driver.outdated({}, "0.0.1+0123456789ab"))
    monkeypatch.setattr(contents, "on_disk", lambda: "9.0.0+0123456789ab")
    assert not asyncio.run(driver.outdated({}, "0.0.1+0123456789ab"))


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
