"""Two hundred runs of one user: Slurm is asked once for all of them each time, and no more often than its interval."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.slurm_site import Site
from tests.system.cluster_kit import NO_LOCAL, ClusterYard, yard_on
from tests.system.page_kit import wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(1200)]
RUNS = 200
INTERVAL = 3.0


@pytest.fixture
def yard(pool: Site) -> Iterator[ClusterYard]:
    with yard_on(pool, NO_LOCAL + pool.section(more=f"interval = {INTERVAL}\n")) as made:
        yield made


def test_slurm_is_asked_once_each_interval_however_many_runs_there_are(yard: ClusterYard, pool: Site) -> None:
    # held, so that each of them stays active
    held = {"batch": {"extra": ["--hold"]}}
    simulations = [yard.client.create_simulation("trouble", f"load {number}")["id"] for number in range(RUNS)]
    runs = [yard.client.start(simulation, "later", reuse=False, resources=held) for simulation in simulations]
    wait_until(lambda: len(pool.jobs()) == RUNS, 600)
    begun, before = time.time(), len(pool.calls("squeue", "sacct"))
    wait_until(lambda: len(pool.calls("squeue", "sacct")) >= before + 5, 150)
    # the one before the first, and the one that is just being asked, belong to other intervals
    passed = time.time() - begun
    asked = [float(line.split()[0]) for line in pool.calls("squeue", "sacct")]
    assert len([at for at in asked if begun <= at <= begun + passed]) <= passed / INTERVAL + 2
    assert {run.refresh().state for run in runs} == {"starting"}
    # all of them by one command: cancelling each is what `simyard down --stop-runs` does
    pool.cluster.ask("scancel", "--user", pool.account.name)
    wait_until(lambda: all(run.refresh().final for run in runs), 300)
    assert all("scancel" in run.reason for run in runs)
