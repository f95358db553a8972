"""An agent whose runs are jobs of a real Slurm: what it submits, follows, ends and says, and that it never submits anything twice."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from simyard.drivers.environment import allowed
from simyard.protocol import agents as talk
from simyard.protocol import rundir
from simyard.protocol.batch import Batch, Site
from simyard.protocol.jobs import Remote, Resources, RunSpec
from simyard.protocol.launch import AgentSpec
from simyard.protocol.launch import Cluster as OnCluster
from tests.contract.agent_kit import Bench
from tests.slurm_cluster import Cluster

pytestmark = [pytest.mark.timeout(240), pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
#: A machine that is busy is no fault of what is tested (seconds).
LIMIT = 90.0


class Yard(Bench):
    """A bench whose agent has a cluster; `bin` is a folder of programs that come before Slurm's own."""

    def __init__(self, folder: Path, slurm: Cluster) -> None:
        super().__init__(folder)
        self.slurm = slurm
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.asked = folder / "asked"

    def spec(self, **more: Any) -> AgentSpec:
        environment = {**allowed(os.environ), "SLURM_CONF": str(self.slurm.conf), "PYTHONDONTWRITEBYTECODE": "1"}
        if mark := os.environ.get("SIMYARD_TEST_SESSION"):
            environment["SIMYARD_TEST_SESSION"] = mark
        environment["PATH"] = f"{self.bin}:{environment['PATH']}"
        return super().spec(**{"environment": environment, "cluster": OnCluster(interval=1.0), **more})

    def run_spec(self, run: str, **more: Any) -> RunSpec:
        batch, site, memory = more.pop("batch", Batch()), more.pop("site", Site()), more.pop("memory", 200 << 20)
        checkpoints = more.pop("checkpoints", False)
        spec = super().run_spec(run, **{"time_limit": 300.0, **more})
        return dataclasses.replace(spec, resources=Resources(memory=memory, batch=batch), site=site, checkpoints=checkpoints)

    def instead(self, program: str, body: str) -> None:
        """From now on this shell text runs as `program`; `real` in it is Slurm's own."""
        path = self.bin / program
        beside = self.bin / f".{program}"
        beside.write_text(f"#!/bin/sh\necho {program} >> {self.asked}\nreal={shutil.which(program)}\n{body}\n")
        beside.chmod(0o755)
        beside.rename(path)

    def again(self, program: str) -> None:
        (self.bin / program).unlink()

    def calls(self, program: str) -> int:
        return self.asked.read_text().split().count(program) if self.asked.exists() else 0

    def remote(self, run: str) -> Remote:
        notes = [note.remote for note in self.supervisor.told(talk.RunNote) if note.run == run]
        return notes[-1] if notes else Remote()

    def words(self, run: str) -> str:
        return self.remote(run).words

    def jobs(self, run: str) -> list[int]:
        """The numbers of all jobs that Slurm has ever had of this run."""
        said = self.slurm.ask("squeue", "--noheader", "--states=all", "--format=%A %j")
        return sorted(int(line.split()[0]) for line in said.splitlines() if line.split()[1] == f"simyard-{run}")

    def state(self, run: str) -> str:
        said = self.slurm.ask("squeue", "--noheader", "--states=all", "--format=%A %T", f"--name=simyard-{run}")
        return said.split()[-1] if said.split() else ""

    def attempts(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.directory(run) / "slurm.json").read_text())["attempts"]
        return found

    async def running(self, run: str) -> None:
        await self.supervisor.until(lambda: rundir.STARTED in self.names(run) or self.supervisor.final(run), LIMIT)
        assert self.supervisor.final(run) is None

    def names(self, run: str) -> list[str]:
        return self.supervisor.names(run)

    async def finished(self, run: str) -> dict[str, Any]:
        return await self.supervisor.finished(run, LIMIT)


