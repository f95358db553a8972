"""An agent that is started by a command: it outlives the command, is told from others, and is ended by another command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from simyard import processes
from simyard.agent import locks
from simyard.drivers.environment import allowed
from simyard.protocol import launch
from simyard.protocol.launch import AgentSpec

AGENT = [sys.executable, "-P", "-m", "simyard.agent"]


def said(*words: str, line: str = "") -> str:
    done = subprocess.run([*AGENT, *words], input=line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def line_for(folder: Path) -> str:
    mark = {name: value for name, value in os.environ.items() if name == "SIMYARD_TEST_SESSION"}
    return launch.to_line(
        AgentSpec(
            agent="A1", user="me", target="far", door=str(folder / "no-door"), root=str(folder / "u"), secret="hush",
            environment={**allowed(os.environ), **mark},
        )
    )  # fmt: skip


def test_an_agent_outlives_the_command_that_started_it_and_is_ended_by_another(tmp_path: Path) -> None:
    handle = said("launch", str(tmp_path / "log" / "agent.log"), line=line_for(tmp_path))
    try:
        assert said("life", handle) == processes.ALIVE
        assert "hush" not in Path(f"/proc/{json.loads(handle)['pid']}/cmdline").read_text()
    finally:
        said("stop", handle)
    assert said("life", handle) == processes.GONE
    said("stop", handle)


def test_what_is_not_understood_is_said_in_words_and_by_the_exit_status(tmp_path: Path) -> None:
    for words in (["launch", str(tmp_path / "log")], ["life", "{"], ["dance"], ["rest", "x", "y"]):
        done = subprocess.run([*AGENT, *words], input="", capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr
        assert "Traceback" not in done.stderr


def test_a_container_is_held_open_as_long_as_an_agent_lives_in_it(tmp_path: Path) -> None:
    handle = said("launch", str(tmp_path / "log" / "agent.log"), line=line_for(tmp_path))
    try:
        deadline = time.monotonic() + 60
        while not locks.holder(str(tmp_path / "u/agents/far/lock")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        resting = subprocess.Popen([*AGENT, "rest", "0.5", str(tmp_path / "u")])
        stopper = threading.Timer(1.5, said, ["stop", handle])
        stopper.start()
        begun = time.monotonic()
        try:
            assert resting.wait(60) == 0
        finally:
            resting.kill()
            stopper.join()
        assert time.monotonic() - begun > 1.5
    finally:
        said("stop", handle)
