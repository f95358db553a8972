"""What a job cmd tells of the memory of a run: of everything that the code has started, along with its progress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simyard.protocol import rundir
from tests.contract.runner_kit import LIMIT, Site, each_interpreter, events, final, runner, until

MEGABYTE = 1 << 20
#: 60 MB in a process of its own, behind a shell, until it is told to go, and a code that tells its progress all the time.
GREEDY = (
    "import os, time; block = bytearray(60 << 20); block[::4096] = b'x' * len(block[::4096])\n"
    "while not os.path.exists('go'): time.sleep(0.05)"
)


def told(directory: Path) -> list[dict[str, Any]]:
    return [event["data"] for event in events(directory) if event["event"] == rundir.PROGRESS]


@each_interpreter
def test_memory_of_all_processes_of_a_run_comes_along_with_its_progress(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(
            command=["sh", "-c", f'PYTHON="{site.python}"; "$PYTHON" -c "$1"; true', "sh", GREEDY], progress="count"
        )
        process = site.start("run", directory)
        until(lambda: any(60 * MEGABYTE < one.get("memory", 0) < 200 * MEGABYTE for one in told(directory)))
        (directory / rundir.WORK / "go").touch()
        assert process.wait(LIMIT) == 0
        known = [one for one in told(directory) if "memory" in one]
        assert all(one["memory"] <= one["peak_memory"] for one in known)
        found = final(directory)
        assert found is not None
        assert found["usage"]["peak_memory"] >= max(one["peak_memory"] for one in known) > 60 * MEGABYTE


@each_interpreter
def test_memory_alone_makes_no_events(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sleep", "1.6"])
        site.run(directory)
        assert told(directory) == []


def test_memory_far_from_its_limit_is_looked_at_no_oftener_than_once_a_second(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        directory = site.directory(do="frames", count=60, pause=0.05, memory=1 << 40)
        wall = site.run(directory)["usage"]["wall"]
        values = [one["memory"] for one in told(directory) if "memory" in one]
        assert 1 <= len(set(values)) <= wall + 1


def test_processes_that_are_gone_are_no_memory() -> None:
    assert runner.memory_of(runner.family([2**22 + 1])) is None
    assert until(lambda: runner.memory_of([1]) or 1) > 0