@contextlib.asynccontextmanager
async def yard(slurm: Cluster) -> AsyncIterator[Yard]:
    folder = Path(tempfile.mkdtemp(prefix="ya-"))
    made = Yard(folder, slurm)
    made.supervisor.listen()
    try:
        yield made
    except BaseException:
        print(made.log(), slurm.ask("squeue", "--states=all"))
        raise
    finally:
        slurm.ask("scancel", "--user=root")
        made.slurm.until(lambda: not slurm.ask("squeue", "--noheader"))
        await made.close()
        shutil.rmtree(folder, ignore_errors=True)


def story(told: Callable[[Yard], Awaitable[None]], slurm: Cluster) -> None:
    async def whole() -> None:
        async with yard(slurm) as made:
            await told(made)

    asyncio.run(whole())


def test_a_run_is_submitted_followed_and_ends(slurm: Cluster) -> None:
    async def told(here: Yard) -> None:
        await here.agent()
        run = here.start(command=["sleep", "3"])
        await here.running(run)
        await here.supervisor.until(lambda: "It runs on n" in here.words(run), LIMIT)
        assert here.remote(run).job == str(here.jobs(run)[0])
        assert (await here.finished(run))["state"] == "completed"
        assert len(here.jobs(run)) == 1
        assert f"--comment=simyard:{run}" in (here.directory(run) / "job.sh").read_text()
        partitions = here.supervisor.told(talk.Partitions)[-1].partitions
        assert {one.name for one in partitions} == {"debug", "regular"}
        await here.settled()

    story(told, slurm)


def test_what_ends_a_run_is_told_in_words(slurm: Cluster) -> None:
    async def told(here: Yard) -> None:
        await here.agent()
        refused = here.start(command=["true"], batch=Batch(partition="nope"))
        early = here.start(command=["true"], site=Site(setup=("echo no such module: madx", "exit 7")))
        held = here.start(command=["sleep", "100"], batch=Batch(extra=("--hold",)))
        foreign = here.start(command=["sleep", "100"])
        end = await here.finished(refused)
        assert (end["state"], end["cause"]) == ("failed", "start")
        assert "Invalid partition name specified" in end["reason"]
        end = await here.finished(early)
        assert (end["state"], end["cause"]) == ("failed", "start")
        assert "no such module: madx" in end["reason"]
        # one that waits says why, and a cancel of it is one of its job
        await here.supervisor.until(lambda: "Held by its user" in here.words(held), LIMIT)
        assert here.remote(held).state == "PENDING"
        here.supervisor.say(talk.StopRun(run=held, epoch=1))
        assert (await here.finished(held))["state"] == "canceled"
        assert here.state(held) == "CANCELLED"
        assert not (here.directory(held) / "slurm.out").exists()
        # somebody else ends one
        await here.running(foreign)
        slurm.ask("scancel", str(here.jobs(foreign)[0]))
        end = await here.finished(foreign)
        assert (end["state"], end["cause"]) == ("failed", "signal")
        assert "canceled in Slurm by somebody else" in end["reason"]
        await here.settled()

    story(told, slurm)


def test_a_run_is_canceling_until_slurm_says_that_its_job_is_gone(slurm: Cluster) -> None:
    async def told(here: Yard) -> None:
        await here.agent()
        run = here.start(command=["sleep", "100"])
        await here.running(run)
        await here.supervisor.until(lambda: here.remote(run).state == "RUNNING", LIMIT)
        # Slurm goes on saying that it runs, whatever the run says of itself
        said = slurm.ask("squeue", "--noheader", "--states=all", "--user=root", "--format=%A|%T|%V|%S|%e|%N|%P|%D|%r|%k")
        (here.root / "said").write_text("".join(f"{line}\n" for line in said.splitlines() if run in line))
        here.instead("squeue", f"cat {here.root / 'said'}")
        here.supervisor.say(talk.StopRun(run=run, epoch=1))
        events = here.directory(run) / rundir.EVENTS
        await here.supervisor.until(lambda: '"canceled"' in events.read_text(), LIMIT)
        asked = here.calls("squeue")
        await here.supervisor.until(lambda: here.calls("squeue") > asked + 1, LIMIT)
        assert here.supervisor.final(run) is None
        here.again("squeue")
        end = await here.finished(run)
        assert (end["state"], end["reason"]) == ("canceled", "It was stopped on request.")
        await here.supervisor.until(lambda: here.state(run) not in {"RUNNING", "COMPLETING"}, LIMIT)
        await here.settled()

    story(told, slurm)


