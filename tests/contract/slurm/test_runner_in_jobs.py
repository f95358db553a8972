"""A run's job cmd as Slurm executes it: on two nodes at once, told before its time is over, ended and begun again by the cluster."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.protocol import rundir
from tests.contract.runner_kit import RUNNER, Site, alive, events, final, log, names, progress, until
from tests.mpi_environment import HEAT, LAUNCHER
from tests.slurm_cluster import Cluster

pytestmark = [pytest.mark.timeout(300), pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
#: What is left of the plate of SMALL, however many tasks it was computed on.
SMALL: dict[str, Any] = {"size": 64, "steps": 500, "frames": 5, "pause": 0.0}
HEAT_LEFT = 204.556233
#: It ends when it is told to, or not before somebody does.
LONG = SMALL | {"size": 32, "steps": 2000, "frames": 1000, "pause": 0.1}


class Jobs:
    """Submits run directories as an agent does, and ends what a test has left."""

    def __init__(self, cluster: Cluster, site: Site) -> None:
        self.cluster, self.site = cluster, site
        self._numbers: list[str] = []

    def submit(self, directory: Path, *options: str, python: Path | str = sys.executable) -> str:
        """Its number."""
        script = directory / "job.sh"
        words = shlex.join([str(python), str(RUNNER), "run", str(directory)])
        script.write_text(f"#!/bin/bash\ntrap '' USR1\nexec {words}\n")
        command = ["sbatch", "--parsable", "--mem=800M", f"--output={directory}/slurm.out", *options, str(script)]
        done = subprocess.run(command, env=self.cluster.environment, capture_output=True, text=True, check=True, timeout=60)
        self._numbers.append(done.stdout.strip())
        return self._numbers[-1]

    def state(self, number: str) -> str:
        said = self.cluster.ask("squeue", "--noheader", "--states=all", f"--jobs={number}", "--format=%T")
        return said.strip()

    def ended(self, number: str) -> str:
        """The state that it has ended in."""
        seen = []

        def over() -> bool:
            seen.append(self.state(number))
            return seen[-1] not in {"PENDING", "RUNNING", "SIGNALING", "COMPLETING", "CONFIGURING", ""}

        until(over, 120)
        return seen[-1]

    def cancel(self, number: str, *options: str) -> None:
        subprocess.run(["scancel", *options, number], env=self.cluster.environment, check=True, timeout=60)

    def stop(self) -> None:
        for number in self._numbers:
            self.cluster.ask("scancel", number)
        for number in self._numbers:
            self.ended(number)


@pytest.fixture
def jobs(slurm: Cluster, tmp_path: Path) -> Iterator[Jobs]:
    with Site("venv", tmp_path) as site:
        made = Jobs(slurm, site)
        try:
            yield made
        finally:
            made.stop()


def heat(site: Site, launcher: tuple[str, ...] = LAUNCHER, **inputs: Any) -> Path:
    """A run directory of the parallel code."""
    more = SMALL | inputs
    return site.directory(
        "heat", code_dir=str(HEAT), model="spread", cluster=True, tasks=4, cores=4, launcher=list(launcher), **more
    )


def running(directory: Path) -> bool:
    return bool(progress(directory).get("frames"))


def tasks_of(directory: Path) -> list[int]:
    """The processes of the parallel program that work in this run's folder."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == str(directory / rundir.WORK):
                found.append(int(name))
        except OSError:
            continue
    return [pid for pid in found if alive(pid)]


@pytest.mark.parametrize("how", ["srun", "mpirun"])
def test_a_parallel_code_runs_on_all_tasks_of_two_nodes(jobs: Jobs, mpi_python: Path, how: str) -> None:
    launcher = LAUNCHER if how == "srun" else (str(mpi_python.parent / "mpirun"),)
    directory = heat(jobs.site, launcher)
    number = jobs.submit(directory, "--partition=regular", "--nodes=2", "--ntasks=4", python=mpi_python)
    assert jobs.ended(number) == "COMPLETED", log(directory)
    found = final(directory)
    assert found is not None
    assert found["results"] == {"tasks": 4, "nodes": ["n1", "n2"], "heat": HEAT_LEFT, "parts": 1}
    assert progress(directory)["frames"] == SMALL["frames"]
    assert events(directory)[0]["data"]["job"] == number


