"""What a job cmd owes the run directory: one writer, whole lines, one final event, whatever the disk does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.protocol import jobs, rundir
from tests.contract.runner_kit import (
    LIMIT,
    RUNNER,
    Site,
    each_interpreter,
    events,
    final,
    holder,
    left,
    log,
    names,
    new_id,
    runner,
    until,
)


def test_the_script_and_the_protocol_name_the_same_things() -> None:
    files = ("RUN", "WORK", "LOCK", "EVENTS", "LOG", "REPORTS", "STOP", "MUST_STOP")
    for name in (*files, "BEGUN", "RESUMED", "STARTED", "PROGRESS", "PAUSED", "STOPPED", "FINAL"):
        assert getattr(runner, name) == getattr(rundir, name)
    assert set(runner.STATES) == {state.value for state in jobs.FINAL}
    assert runner.MAX_EVENT <= rundir.MAX_LINE


def test_the_script_is_written_for_2_7_and_3_6() -> None:
    vermin = Path(sys.executable).with_name("vermin")
    subprocess.run([vermin, "-t=2.7-", "-t=3.6-", "--no-tips", RUNNER], check=True)


@each_interpreter
def test_the_lock_is_held_by_the_job_cmd_alone_and_as_long_as_it_lives(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "touch waiting; while [ ! -e go ]; do sleep 0.05; done"], progress="file")
        process = site.start("run", directory)
        until((directory / "work" / "waiting").exists)
        assert holder(directory) == process.pid == events(directory)[0]["data"]["pid"]
        second = site.start("run", directory, stderr=subprocess.DEVNULL)
        assert second.wait(LIMIT) == 3
        assert runner.conclude(str(directory), "failed", "not dead") is None
        assert holder(directory) == process.pid
        (directory / "work" / "go").touch()
        assert process.wait(LIMIT) == 0
        assert holder(directory) == 0
        assert names(directory) == ["begun", "started", "final"]


@each_interpreter
def test_an_ended_run_and_an_old_epoch_are_refused(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["true"])
        site.run(directory)
        before = (directory / "events.jsonl").read_bytes()
        assert site.start("run", directory, stderr=subprocess.DEVNULL).wait(LIMIT) == 3
        begun = site.directory(command=["true"], epoch=3)
        for epoch in (3, 4):
            (begun / "events.jsonl").write_text(
                json.dumps({"n": 1, "at": 1.0, "event": "begun", "data": {"epoch": epoch}}) + "\n"
            )
            assert site.start("run", begun, stderr=subprocess.DEVNULL).wait(LIMIT) == 3
        assert (directory / "events.jsonl").read_bytes() == before
        assert names(begun) == ["begun"]


@each_interpreter
def test_a_newer_epoch_takes_over_what_an_older_one_left(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "setsid sleep 1000 & touch waiting; wait"])
        process = site.start("run", directory)
        until((directory / "work" / "waiting").exists)
        until(lambda: "started" in names(directory))  # which is written beside the code's first steps
        process.kill()
        process.wait()
        spec = json.loads((directory / "run.json").read_text())
        (directory / "run.json").write_text(json.dumps(spec | {"epoch": 2, "inputs": {"do": "nothing"}}))
        assert site.run(directory)["state"] == "completed"
        assert names(directory) == ["begun", "started", "begun", "started", "final"]


@each_interpreter
def test_a_line_torn_by_a_crash_is_cut_off_and_the_numbers_go_on(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["true"], epoch=2)
        whole = json.dumps({"n": 1, "at": 1.0, "event": "begun", "data": {"epoch": 1}}) + "\n"
        (directory / "events.jsonl").write_text(whole + '{"n": 2, "at": 2.0, "event": "prog')
        site.run(directory)
        assert names(directory) == ["begun", "begun", "started", "final"]
        torn = site.directory()
        (torn / "events.jsonl").write_text(whole + '{"n": 2, "at": 2.0, "event": "fin')
        assert runner.conclude(str(torn), "lost", "The machine was restarted.")["n"] == 2
        assert names(torn) == ["begun", "final"]


def test_a_run_that_never_began_can_be_concluded(tmp_path: Path) -> None:
    directory = tmp_path / new_id()
    directory.mkdir()
    usage = {"wall": 0.0, "cpu": 0.0, "peak_memory": 0, "exit_code": None, "signal": None}
    concluded = runner.conclude(str(directory), "canceled", "It was stopped before it began.")
    assert concluded["n"] == 1
    assert concluded["data"] == {
        "state": "canceled", "reason": "It was stopped before it began.", "cause": "", "usage": usage, "results": {},
        "warnings": [], "report": "",
    }  # fmt: skip
    assert events(directory) == [concluded]


def test_conclude_ends_only_what_is_marked(tmp_path: Path) -> None:
    run = new_id()
    directory = tmp_path / run
    directory.mkdir()
    group = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    other = subprocess.Popen(["sleep", "1000"], env={"SIMYARD_RUN": new_id(), "PATH": os.environ["PATH"]})
    marked = subprocess.Popen(["sleep", "1000"], env={"SIMYARD_RUN": run, "PATH": os.environ["PATH"]})
    try:
        started = {"n": 1, "at": 1.0, "event": "started", "data": {"pid": group.pid, "group": group.pid}}
        (directory / "events.jsonl").write_text(json.dumps(started) + "\n")
        assert runner.conclude(str(directory), "failed", "killed")["n"] == 2
        assert marked.wait(LIMIT) == -9
        assert group.poll() is None  # the number of the group may be somebody else's by now
        assert other.poll() is None
    finally:
        for process in (group, other, marked):
            process.kill()
            process.wait()


def test_a_log_that_leads_elsewhere_makes_nobody_else_part_of_the_run(tmp_path: Path) -> None:
    directory = tmp_path / new_id()
    directory.mkdir()
    elsewhere = tmp_path / "elsewhere.log"
    with open(elsewhere, "wb") as file:
        other = subprocess.Popen(["sleep", "1000"], stdout=file)
    try:
        (directory / "run.log").symlink_to(elsewhere)
        assert runner.conclude(str(directory), "failed", "killed")["n"] == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_who_writes_the_log_is_part_of_the_run_and_who_reads_it_is_not(tmp_path: Path) -> None:
    directory = tmp_path / new_id()
    directory.mkdir()
    with open(directory / "run.log", "ab") as file:
        writer = subprocess.Popen(["sleep", "1000"], stdout=file)
    with open(directory / "run.log", "rb") as file:
        reader = subprocess.Popen(["sleep", "1000"], stdin=file, stdout=file)
    try:
        assert runner.conclude(str(directory), "failed", "killed")["n"] == 1
        assert writer.wait(LIMIT) == -9
        assert reader.poll() is None
    finally:
        for process in (writer, reader):
            process.kill()
            process.wait()


@each_interpreter
def test_a_fifo_in_place_of_the_log_holds_nobody_up(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "rm ../run.log; mkfifo ../run.log; exit 3"], finish="none")
        found = site.run(directory)
        assert found["reason"] == "The code ended with exit status 3."
        early = site.directory(command=["true"])
        os.mkfifo(early / "run.log")
        assert "There is no log" in site.run(early)["warnings"][0]


@each_interpreter
def test_the_bell_is_rung_for_what_is_to_be_told_and_never_waited_for(version: str, tmp_path: Path) -> None:
    bell = tmp_path / "bell"
    os.mkfifo(bell)
    with Site(version, tmp_path) as site:
        unheard = site.directory(command=["true"], bell=str(bell))
        site.run(unheard)
        listener = os.open(bell, os.O_RDWR | os.O_NONBLOCK)
        try:
            directory = site.directory(command=["true"], bell=str(bell))
            site.run(directory)
            # begun and started are told together; a slow machine lets it say more
            rung = os.read(listener, 1000).decode().splitlines()
            assert len(rung) >= 2
            assert set(rung) == {directory.name}
            while True:  # a bell that nobody empties
                try:
                    os.write(listener, b"x" * 4096)
                except BlockingIOError:
                    break
            site.run(site.directory(command=["true"], bell=str(bell)))
        finally:
            os.close(listener)
        site.run(site.directory(command=["true"], bell=str(tmp_path / "no such bell")))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with 2 MB of room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"cannot mount a small disk: {mounted.stderr}")
        pytest.skip(f"cannot mount a small disk: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@each_interpreter
@pytest.mark.parametrize("how", ["callable", "command"])
def test_a_disk_that_a_run_fills_ends_it_failed_and_says_so(version: str, small_disk: Path, how: str) -> None:
    with Site(version, small_disk) as site:
        # longer than a moment: then room for the final event is kept
        command = ["sh", "-c", "sleep 1.2; cat /dev/zero > fill"]
        directory = site.directory(**({"command": command} if how == "command" else {"do": "fill", "prepare": "later"}))
        found = site.run(directory)
        assert found["state"] == "failed"
        assert "disk is full" in found["reason"]


@each_interpreter
def test_a_full_disk_ends_a_run_with_a_code_where_it_cannot_even_say_so(version: str, small_disk: Path) -> None:
    with Site(version, small_disk) as site:
        directory = site.directory(command=["true"])
        (directory / "lock").touch()
        (directory / "events.jsonl").touch()
        (directory / "run.log").touch()
        with open(small_disk / "fill", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        assert site.start("run", directory).wait(LIMIT) == 4
        assert events(directory) == []
        with pytest.raises(OSError, match="No space"):
            runner.conclude(str(directory), "failed", "It could not be written.")
        (small_disk / "fill").unlink()
        assert runner.conclude(str(directory), "failed", "The disk was full.")["n"] == 1
        assert left(directory) == []


@each_interpreter
def test_the_log_is_appended_to_and_never_begun_anew(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["echo", "second"])
        (directory / "run.log").write_text("first\n")
        site.run(directory)
        assert log(directory) == "first\nsecond\n"
        assert final(directory) is not None