def test_a_cluster_that_fails_is_slow_or_prints_rubbish_makes_nothing_lost(slurm: Cluster, tmp_path: Path) -> None:
    done, slow = tmp_path / "done", f"{30 + os.getpid() / 1e7:.7f}"

    async def told(here: Yard) -> None:
        await here.agent()
        run = here.start(command=["sh", "-c", f"while [ ! -e {done} ]; do sleep 0.1; done"])
        await here.running(run)
        for body in ("echo rubbish", "echo oops >&2; exit 1", "kill -9 $$"):
            here.instead("squeue", body)
            await here.supervisor.until(lambda: here.remote(run).silent_since is not None, LIMIT)
            assert here.supervisor.final(run) is None
            here.again("squeue")
            await here.supervisor.until(lambda: here.remote(run).silent_since is None, LIMIT)
        # that a run ends needs nobody but the run
        asked = here.calls("squeue")
        here.instead("squeue", f"exec sleep {slow}")
        await here.supervisor.until(lambda: here.calls("squeue") > asked, LIMIT)
        done.touch()
        assert (await here.finished(run))["state"] == "completed"
        here.again("squeue")
        kill_all(slow)
        await here.settled()

    story(told, slurm)


def test_an_agent_that_is_killed_while_it_submits_submits_nothing_twice(slurm: Cluster, tmp_path: Path) -> None:
    """Before sbatch has spoken to Slurm, while it does, and after it has, before anybody heard the number."""
    go = tmp_path / "go"
    bodies = {
        "before": "while :; do sleep 0.1; done",
        "during": f'while [ ! -e {go} ]; do sleep 0.05; done; exec $real "$@"',
        "after": f'$real "$@" > /dev/null; touch {tmp_path}/done; while :; do sleep 0.1; done',
    }

    async def told(here: Yard) -> None:
        runs = {}
        for when, body in bodies.items():
            here.instead("sbatch", body)
            await here.agent()
            asked = here.calls("sbatch")
            runs[when] = run = here.start(command=["sleep", "3"])
            await here.supervisor.until(lambda: here.calls("sbatch") > asked, LIMIT)  # noqa: B023 - it is waited for here
            if when == "after":
                await here.supervisor.until((tmp_path / "done").exists, LIMIT)
            assert [one["state"] for one in here.attempts(run)] == ["submitting"]
            here.kill_agent()
            await here.supervisor.until(lambda: here.supervisor.door is None, LIMIT)
            if when != "during":
                kill_all(str(here.directory(run) / "job.sh"))
        here.again("sbatch")
        await here.agent()
        await here.supervisor.until(lambda: "Whether Slurm has its job is not known" in here.words(runs["during"]), LIMIT)
        go.touch()
        for when, run in runs.items():
            assert (await here.finished(run))["state"] == "completed", when
            assert len(here.jobs(run)) == 1, when
            assert [one["state"] for one in here.attempts(run)] == ["submitted"], when
        await here.settled()

    story(told, slurm)


def test_an_agent_that_is_killed_adopts_its_jobs_and_a_cancel_reaches_them(slurm: Cluster) -> None:
    async def told(here: Yard) -> None:
        await here.agent()
        one, two = here.start(command=["sleep", "100"]), here.start(command=["sleep", "100"], batch=Batch(partition="regular"))
        await here.running(one)
        await here.running(two)
        here.kill_agent()
        slurm.ask("scancel", str(here.jobs(one)[0]))
        await here.agent()
        assert "somebody else" in (await here.finished(one))["reason"]
        here.supervisor.say(talk.StopRun(run=two, epoch=1))
        assert (await here.finished(two))["state"] == "canceled"
        assert [len(here.jobs(run)) for run in (one, two)] == [1, 1]
        await here.settled()

    story(told, slurm)