def test_a_run_that_is_told_by_slurm_before_its_time_is_over_goes_on_in_a_next_job(jobs: Jobs, mpi_python: Path) -> None:
    # Slurm looks every half minute for jobs that are to be told
    directory = heat(jobs.site, steps=500, frames=500, pause=0.2, checkpoints=True)
    options = ("--partition=regular", "--nodes=2", "--ntasks=4", "--time=1", "--signal=B:USR1@59")
    first = jobs.submit(directory, *options, python=mpi_python)
    until(lambda: running(directory) or final(directory), 120)
    assert jobs.ended(first) == "COMPLETED"
    assert names(directory) == ["begun", "started", "paused"], (directory / "slurm.out").read_text() + log(directory)
    seen = progress(directory)
    assert 0 < seen["frames"] < 500
    spec = json.loads((directory / rundir.RUN).read_text())
    (directory / rundir.RUN).write_text(json.dumps(spec | {"inputs": spec["inputs"] | {"pause": 0.0}}))
    second = jobs.submit(directory, *options[:-1], python=mpi_python)
    assert jobs.ended(second) == "COMPLETED"
    assert names(directory) == ["begun", "started", "paused", "begun", "resumed", "started", "final"]
    found = final(directory)
    assert found is not None
    assert (found["state"], found["results"]["parts"], found["results"]["heat"]) == ("completed", 2, HEAT_LEFT)
    told = [event["data"]["fraction"] for event in events(directory) if event["data"].get("fraction") is not None]
    assert told == sorted(told)
    assert "checkpoint at step" in log(directory)
    # and a third one is not let in
    third = jobs.submit(directory, *options[:-1], python=mpi_python)
    assert jobs.ended(third) == "FAILED"
    assert len(names(directory)) == 7


def test_what_somebody_else_cancels_is_left_to_slurms_word_and_nothing_of_it_stays(jobs: Jobs, mpi_python: Path) -> None:
    directory = heat(jobs.site, **LONG)
    number = jobs.submit(directory, "--partition=regular", "--nodes=2", "--ntasks=4", python=mpi_python)
    until(lambda: running(directory), 120)
    assert len(tasks_of(directory)) >= 4
    jobs.cancel(number)
    assert jobs.ended(number) == "CANCELLED"
    assert final(directory) is None
    until(lambda: not tasks_of(directory), 60)


def test_what_its_agent_stops_is_canceled_by_its_job_cmd_and_nothing_of_it_stays(jobs: Jobs, mpi_python: Path) -> None:
    directory = heat(jobs.site, **LONG)
    number = jobs.submit(directory, "--partition=regular", "--nodes=2", "--ntasks=4", python=mpi_python)
    until(lambda: running(directory), 120)
    (directory / rundir.STOP).write_text(json.dumps({"reason": "", "cause": ""}))
    jobs.cancel(number, "--batch", "--signal=TERM")
    assert jobs.ended(number) == "COMPLETED"
    assert (final(directory) or {})["state"] == "canceled"
    until(lambda: not tasks_of(directory), 60)


@pytest.mark.parametrize("able", [True, False])
def test_what_slurm_puts_back_into_its_queue_goes_on_or_is_lost(jobs: Jobs, able: bool) -> None:
    directory = jobs.site.directory(do="steps", count=6, hold=3, cluster=True, checkpoints=able)
    number = jobs.submit(directory)
    until((directory / rundir.WORK / "waiting").exists, 120)
    jobs.cluster.ask("scontrol", "requeue", number)
    until(lambda: jobs.state(number) == "PENDING", 120)
    # not in two minutes, as by itself, nor in the second in which its node took back the credential of its first life
    jobs.cluster.ask("scontrol", "update", f"JobId={number}", "StartTime=now+3")
    assert jobs.ended(number) == "COMPLETED", (directory / "slurm.out").read_text()
    found = final(directory)
    assert found is not None
    assert found["state"] == ("completed" if able else "lost")
    if able:
        assert [one["data"]["why"] for one in events(directory) if one["event"] == "resumed"] == ["requeued"]
        assert [line for line in log(directory).splitlines() if line.startswith("step")] == [f"step {n}" for n in range(1, 7)]
