"""A submission is never repeated and never lost: whoever is killed, and whenever, there is exactly one Slurm job."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from simyard.client import RemoteRun
from tests.slurm_site import WAITS, Site
from tests.system.cluster_kit import LIMIT, ClusterYard, reaches, supervisor, yard_on
from tests.system.page_kit import wait_until
from tests.system.targets import kill as end

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]
SECOND = {"how": "slow", "seconds": 1}


@pytest.fixture(scope="module")
def yard(pool: Site) -> Iterator[ClusterYard]:
    with yard_on(pool) as made:
        yield made


def kill(yard: ClusterYard, who: str) -> None:
    """Kill -9, and wait for the next one."""
    if who == "supervisor":
        old = yard.kill("supervisor")
        wait_until(lambda: supervisor(yard) not in {0, old}, LIMIT)
    else:
        old = end(yard.agent)
        wait_until(lambda: yard.agent not in {0, old}, LIMIT)


def has_one_job(pool: Site, run: RemoteRun) -> None:
    assert len(pool.submitted(run.id)) == 1
    assert run.remote["job"] == pool.submitted(run.id)[0]


@pytest.mark.parametrize("who", ["supervisor", "agent"])
def test_killed_as_soon_as_it_was_asked_for(yard: ClusterYard, pool: Site, who: str) -> None:
    run = yard.send("trouble", "later", SECOND)
    kill(yard, who)
    reaches(run, "completed")
    has_one_job(pool, run)


@pytest.mark.parametrize("who", ["supervisor", "agent"])
@pytest.mark.parametrize("moment", ["sbatch", "sbatch-after"])
def test_killed_while_sbatch_has_not_submitted_yet_or_has_and_not_answered(
    yard: ClusterYard, pool: Site, moment: str, who: str
) -> None:
    with pool.fault(moment, WAITS):
        run = yard.send("trouble", "later", SECOND)
        wait_until(lambda: pool.reached, LIMIT)
        kill(yard, who)
        assert run.refresh().state == "starting" or moment == "sbatch-after"
    reaches(run, "completed")
    has_one_job(pool, run)


@pytest.mark.parametrize("who", ["supervisor", "agent"])
def test_killed_when_it_was_submitted(yard: ClusterYard, pool: Site, who: str) -> None:
    run = yard.slow(3)
    wait_until(lambda: pool.submitted(run.id), LIMIT)
    kill(yard, who)
    reaches(run, "completed")
    has_one_job(pool, run)


def test_an_answer_that_got_lost_is_found_again(yard: ClusterYard, pool: Site) -> None:
    words = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    with pool.fault("sbatch-after", f"status=1; echo '{words}' >&2"):
        run = yard.send("trouble", "later", SECOND)
        wait_until(lambda: pool.submitted(run.id), LIMIT)
        reaches(run, "completed")
    has_one_job(pool, run)


def test_a_refusal_ends_the_run_in_slurms_words(yard: ClusterYard) -> None:
    run = yard.send("trouble", "later", SECOND, resources={"batch": {"account": "nobody", "extra": ["--reservation=nothing"]}})
    reaches(run, "failed")
    assert "reservation" in run.reason.lower()
    assert run.data["cause"] == "start"


def test_slurm_begins_and_ends_and_so_do_we(yard: ClusterYard, pool: Site) -> None:
    run = yard.slow(20)
    reaches(run, "running")
    seen = time.time()
    said = dict(
        word.split("=", 1) for word in pool.cluster.ask("scontrol", "show", "job", run.remote["job"]).split() if "=" in word
    )
    begun = time.mktime(time.strptime(said["StartTime"], "%Y-%m-%dT%H:%M:%S"))
    # Slurm tells whole seconds; the limit itself is held by bench/
    assert seen - begun < LIMIT
    reaches(run, "completed")
