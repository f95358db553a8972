"""A parallel code on two nodes of a cluster, from the page's own way in to its results; and in parts, where its time is over before it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mpi_environment import CODES
from tests.slurm_site import Site
from tests.system.cluster_kit import LIMIT, ClusterYard, events, reaches, yard_on
from tests.system.page_kit import wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]
PLATE: dict[str, Any] = {"size": 64, "steps": 500, "frames": 5, "pause": 0.0}
#: What is left of it, however many tasks and parts it was computed in.
HEAT = 204.556233
TWO_NODES = {"memory": 800 << 20, "batch": {"partition": "regular", "nodes": 2, "tasks": 4, "cpus_per_task": 1}}


@pytest.fixture(scope="module")
def yard(pool: Site) -> Iterator[ClusterYard]:
    with yard_on(pool, codes=CODES) as made:
        yield made


def test_a_parallel_code_computes_on_two_nodes(yard: ClusterYard, pool: Site) -> None:
    run = yard.send("heat", "spread", PLATE, resources=TWO_NODES)
    reaches(run, "completed")
    assert run.data["results"] == {"tasks": 4, "nodes": ["n1", "n2"], "heat": HEAT, "parts": 1}
    assert run.data["progress"]["frames"] == PLATE["frames"]
    assert len(run.report("plate", 4)["data"]) == 1
    assert b"step 500 of 500" in b"".join(run.log())


def test_a_run_that_is_told_that_its_time_is_over_goes_on_in_a_next_job_as_one_run(yard: ClusterYard, pool: Site) -> None:
    run = yard.send("heat", "spread", PLATE | {"frames": 100, "pause": 0.4}, resources=TWO_NODES)
    reaches(run, "running")
    wait_until(lambda: (run.refresh().data["progress"]["frames"] or 0) > 5, LIMIT)
    started, (first,) = run.data["started"], pool.submitted(run.id)
    pool.cluster.ask("scancel", "--batch", "--signal=USR1", first)
    wait_until(lambda: len(pool.submitted(run.id)) == 2, LIMIT)
    assert run.refresh().state == "running", run.data
    reaches(run, "completed")
    assert run.data["results"]["parts"] == 2
    assert run.data["results"]["heat"] == HEAT
    assert run.data["progress"]["frames"] == 100
    assert run.data["started"] == started
    told = [one["event"] for one in events(yard, pool, run) if one["event"] != "progress"]
    assert told == ["begun", "started", "paused", "begun", "resumed", "started", "final"]


def test_a_run_that_waits_for_its_next_part_can_be_canceled(yard: ClusterYard, pool: Site) -> None:
    run = yard.send("heat", "spread", PLATE | {"frames": 100, "pause": 0.4}, resources=TWO_NODES)
    wait_until(lambda: (run.refresh().data["progress"]["frames"] or 0) > 1, LIMIT)
    (first,) = pool.submitted(run.id)
    pool.cluster.ask("scontrol", "update", "PartitionName=regular", "State=DOWN")
    try:
        pool.cluster.ask("scancel", "--batch", "--signal=USR1", first)
        wait_until(lambda: len(pool.submitted(run.id)) == 2, LIMIT)
        assert run.refresh().state == "running"
        wait_until(lambda: "partition is down" in str((run.refresh().data["remote"] or {}).get("words")), LIMIT)
        run.cancel()
        reaches(run, "canceled")
    finally:
        pool.cluster.ask("scontrol", "update", "PartitionName=regular", "State=UP")
    wait_until(lambda: not pool.jobs(), LIMIT)
