"""Who is alive in a home folder: locks, start times, and ending processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simyard import alive, up

HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"


def start(*arguments: str) -> subprocess.Popen[str]:
    """A Python process in a group of its own that has said a first line."""
    process = subprocess.Popen([sys.executable, "-c", *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)


def test_the_owner_of_a_lock_is_the_process_that_holds_it_and_nobody_once_it_is_dead(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    process = start(HOLD, path)
    try:
        assert alive.owner(path) == process.pid
    finally:
        finish(process)
    assert alive.owner(path) == 0
    assert alive.owner(str(tmp_path / "none")) == 0


def test_a_home_folder_has_one_keeper(tmp_path: Path) -> None:
    process = start(HOLD, str(tmp_path / alive.LOCK))
    try:
        assert alive.keeper(str(tmp_path)) == process.pid
        assert alive.lock(str(tmp_path)) == -1
    finally:
        finish(process)
    held = alive.lock(str(tmp_path))
    assert held >= 0
    os.close(held)


def test_a_start_time_names_a_process_and_a_zombie_has_none() -> None:
    process = start(STUBBORN)
    began = alive.start_time(process.pid)
    try:
        assert began
        assert began == alive.start_time(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert alive.start_time(process.pid) == ""
    finally:
        finish(process)


def test_who_does_not_obey_is_killed_with_its_group() -> None:
    process = start(STUBBORN)
    try:
        alive.end(process.pid, 0.05)
        assert process.wait(60) == -signal.SIGKILL
    finally:
        finish(process)


def test_agents_are_idle_once_none_that_lives_follows_a_run(tmp_path: Path) -> None:
    home, folder = str(tmp_path), tmp_path / "users" / "me" / "agents" / "local"
    assert alive.await_idle_agents(home, 0.0)
    (folder / "active").mkdir(parents=True)
    marker = folder / "active" / "01HZZZZZZZZZZZZZZZZZZZZZZZ"
    marker.touch()
    assert alive.await_idle_agents(home, 0.0), "nobody lives who follows it"
    process = start(HOLD, str(folder / "lock"))
    late = threading.Timer(0.1, marker.unlink)
    try:
        assert not alive.await_idle_agents(home, 0.05)
        late.start()
        assert alive.await_idle_agents(home, 60.0)
        assert not marker.exists()
    finally:
        finish(process)
        late.cancel()


def test_a_state_is_read_as_it_was_written_and_none_is_empty(tmp_path: Path) -> None:
    assert alive.state(str(tmp_path)) == {}
    alive.write_state(str(tmp_path), ["url http://127.0.0.1:1", "web 12 345"])
    assert alive.state(str(tmp_path)) == {"url": ["http://127.0.0.1:1"], "web": ["12", "345"]}
    alive.forget_state(str(tmp_path))
    assert alive.state(str(tmp_path)) == {}


def test_only_a_process_with_the_same_start_time_is_ended_as_left_over(tmp_path: Path) -> None:
    process = start(HOLD, str(tmp_path / "x"))
    try:
        alive.write_state(str(tmp_path), [f"web {process.pid} 1"])
        alive.stop_left_over(str(tmp_path))
        assert process.poll() is None
        alive.write_state(str(tmp_path), [f"web {process.pid} {alive.start_time(process.pid)}"])
        alive.stop_left_over(str(tmp_path))
        assert process.wait(60) == -signal.SIGTERM
    finally:
        finish(process)


def test_an_agent_that_follows_a_run_is_left_alone_and_an_idle_one_is_ended(tmp_path: Path) -> None:
    processes = []
    for target, runs in (("busy", ["R1", "R2"]), ("idle", [])):
        folder = tmp_path / "users" / "me" / "agents" / target
        (folder / "active").mkdir(parents=True)
        for run in runs:
            (folder / "active" / run).touch()
        processes.append(start(HOLD, str(folder / "lock")))
    busy, idle = processes
    try:
        assert alive.stop_idle_agents(str(tmp_path)) == 2
        assert idle.wait(60) == -signal.SIGTERM
        assert busy.poll() is None
    finally:
        for process in processes:
            finish(process)


@pytest.mark.parametrize("text", ["a\nb\nc\n", ""])
def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    assert alive.tail(str(tmp_path / "log"), 2) == "\n".join(text.splitlines()[-2:])
    assert alive.tail(str(tmp_path / "none")) == "(there is no log)"


def test_a_keeper_that_cannot_write_down_who_runs_goes_on_and_tries_again(tmp_path: Path) -> None:
    home = tmp_path / "home"  # not there: nothing can be written into it, as on a full disk
    with up.listen("127.0.0.1", 0) as listener:
        keeper = up.Keeper(str(home), listener, greets=False)
        keeper.note()
        assert not keeper.noted
        home.mkdir()
        keeper.note()
    assert keeper.noted
    assert alive.state(str(home))["keeper"][0] == str(os.getpid())
