"""What is known of jobs, asked of a real Slurm; and of programs that are slow, fail, or print rubbish."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from simyard.agent.slurm import queue, text
from simyard.agent.slurm.programs import Programs, Unanswered
from simyard.agent.slurm.queue import Queue, Refused
from simyard.agent.slurm.script import script
from simyard.protocol.batch import Batch, Site
from tests.slurm_cluster import Cluster

pytestmark = [pytest.mark.timeout(300)]
real = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
RUN = "01KAQ00000000000000000000"


def wait(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(270):
            await story()

    asyncio.run(limited())


def job(run: str, folder: Path, *shell: str, wanted: Batch | None = None) -> str:
    return script(run, str(folder), wanted or Batch(), 0, 120, site=Site(setup=shell), command=["true"])


def saved(folder: Path, text: str) -> str:
    """The path of a script."""
    path = folder / "job.sh"
    path.write_text(text)
    return str(path)


def queue_of(cluster: Cluster) -> Queue:
    return Queue(Programs(cluster.environment), "root", time.monotonic, time.time)


async def until(made: Queue, run: str, *states: str) -> text.Seen:
    while (seen := made.known.get(run)) is None or seen.state not in states:
        await asyncio.sleep(0.2)
        await made.look()
    return seen


@pytest.mark.usefixtures("slurm")
class TestOnARealCluster:
    pytestmark = real

    def test_a_job_is_followed_from_its_submission_to_its_exit_status(self, slurm: Cluster, tmp_path: Path) -> None:
        async def story() -> None:
            made = queue_of(slurm)
            number = await made.submit(saved(tmp_path, job(RUN + "A", tmp_path, "sleep 2", "exit 3")))
            made.follow(RUN + "A", number)
            running = await until(made, RUN + "A", "RUNNING")
            assert running.ended is None
            assert running.started is not None
            assert (await until(made, RUN + "A", "FAILED")).ended is not None
            assert made.silent_since is None
            found = await made.find(RUN + "A")
            assert found is not None
            assert found.job == number

        wait(story)

    def test_a_job_that_is_cancelled_by_somebody_is_seen_as_that(self, slurm: Cluster, tmp_path: Path) -> None:
        async def story() -> None:
            made = queue_of(slurm)
            number = await made.submit(saved(tmp_path, job(RUN + "B", tmp_path, "sleep 100")))
            made.follow(RUN + "B", number)
            await until(made, RUN + "B", "RUNNING")
            await made.cancel([number])
            await until(made, RUN + "B", "CANCELLED")
            await made.cancel([number])  # is no error

        wait(story)

    def test_a_job_that_cannot_be_is_refused_in_slurms_words(self, slurm: Cluster, tmp_path: Path) -> None:
        async def story() -> None:
            with pytest.raises(Refused, match="Invalid partition name specified"):
                await queue_of(slurm).submit(saved(tmp_path, job(RUN + "C", tmp_path, wanted=Batch(partition="nope"))))

        wait(story)

    def test_a_job_whose_node_dies_is_not_taken_for_one_that_failed(self, slurm: Cluster, tmp_path: Path) -> None:
        async def story() -> None:
            made = queue_of(slurm)
            number = await made.submit(
                saved(
                    tmp_path, job(RUN + "D", tmp_path, "sleep 600", wanted=Batch(partition="regular", extra=("--nodelist=n2",)))
                )
            )
            made.follow(RUN + "D", number)
            await until(made, RUN + "D", "RUNNING")
            slurm.end("slurmd.n2", signal.SIGKILL)
            try:
                await until(made, RUN + "D", "NODE_FAIL")
            finally:
                slurm.start_node("n2")

        wait(story)

    def test_partitions_are_those_of_the_cluster(self, slurm: Cluster) -> None:
        async def story() -> None:
            found = await queue_of(slurm).partitions()
            assert found["debug"].default
            assert found["debug"].time_limit == 600
            assert found["regular"].nodes == 2

        wait(story)

    def test_a_controller_that_is_away_makes_nothing_known_and_nothing_lost(self, slurm: Cluster, tmp_path: Path) -> None:
        async def story() -> None:
            made = queue_of(slurm)
            number = await made.submit(saved(tmp_path, job(RUN + "E", tmp_path, "sleep 3")))
            made.follow(RUN + "E", number)
            await until(made, RUN + "E", "RUNNING")
            slurm.end("slurmctld")  # as for its maintenance: it has written down what it knows
            await made.look()
            assert made.silent_since is not None
            assert made.known[RUN + "E"].state == "RUNNING"
            assert made.gone == set()
            with pytest.raises(Unanswered):
                await made.submit(saved(tmp_path, job(RUN + "F", tmp_path)))
            slurm.start_controller()
            await until(made, RUN + "E", "COMPLETED")
            assert made.silent_since is None
            assert await made.find(RUN + "F") is None

        wait(story)


@pytest.fixture
def fakes(tmp_path: Path) -> Callable[..., Queue]:
    """Programs that print what they are told; each call is one line in `asked`."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(**said: str) -> Queue:
        for name, body in {
            "sacct": "echo 'Slurm accounting storage is disabled' >&2; exit 1",
            "scontrol": "true",
            **said,
        }.items():
            (folder / name).write_text(f"#!/bin/sh\necho {name} >> {shlex.quote(str(tmp_path / 'asked'))}\n{body}\n")
            (folder / name).chmod(0o755)
        return Queue(Programs({}, f"{folder}:/bin:/usr/bin"), "me", time.monotonic, time.time)

    return make


