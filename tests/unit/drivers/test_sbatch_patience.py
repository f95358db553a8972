"""The driver of clusters waits for an answer about an agent on another login node as long as its ending may take."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simyard import clock
from simyard.config import ClusterConfig
from simyard.drivers.base import Life
from simyard.drivers.sbatch import driver, node
from simyard.drivers.sbatch.agent_file import Builder
from simyard.drivers.ssh.hostkeys import HostKeys

HANDLE = {"user": "me", "node": "login1", "root": "/r", "target": "pool", "agent": "A1", "python": "python3", "file": "/r/agent.pyz",
          "process": {"pid": 7, "start_time": 1, "boot": "b"}}  # fmt: skip


def test_whether_an_agent_on_another_login_node_lives_may_take_as_long_as_to_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []

    async def run(_connection: object, command: str, given: bytes = b"", limit: float = node.LIMIT) -> tuple[int, str, str]:
        asked.append((command.split()[3], limit))
        return 0, "gone\n", ""

    async def reached(_handle: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(connection=None, there=SimpleNamespace(node=SimpleNamespace(name="login2"), way=object()))

    monkeypatch.setattr(node, "run", run)

    async def story() -> None:
        made = driver.SbatchDriver(
            "pool", ClusterConfig(host="h"), site="s", door=tmp_path / "door", keys=HostKeys(tmp_path / "known", ()),
            builder=Builder(tmp_path), clock=clock.system,
        )  # fmt: skip
        monkeypatch.setattr(made, "_reached", reached)
        assert await made.poll(HANDLE) is Life.GONE
        await made.cleanup()

    asyncio.run(story())
    assert asked == [("revoke", driver.STOP_LIMIT)]
