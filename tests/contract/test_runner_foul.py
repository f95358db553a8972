"""A run directory that a code has fouled: who writes the end of its run is neither led astray, nor held up, nor filled up."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import simyard.job_cmd.runner as runner_module

runner: Any = runner_module
RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / RUN
    made.mkdir()
    return made


def conclude(directory: Path) -> Any:
    return runner.conclude(str(directory), "failed", "It was killed.", None, "signal")


@pytest.mark.parametrize("name", ["events.jsonl", "lock"])
@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_plain_file_is_neither_written_to_nor_waited_for(
    directory: Path, tmp_path: Path, name: str, kind: str
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    {"link": lambda path: path.symlink_to(other), "fifo": os.mkfifo, "folder": os.mkdir}[kind](directory / name)
    with pytest.raises(OSError):
        conclude(directory)
    assert other.read_bytes() == b""


def test_a_record_with_a_line_without_end_is_not_read_to_its_end_and_its_lock_is_free_afterwards(directory: Path) -> None:
    with (directory / "events.jsonl").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError):
        conclude(directory)
    (directory / "events.jsonl").unlink()
    assert conclude(directory)["event"] == "final"


def test_a_spec_without_end_holds_nobody_up(directory: Path) -> None:
    with (directory / "run.json").open("wb") as file:
        file.truncate(1 << 40)
    assert conclude(directory)["data"]["state"] == "failed"


def test_a_spec_that_names_another_run_ends_nothing_of_that_one(directory: Path) -> None:
    (directory / "run.json").write_text(json.dumps({"run": "01ARZ3NDEKTSV4RRFFQ69G5FAW"}))
    asked: list[str] = []
    kept, runner.end_left = runner.end_left, lambda run, _directory: asked.append(run)
    try:
        conclude(directory)
    finally:
        runner.end_left = kept
    assert asked == [RUN]