def test_a_run_that_paused_is_submitted_again_and_goes_on(slurm: Cluster) -> None:
    async def told(here: Yard) -> None:
        await here.agent()
        run = here.start(do="steps", count=6, hold=3, checkpoints=True)
        await here.running(run)
        # as Slurm does before its time is over
        slurm.ask("scancel", "--batch", "--signal=USR1", str(here.jobs(run)[0]))
        assert (await here.finished(run))["state"] == "completed"
        assert (here.names(run).count(rundir.BEGUN), here.names(run).count(rundir.PAUSED)) == (2, 1)
        assert len(here.jobs(run)) == 2
        assert [one["job"] for one in here.attempts(run)] == here.jobs(run)
        assert any("It is its part 2." in note.remote.words for note in here.supervisor.told(talk.RunNote))
        await here.settled()

    story(told, slurm)


def test_a_run_whose_node_was_cut_off_is_lost_though_its_job_cmd_lives_on(slurm: Cluster) -> None:
    """It goes on writing its events, and nobody is blamed for them."""

    async def told(here: Yard) -> None:
        await here.agent()
        run = here.start(do="wait", progress="count")
        try:
            await here.running(run)
            await here.supervisor.until(lambda: "It runs on n1" in here.words(run), LIMIT)
            os.kill(slurm.pid("slurmd.n1"), signal.SIGKILL)
            kill_steps(here.jobs(run)[0])
            end = await here.finished(run)
            assert (end["state"], end["cause"]) == ("lost", "lost"), end
            assert "A node of it failed." in end["reason"]
        finally:
            kill_all(str(here.directory(run)))
            slurm.start_node("n1")
        await here.settled()
        slurm.until(lambda: slurm.ask("sinfo", "--noheader", "--format=%T", "--nodes=n1", "--partition=debug").strip() == "idle")

    story(told, slurm)


def test_many_runs_are_one_question_each_interval_and_one_scancel(slurm: Cluster) -> None:
    async def told(here: Yard) -> None:
        for program in ("squeue", "sacct", "scontrol", "scancel"):
            here.instead(program, 'exec $real "$@"')
        await here.agent()
        runs = [here.start(command=["true"], batch=Batch(extra=("--hold",))) for _ in range(40)]
        await here.supervisor.until(lambda: all("Held" in here.words(run) for run in runs), LIMIT)
        began, asked = time.monotonic(), sum(map(here.calls, ("squeue", "sacct", "scontrol")))
        await here.supervisor.until(lambda: time.monotonic() - began > 6.0, LIMIT)
        # an interval of one second; those of the seconds at both ends are counted as well
        assert sum(map(here.calls, ("squeue", "sacct", "scontrol"))) - asked <= time.monotonic() - began + 2
        for run in runs:
            here.supervisor.say(talk.StopRun(run=run, epoch=1))
        for run in runs:
            assert (await here.finished(run))["state"] == "canceled"
        # all that were to be ended at once, but for those that had not been heard of then
        assert here.calls("scancel") <= 6
        await here.settled()

    story(told, slurm)


def kill_steps(job: int) -> None:
    """Kill what Slurm has on the nodes to look after a job, not the job."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and Path(f"/proc/{name}/cmdline").read_bytes().startswith(f"slurmstepd: [{job}.".encode()):
                os.kill(int(name), signal.SIGKILL)


def kill_all(words: str) -> None:
    """Kill every process that has these words among its own, as when a machine's processes are all killed."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and words.encode() in Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0"):
                os.kill(int(name), signal.SIGKILL)