def line(run: str, state: str = "RUNNING", number: int = 7) -> str:
    return f"{number}|{state}|1795377883|1795377884|1795378484|n1|debug|1|None|{text.comment(run)}"


def test_two_hundred_runs_are_one_question_each_time(fakes: Callable[..., Queue], tmp_path: Path) -> None:
    async def story() -> None:
        runs = [f"01KAQ00000000000000000{n:04}" for n in range(200)]
        (tmp_path / "said").write_text("\n".join(line(run, number=n + 1) for n, run in enumerate(runs)))
        made = fakes(squeue=f"cat {tmp_path / 'said'}")
        for n, run in enumerate(runs):
            made.follow(run, n + 1)
        await made.look()
        await made.look()
        assert len(made.known) == 200
        assert (tmp_path / "asked").read_text().split() == ["squeue", "squeue"]

    wait(story)


def test_rubbish_and_failure_and_silence_change_nothing_that_is_known(fakes: Callable[..., Queue]) -> None:

    async def story() -> None:
        made = fakes(squeue=f"echo '{line(RUN + 'A')}'")
        made.follow(RUN + "A", 7)
        await made.look()
        for odd in ("echo rubbish", "echo oops >&2; exit 1", "kill -9 $$"):
            made = _with(made, fakes(squeue=odd))
            await made.look()
            assert made.known[RUN + "A"].state == "RUNNING"
            assert made.silent_since is not None
            assert made.due > queue.INTERVAL
        assert not made.gone

    wait(story)


def _with(known: Queue, other: Queue) -> Queue:
    other.known.update(known.known)
    other.follow(RUN + "A", 7)
    return other


def test_a_program_that_hangs_is_ended_with_all_that_it_has_started(fakes: Callable[..., Queue]) -> None:
    async def story() -> None:
        made = fakes(squeue="sleep 1000 & sleep 1000")
        began = time.monotonic()
        with pytest.raises(Unanswered, match="has not answered within 0"):
            await made._programs.run(["squeue"], limit=0.5)
        assert time.monotonic() - began < 30

    wait(story)


def test_a_job_of_which_nobody_knows_anything_is_gone_only_by_slurms_own_word(
    fakes: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_ACCOUNTED", -1.0)

    async def story() -> None:
        made = fakes(squeue="true", scontrol="exit 1")
        made.follow(RUN + "A", 7)
        await made.look()
        assert not made.gone
        made = _with(made, fakes(squeue="true", scontrol="echo JobId=9 JobState=RUNNING"))
        for _ in range(4):  # the queue, the accounting that is not there, and both kinds of question again
            assert not made.gone
            await made.look()
        assert made.gone == {RUN + "A"}

    wait(story)


def test_users_own_settings_do_not_reach_the_programs(tmp_path: Path) -> None:
    async def story() -> None:
        made = Programs(
            {"SQUEUE_FORMAT": "%i", "SBATCH_PARTITION": "x", "SLURM_CONF": "/c", "HOME": "/h", "PATH": os.environ["PATH"]}
        )
        said = (await made.run(["env"])).out
        assert "SQUEUE_FORMAT" not in said
        assert "SBATCH_PARTITION" not in said
        assert "SLURM_CONF=/c" in said
        assert "SLURM_TIME_FORMAT=%s" in said

    wait(story)


def test_a_submission_that_prints_no_number_may_have_happened(fakes: Callable[..., Queue]) -> None:
    async def story() -> None:
        for said in (
            "true",
            "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1",
        ):
            with pytest.raises(Unanswered):
                await fakes(sbatch=said).submit("/no/script")
        with pytest.raises(Refused, match="Requested node configuration is not available"):
            await fakes(
                sbatch="echo 'sbatch: error: Batch job submission failed: Requested node configuration is not available' >&2; exit 1"
            ).submit("/no/script")

    wait(story)
