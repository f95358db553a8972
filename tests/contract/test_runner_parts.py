"""What a job cmd owes a run that a cluster executes: it pauses before its time is over, goes on, and begins once, whatever the file system says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from simyard.protocol import rundir
from tests.contract.runner_kit import Site, alive, each_interpreter, events, final, left, log, names, progress, runner, until

#: What a job cmd is started with by Slurm.
JOB = {"SLURM_JOB_ID": "4711"}
#: A command that writes a checkpoint when it is told to, and goes on from it.
COUNTS = """
trap 'echo told; touch saved; exit 0' USR1
echo resumed=$RESUMED
[ -e saved ] && exit 0
touch waiting
while true; do sleep 0.02; done
"""


def paused(site: Site, directory: Path, number: signal.Signals = signal.SIGUSR1, **environment: str) -> int:
    """Start the run, tell it that its time is nearly over once it waits, and answer the exit status."""
    process = site.start("run", directory, env=JOB | environment)
    until((directory / "work" / "waiting").exists)
    process.send_signal(number)
    status = process.wait(60)
    assert left(directory) == []
    return status


def begun(directory: Path, **data: Any) -> None:
    """As a job cmd leaves it that was killed without a word."""
    line = {"n": 1, "at": 1.0, "event": rundir.BEGUN, "data": {"epoch": 1, **data}}
    (directory / rundir.EVENTS).write_text(json.dumps(line) + "\n")


def refused(site: Site, directory: Path, **environment: str) -> bool:
    before = (directory / rundir.EVENTS).read_bytes()
    status = site.start("run", directory, env=environment, stderr=subprocess.DEVNULL).wait(60)
    return status == 3 and (directory / rundir.EVENTS).read_bytes() == before


@each_interpreter
def test_a_run_is_paused_and_gone_on_with_as_one_run(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="steps", count=6, hold=3, cluster=True, checkpoints=True)
        assert paused(site, directory) == 0
        assert names(directory) == ["begun", "started", "paused"]
        last = events(directory)[-1]["data"]
        assert last["reason"] == "time-limit"
        assert (directory / rundir.MUST_STOP).exists()
        assert refused_none(directory)
        found = site.run(directory, env={"SLURM_JOB_ID": "4712"})
        assert (found["state"], found["results"]["frames"]) == ("completed", 6)
        assert names(directory) == ["begun", "started", "paused", "begun", "resumed", "started", "final"]
        resumed = next(event["data"] for event in events(directory) if event["event"] == "resumed")
        assert resumed == {"part": 2, "why": "paused"}
        assert log(directory).splitlines() == [f"step {number}" for number in (1, 2, 3, 4, 5, 6)]
        assert progress(directory)["fraction"] == 1.0
        assert found["usage"]["wall"] > last["usage"]["wall"]
        assert not (directory / rundir.MUST_STOP).exists()
        assert refused(site, directory, SLURM_JOB_ID="4713")


def refused_none(directory: Path) -> bool:
    """Nobody says how a run ended that is only paused."""
    return final(directory) is None


@each_interpreter
def test_a_command_is_told_by_a_signal_and_finds_what_it_has_saved(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", COUNTS], prepare="resumed", cluster=True, checkpoints=True)
        assert paused(site, directory) == 0
        assert site.run(directory, env=JOB | {"SLURM_RESTART_COUNT": "1"})["state"] == "completed"
        assert log(directory).splitlines() == ["resumed=no", "told", "resumed=yes"]


@each_interpreter
def test_a_code_that_is_done_when_it_must_stop_has_completed(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="steps", count=3, hold=3, cluster=True, checkpoints=True)
        assert paused(site, directory) == 0
        assert names(directory) == ["begun", "started", "final"]
        ends = "trap 'touch fraction; exit 0' USR1; touch waiting; while true; do sleep 0.02; done"
        command = site.directory(command=["sh", "-c", ends], progress="fraction", cluster=True, checkpoints=True)
        assert paused(site, command) == 0
        found = final(command)
        assert found is not None
        assert (found["state"], found["results"]["exit_code"]) == ("completed", 0)


@each_interpreter
def test_a_code_that_fails_when_it_must_stop_has_failed(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        wrong = site.directory(
            command=["sh", "-c", "trap 'exit 7' USR1; touch waiting; while true; do sleep 0.02; done"],
            cluster=True,
            checkpoints=True,
        )
        assert paused(site, wrong) == 0
        assert "exit status 7" in (final(wrong) or {})["reason"]


@each_interpreter
def test_a_command_is_told_within_shells_and_as_soon_as_it_can_hear_it_and_nobody_is_harmed(version: str, tmp_path: Path) -> None:
    hears = "touch waiting; sleep 1.2; trap 'touch saved; exit 0' USR1; while true; do sleep 0.02; done"
    with Site(version, tmp_path) as site:
        within = site.directory(command=["sh", "-c", f'sh -c "{hears}"; echo after'], cluster=True, checkpoints=True)
        assert paused(site, within) == 0
        assert names(within)[-1] == "paused"
        assert log(within) == "after\n"
        deaf = site.directory(command=["sh", "-c", "touch waiting; sleep 1000; true"], cluster=True, checkpoints=True)
        process = site.start("run", deaf, env=JOB)
        until((deaf / "work" / "waiting").exists)
        process.send_signal(signal.SIGUSR1)
        until((deaf / rundir.MUST_STOP).exists)
        process.terminate()
        assert process.wait(60) == 143
        assert events(deaf)[-1]["data"]["usage"]["signal"] == "SIGTERM"


@each_interpreter
def test_what_has_not_started_is_paused_at_once(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(prepare="hang", do="nothing", cluster=True, checkpoints=True)
        process = site.start("run", directory, env=JOB)
        until((directory / "work" / "preparing").exists)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 0
        assert names(directory) == ["begun", "paused"]
        assert left(directory) == []


@each_interpreter
@pytest.mark.parametrize("more", [{"cluster": True}, {"checkpoints": True}, {}])
def test_nobody_else_is_paused(version: str, tmp_path: Path, more: dict[str, Any]) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "touch waiting; while [ ! -e go ]; do sleep 0.02; done"], **more)
        process = site.start("run", directory)
        until((directory / "work" / "waiting").exists)
        process.send_signal(signal.SIGUSR1)
        (directory / "work" / "go").touch()
        assert process.wait(60) == 0
        assert names(directory) == ["begun", "started", "final"]
        assert (final(directory) or {})["state"] == "completed"


@each_interpreter
def test_a_run_that_its_cluster_has_ended_leaves_its_end_to_it(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="wait", cluster=True)
        assert paused(site, directory, signal.SIGTERM) == 143
        assert names(directory) == ["begun", "started", "stopped"]
        used = events(directory)[-1]["data"]["usage"]
        assert used["signal"] == "SIGTERM"
        final = runner.conclude(str(directory), "failed", "Its time on the cluster was over.", {"wall": 99.0}, "time-limit")
        assert final["data"]["usage"] == used


@each_interpreter
def test_a_code_that_its_cluster_has_signalled_first_is_not_said_to_have_failed(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "touch waiting; sleep 1000"], cluster=True)
        process = site.start("run", directory, env=JOB)
        code = until(lambda: [event["data"]["pid"] for event in events(directory) if event["event"] == "started"])[0]
        os.killpg(code, signal.SIGTERM)
        until(lambda: not alive(code))
        process.terminate()
        assert process.wait(60) == 143
        assert names(directory) == ["begun", "started", "stopped"]


def test_on_a_busy_node_a_job_cmd_may_hear_later_than_its_code_that_their_cluster_ends_them(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "touch waiting; sleep 1000"], cluster=True)
        process = site.start("run", directory, env=JOB)
        code = until(lambda: [event["data"]["pid"] for event in events(directory) if event["event"] == "started"])[0]
        os.killpg(code, signal.SIGTERM)
        until(lambda: not alive(code))
        time.sleep(1.5)  # so long it was busy
        process.terminate()
        assert process.wait(60) == 143
        assert names(directory) == ["begun", "started", "stopped"]


@each_interpreter
def test_a_stop_that_its_agent_has_announced_is_its_agents(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        for told, state in (
            ({"reason": "", "cause": ""}, "canceled"),
            ({"reason": "The disk is used up.", "cause": "disk"}, "failed"),
        ):
            directory = site.directory(do="wait", cluster=True, checkpoints=True)
            (directory / rundir.STOP).write_text(json.dumps(told))
            assert paused(site, directory, signal.SIGTERM) == 0
            assert (final(directory) or {})["state"] == state


@each_interpreter
def test_a_run_is_begun_once_also_where_a_second_job_is_sent(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="nothing", cluster=True, checkpoints=True)
        begun(directory, job="4711", restarts=0)
        assert refused(site, directory, SLURM_JOB_ID="4712")
        assert refused(site, directory, SLURM_JOB_ID="4711")
        assert refused(site, directory, SLURM_JOB_ID="4712", SLURM_RESTART_COUNT="1")
        # it was there first, and has not come as far as its first event
        racing = site.directory(do="nothing", cluster=True)
        (racing / "begun.0").write_text("4711")
        (racing / rundir.EVENTS).touch()
        assert refused(site, racing, SLURM_JOB_ID="4712")
        assert site.run(racing, env={"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "1"})["state"] == "completed"


@each_interpreter
def test_what_its_cluster_begins_again_goes_on_if_it_can_and_is_lost_if_not(version: str, tmp_path: Path) -> None:
    again = {"SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": "1"}
    with Site(version, tmp_path) as site:
        able = site.directory(do="steps", count=4, cluster=True, checkpoints=True)
        (able / "work" / "checkpoint").write_text("2")
        begun(able, job="4711", restarts=0)
        assert site.run(able, env=again)["state"] == "completed"
        assert log(able).splitlines() == ["step 3", "step 4"]
        assert [event["data"] for event in events(able) if event["event"] == "resumed"] == [{"part": 2, "why": "requeued"}]
        unable = site.directory(do="nothing", cluster=True)
        begun(unable, job="4711", restarts=0)
        found = site.run(unable, env=again)
        assert (found["state"], found["cause"]) == ("lost", "lost")
        assert "run it again" in found["reason"]


@each_interpreter
def test_a_run_that_is_paused_can_be_concluded_with_all_that_it_has_used(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="steps", count=6, hold=3, cluster=True, checkpoints=True)
        assert paused(site, directory) == 0
        used = events(directory)[-1]["data"]["usage"]
        assert runner.conclude(str(directory), "canceled", "It was canceled.")["data"]["usage"] == used


@pytest.mark.parametrize("number", ["ENOLCK", "ENOSYS"])
def test_a_file_system_without_locks_does_for_a_cluster_only(
    tmp_path: Path, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_lock(*_: object) -> None:
        raise OSError(getattr(runner.errno, number), "no locks here")

    monkeypatch.setattr(runner.fcntl, "lockf", no_lock)
    with pytest.raises(OSError, match="no locks"):
        runner.Journal(str(tmp_path))
    journal = runner.Journal(str(tmp_path), cluster=True)
    journal.claim("4711")
    second = runner.Journal(str(tmp_path), cluster=True)
    with pytest.raises(runner.Held):
        second.claim("4712")
    for one in (journal, second):
        one.close()


def test_a_lock_that_a_dead_node_has_left_does_not_keep_a_run_from_its_end(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        directory = site.directory(do="wait", cluster=True)
        site.start("run", directory, env=JOB)
        until((directory / "work" / "waiting").exists)
        concluded = runner.conclude(str(directory), "lost", "Its node has failed.")
        assert concluded["data"]["state"] == "lost"


def test_what_a_job_cmd_wrote_until_it_was_ended_keeps_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Site("venv", tmp_path) as site:
        directory = site.directory(do="wait", cluster=True)
        end_left = runner.end_left

        def last_word(run: str, where: str) -> None:
            writer = runner.Journal(where, cluster=True, gone=True)
            writer.append("progress", {"message": "still here"})
            writer.close()
            end_left(run, where)

        monkeypatch.setattr(runner, "end_left", last_word)
        runner.conclude(str(directory), "lost", "Its node has failed.")
        told = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
        assert [(one["n"], one["event"]) for one in told] == [(1, "progress"), (2, "final")]


def test_on_a_cluster_a_job_cmd_writes_nothing_once_others_have_spoken_for_its_run(tmp_path: Path) -> None:
    cut_off = runner.Journal(str(tmp_path), cluster=True)
    cut_off.append("progress", {})
    other = runner.Journal(str(tmp_path), cluster=True, gone=True)
    other.append("final", runner.final_data("lost", "Its node has failed."))
    before = (tmp_path / "events.jsonl").read_bytes()
    for event in ("progress", "final"):
        with pytest.raises(OSError, match="somebody else has written"):
            cut_off.append(event, {})
    assert (tmp_path / "events.jsonl").read_bytes() == before
    for one in (cut_off, other):
        one.close()


@each_interpreter
def test_a_parallel_code_is_told_its_launcher_and_shares_its_cores(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="environment", cores=6, tasks=3, launcher=["srun", "--mpi=pmi2"], cluster=True)
        found = site.run(directory, env=JOB)
        assert found["state"] == "completed", found
        told = json.loads((directory / "work" / "told").read_text())
        assert told == [["srun", "--mpi=pmi2"], 3, "2", "6"]


def test_memory_is_counted_by_the_jobs_own_group_or_by_nobody(tmp_path: Path) -> None:
    group = tmp_path / "slurm" / "uid_7" / "job_4711" / "step_batch"
    group.mkdir(parents=True)
    (group / "memory.events").write_text("oom_kill 2\n")
    files = {b"": (str(tmp_path), "memory.events", "memory.max", "memory.peak")}
    mine = b"0::/slurm/uid_7/job_4711/step_batch\n"
    assert runner.Account(mine, files, job="4711").killed == 2
    assert runner.Account(mine, files, job="4712").killed is None
    assert runner.Account(b"0::/system.slice/slurmd.service\n", files, job="4711").killed is None
    assert os.path.exists(group)


def test_a_parallel_code_here_is_started_by_the_mpirun_beside_its_interpreter(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir()
        (bin_folder / "mpirun").touch()
        site.python = str(bin_folder / "python")
        Path(site.python).symlink_to(Path(sys.executable).resolve())
        directory = site.directory(do="environment", cores=2, tasks=2)
        found = site.run(directory, env={"PYTHONHOME": ""})
        assert found["state"] == "completed", found
        assert json.loads((directory / "work" / "told").read_text())[0] == [str(bin_folder / "mpirun"), "-n", "2"]
