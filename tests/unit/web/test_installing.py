"""Installs from the page: begun once, whoever looks on."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simyard.codes import registry
from simyard.config import Config
from simyard.web import installing
from simyard.web.installing import Installs


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installs]:
    """Whose installer does nothing, and ends when it is told to."""

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], **options)

    monkeypatch.setattr(installing, "Popen", start)
    made = Installs(Config(home=tmp_path))
    yield made
    for process in made.running.values():
        process.communicate(timeout=60)


def test_who_only_looks_on_from_another_worker_keeps_nobody_from_installing(
    installs: Installs, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = registry.load(installs.config).code("madx")
    folder = installs.config.home / "envs" / ".installs"
    folder.mkdir(parents=True)
    with open(folder / "madx.lock", "ab") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        clock = SimpleNamespace(time=time.time, sleep=lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
        monkeypatch.setattr(installing, "time", clock)
        assert installs.start(code)["state"] == "running"
    assert list(installs.running) == ["madx"]


def test_what_another_worker_has_begun_is_not_begun_again(installs: Installs) -> None:
    code = registry.load(installs.config).code("madx")
    assert installs.start(code)["state"] == "running"
    other = Installs(installs.config)
    assert other.start(code)["state"] == "running"
    assert other.running == {}
