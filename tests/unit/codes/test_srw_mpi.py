"""How the tasks of a whole beam are started, and the words when they do not end well."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tests.srw_environment  # noqa: F401 - its import makes the code's modules importable


@pytest.fixture
def mpi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    srw_mpi = import_module("srw_mpi")

    (tmp_path / "simyard").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("MPIR_CVAR_CH4_NETMOD", "SLURM_KILL_BAD_EXIT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")  # put back at the end, whatever is set meanwhile
        os.environ.pop(name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    return srw_mpi


def of(folder: Path, **more: Any) -> Any:
    told = {"model": "electrons", "tasks": 2, "launcher": ["srun", "--mpi=pmi2"], "resumed": True, "inputs": {"k": 0.1 + 0.2}}
    return SimpleNamespace(**{"dir": str(folder), "run_dir": str(folder), "exit_code": 1, "signal": None, **told, **more})


def test_the_launcher_stands_first_and_the_tasks_find_what_they_need(mpi: Any, tmp_path: Path) -> None:
    command = mpi.command(of(tmp_path))
    assert command[:2] == ["srun", "--mpi=pmi2"]
    assert Path(command[-1]).name == "srw_tasks.py"
    assert Path(command[-1]).is_file()
    assert mpi.read(mpi.TASKS) == {"tasks": 2, "inputs": {"k": 0.1 + 0.2}, "resumed": True}
    assert os.environ["SLURM_KILL_BAD_EXIT"] == "1"


def test_without_mpi_it_says_what_to_do(mpi: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no mpirun to start SRW on 2 cores: ask for one core"):
        mpi.command(of(tmp_path, launcher=[]))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="has no mpi4py, which SRW needs on 2 cores: install it there, or ask for one core"):
        mpi.command(of(tmp_path))


@pytest.mark.parametrize(
    "error, cause, words",
    [
        (MemoryError(), "memory", "It ran out of memory: give the run more, or fewer cores or points."),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk", "Disk quota exceeded"),
        (ValueError("The window is dark."), "exception", "The window is dark."),
        (KeyError("k"), "exception", "KeyError: 'k'"),
    ],
)
def test_what_a_task_raises_is_told_as_on_one_core(error: Exception, cause: str, words: str, mpi: Any, tmp_path: Path) -> None:
    mpi.fail(error)
    told = mpi.failure(of(tmp_path))
    assert told["cause"] == cause
    assert words in told["reason"]
    mpi.forget(of(tmp_path))
    assert mpi.failure(of(tmp_path)) is None
    assert os.listdir("simyard") == []


@pytest.mark.parametrize("ended", [{"exit_code": 9}, {"exit_code": 137}, {"exit_code": None, "signal": "SIGKILL"}])
def test_a_task_that_was_killed_is_a_matter_of_memory_most_likely(ended: dict[str, Any], mpi: Any, tmp_path: Path) -> None:
    words = mpi.failure(of(tmp_path, **ended))["reason"]
    assert words.startswith(
        "One of the tasks that work on the electrons was killed, most likely for want of memory: give the run more"
    )
    # on one core there is no task, and what is known of its end is said elsewhere
    assert mpi.failure(of(tmp_path, tasks=1, **ended)) is None
    assert mpi.failure(of(tmp_path, model="spectrum", **ended)) is None


def test_what_srun_says_of_a_task_that_was_killed_is_heard(mpi: Any, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    # as Slurm 22.05 writes it; it then ends the other tasks, and with their status
    log.write_text("srun: error: n2: task 2: Killed\nsrun: error: n1: tasks 0-1: Terminated\nsrun: Force Terminated StepId=7.0\n")
    assert "most likely for want of memory" in mpi.failure(of(tmp_path, exit_code=143))["reason"]
    log.write_text("srun: error: n2: task 2: Segmentation fault\nsrun: error: n1: tasks 0-1: Terminated\n")
    assert mpi.failure(of(tmp_path, exit_code=143)) is None


def test_progress_is_read_whole(mpi: Any, tmp_path: Path) -> None:
    assert mpi.read(mpi.PROGRESS) is None
    mpi.write(mpi.PROGRESS, {"fraction": 0.5})
    assert json.loads((tmp_path / mpi.PROGRESS).read_text()) == {"fraction": 0.5}
