"""The small parts of the agent: mask, bell, fence, back-off, fingerprint, what it is told at its start."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tornado.util
from hypothesis import given
from hypothesis import strategies as st

from simyard.agent import agent, children, fence, locks, machine, masking, warm
from simyard.agent.bell import Bell
from simyard.agent.judgement import Exit
from simyard.agent.session import LAST_WAIT, Waits
from simyard.errors import ProtocolError
from simyard.protocol import launch
from simyard.protocol.agents import TO_AGENT
from simyard.protocol.launch import AgentSpec
from simyard.protocol.wire import Unknown

HOLD = """
import fcntl, signal, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("held", flush=True)
time.sleep(60)
"""


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=300))
def test_the_fast_mask_is_tornados_mask(key: bytes, data: bytes) -> None:
    assert masking.mask(key, data) == vars(tornado.util)["_websocket_mask_python"](key, data)


def test_the_mask_in_c_is_left_in_place() -> None:
    if vars(tornado.util)["_websocket_mask"] is not vars(tornado.util)["_websocket_mask_python"]:
        assert not masking.install()


def test_every_message_to_an_agent_has_a_handler() -> None:
    assert set(agent.HANDLERS) == {*TO_AGENT._by_name.values(), Unknown}


def test_the_bell_tells_runs_apart_and_survives_rubbish(tmp_path: Path) -> None:
    path = str(tmp_path / "bell")
    os.mkfifo(path)
    heard: list[str] = []

    async def story() -> None:
        last = asyncio.Event()

        def ring(run: str) -> None:
            heard.append(run)
            if run == "C":
                last.set()

        bell = Bell(path, ring)
        bell.hang()
        ringing = os.open(path, os.O_WRONLY)
        os.write(ringing, b"A\nB\nA\n" + b"\xff\n" + b"x" * 1000)
        await asyncio.sleep(0)
        os.write(ringing, b"\nC")
        await asyncio.sleep(0)
        os.write(ringing, b"\n")
        await last.wait()
        os.close(ringing)
        bell.close()

    asyncio.run(asyncio.wait_for(story(), 60))
    assert set(heard) >= {"A", "B", "C"}


@pytest.mark.parametrize("how", ["polite", "deaf"])
def test_the_newer_agent_ends_the_older_one(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # who leaves by itself has all the time for it
    monkeypatch.setattr(fence, "POLITE", 0.3 if how == "deaf" else 60.0)
    monkeypatch.setattr(fence, "LIMIT", 60.0)
    path = str(tmp_path / "lock")
    with subprocess.Popen([sys.executable, "-c", HOLD, path, how], stdout=subprocess.PIPE) as older:
        try:
            assert older.stdout is not None
            assert older.stdout.readline() == b"held\n"
            assert locks.holder(path) == older.pid
            held = fence.take(path)
            assert older.wait(60) == -(signal.SIGKILL if how == "deaf" else signal.SIGTERM)
            os.close(held)
        finally:
            older.kill()


def test_nobody_holds_a_lock_that_is_free_or_not_there(tmp_path: Path) -> None:
    assert locks.holder(str(tmp_path / "none")) == 0
    (tmp_path / "free").touch()
    assert locks.holder(str(tmp_path / "free")) == 0
    assert locks.signal_holder(str(tmp_path / "free"), signal.SIGKILL) == 0
    (tmp_path / "link").symlink_to(tmp_path / "free")
    assert locks.holder(str(tmp_path / "link")) == 0


def test_waits_grow_to_their_limit_and_differ() -> None:
    waits = Waits(random.Random(1).random)
    first = [waits.next() for _ in range(10)]
    assert first[0] < 0.08
    assert all(wait <= LAST_WAIT * 1.5 for wait in first)
    assert len(set(first)) == 10
    waits.reset()
    assert waits.next() < 0.08


def test_a_code_has_another_fingerprint_when_a_file_of_it_changes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "code.py").write_text("1")
    (tmp_path / "sub/more.py").write_text("1")
    (tmp_path / "__pycache__").mkdir()
    before = warm.fingerprint(str(tmp_path))
    (tmp_path / "__pycache__/code.pyc").write_text("x")
    assert warm.fingerprint(str(tmp_path)) == before
    (tmp_path / "sub/more.py").write_text("22")
    assert warm.fingerprint(str(tmp_path)) != before
    assert warm.fingerprint(str(tmp_path / "none")) == ()


def test_an_end_is_named_as_people_know_it() -> None:
    assert children.exit_of(0) == Exit(exit_code=0)
    assert children.exit_of(-9) == Exit(signal="SIGKILL")
    assert children.exit_of(-64).signal is not None


def test_the_machine_is_known() -> None:
    assert len(machine.boot_id()) == 36
    assert machine.cores() >= 1
    assert 1 << 20 < machine.memory() < 1 << 60


def test_the_line_of_a_new_agent_comes_back_as_it_went() -> None:
    spec = AgentSpec(agent="A1", user="me", target="local", door="/s", root="/r", secret="hush", environment={"PATH": "/bin"})
    assert launch.from_line(launch.to_line(spec)) == spec
    assert "hush" not in repr(spec)


@pytest.mark.parametrize(
    "line", ["", "x", "[]", "{}", '{"secret": "hush"}', json.dumps({"secret": "hush", "agent": 1}), "[" * 9999]
)
def test_a_line_that_is_not_understood_is_not_quoted(line: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        launch.from_line(line)
    assert "hush" not in caught.value.detail
