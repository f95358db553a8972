"""What a run on a cluster is made of: what its user chose, else what its model and its site say, checked against the partitions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from simyard.codes.archive import Packed
from simyard.codes.declaration import Declaration, Model
from simyard.config import ClusterCode, ClusterConfig, Config, TargetConfig
from simyard.errors import InvalidRequest
from simyard.protocol.asking import RunSimulation
from simyard.protocol.batch import Batch, Partition, Site
from simyard.protocol.jobs import Kind, Resources, RunSpec
from simyard.protocol.targets import Target
from simyard.supervisor import cluster_plans, plans
from simyard.supervisor.core import ENDLESS, Place

GIB = 1 << 30
PACKED = Packed(code_dir="codes/ring-0123", archive="a" * 64, environment="ring-0123456789ab")
REGULAR = Partition(
    name="regular", up=True, default=True, nodes=2, cores=8, time_limit=3600.0, max_nodes=None, min_nodes=1, memory=4 * GIB
)


def code(python: str = "", **model: Any) -> Declaration:
    models = {
        "track": Model(name="track", title="Track", kind=Kind.LONG, **model),
        "quick": Model(name="quick", title="Q", kind=Kind.QUICK),
    }
    return Declaration(
        name="ring", folder=Path("/codes/ring"), title="Ring", version="1", python=python, requires=("cpymad",), models=models
    )


def plan(
    declaration: Declaration | None = None,
    resources: Resources | None = None,
    *,
    cluster: ClusterConfig | None = None,
    partitions: tuple[Partition, ...] = (),
    model: str = "track",
    cores: int = ENDLESS,
    user: str = "ann",
) -> RunSpec:
    config = Config(home=Path("/home"), clusters={"pool": cluster or ClusterConfig(host="pool")})
    place = Place(name="pool", limits=TargetConfig(kind="sbatch"), cores=cores, memory=ENDLESS)
    place.partitions["ann"] = {one.name: one for one in partitions}
    question = RunSimulation(
        user=user, simulation="s", simulation_revision="1", code="ring", model=model, inputs={}, files={}, target="pool",
        resources=resources,
    )  # fmt: skip
    return plans.plan(config, declaration or code(), {"pool": place}, question, PACKED)


def refused(*args: Any, **kwargs: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        plan(*args, **kwargs)
    return caught.value


def test_a_code_goes_there_as_an_archive_with_the_sites_lines() -> None:
    cluster = ClusterConfig(
        host="pool", template="#SBATCH --exclusive\numask 077\n", launcher=("srun", "--mpi=pmi2"),
        codes={"ring": ClusterCode(setup=("module load ring",), python="python3.11")},
    )  # fmt: skip
    spec = plan(cluster=cluster)
    assert (spec.code_dir, spec.archive, spec.python) == ("codes/ring-0123", "a" * 64, "python3.11")
    assert spec.site == Site(
        template=("#SBATCH --exclusive", "umask 077"), setup=("module load ring",), launcher=("srun", "--mpi=pmi2")
    )


def test_what_a_model_declares_is_what_slurm_is_asked_for() -> None:
    assert plan(code(cores=4, memory=2 * GIB, time_limit=600.0)).resources == Resources(
        cores=4, memory=2 * GIB, time_limit=600.0, batch=Batch(cpus_per_task=4)
    )
    spec = plan(code(cores=4, parallel=True, checkpoints=True))
    assert spec.resources.batch == Batch(tasks=4)
    assert (spec.parallel, spec.checkpoints) == (True, True)


def test_the_site_says_what_its_user_does_not() -> None:
    cluster = ClusterConfig(
        host="pool", partition="regular", account="beams", qos="normal", constraint="amd", extra=("--exclusive",)
    )
    left = plan(cluster=cluster, resources=Resources(batch=Batch(nodes=2, tasks=2))).resources
    assert left.batch == Batch(
        partition="regular", account="beams", qos="normal", constraint="amd", extra=("--exclusive",), nodes=2, tasks=2
    )
    chosen = Batch(
        partition="debug", account="other", qos="high", constraint="intel", extra=("--gres=tmp:1",), tasks=3, cpus_per_task=2
    )
    spec = plan(cluster=cluster, resources=Resources(batch=chosen))
    assert (spec.resources.batch, spec.resources.cores) == (chosen, 6)


def test_cores_without_more_are_those_of_one_task_or_tasks_where_it_is_parallel() -> None:
    assert plan(resources=Resources(cores=3)).resources.batch == Batch(cpus_per_task=3)
    assert plan(code(parallel=True), Resources(cores=3)).resources.batch == Batch(tasks=3)


def test_nothing_of_this_machine_limits_a_cluster() -> None:
    spec = plan(resources=Resources(memory=1 << 50, time_limit=90 * 86400.0, batch=Batch(tasks=100_000)))
    assert (spec.resources.cores, spec.resources.memory, spec.time_limit) == (100_000, 1 << 50, 90 * 86400.0)


def test_the_time_that_nobody_named_is_the_partitions() -> None:
    assert plan().time_limit == 0.0
    assert plan(partitions=(REGULAR,)).time_limit == 0.0
    assert plan(code(time_limit=86400.0), partitions=(REGULAR,)).time_limit == 3600.0
    assert plan(model="quick").time_limit == 120.0


@pytest.mark.parametrize(
    "asked, status",
    [
        (Resources(batch=Batch(partition="none")), "unknown-partition"),
        (Resources(batch=Batch(nodes=3, tasks=3)), "too-many-resources"),
        (Resources(batch=Batch(tasks=9)), "too-many-resources"),
        (Resources(memory=5 * GIB), "too-many-resources"),
        (Resources(time_limit=3601.0), "too-much-time"),
        (Resources(batch=Batch(account="a\n#SBATCH -x")), "invalid-resources"),
        (Resources(batch=Batch(extra=("--comment=mine",))), "invalid-resources"),
        (Resources(batch=Batch(tasks=0)), "invalid-resources"),
        (Resources(cores=0), "invalid-resources"),
        (Resources(memory=10**30), "invalid-resources"),
        (Resources(time_limit=1e300), "invalid-resources"),
        (Resources(batch=Batch(tasks=10**40)), "too-many-resources"),
    ],
)
def test_what_the_partitions_cannot_give_is_refused_before_it_is_submitted(asked: Resources, status: str) -> None:
    error = refused(resources=asked, partitions=(REGULAR,))
    assert error.code == status
    assert len(error.detail) < 400


def test_what_somebody_elses_cluster_account_was_told_counts_for_nobody_else() -> None:
    assert plan(resources=Resources(batch=Batch(partition="none")), partitions=(REGULAR,), user="bob").resources.batch


def test_the_partition_that_the_site_chooses_is_shown_as_the_one_that_runs_go_to() -> None:
    debug = dataclasses.replace(REGULAR, name="debug", default=False)
    target = Target(name="pool", kind="sbatch", state="ready", partitions=(REGULAR, debug))

    def usual(cluster: ClusterConfig | None) -> list[str]:
        return [one.name for one in cluster_plans.shown(cluster, target).partitions if one.default]

    assert usual(None) == usual(ClusterConfig(host="pool")) == ["regular"]
    assert usual(ClusterConfig(host="pool", partition="debug")) == ["debug"]


def test_a_site_may_limit_what_all_runs_there_have() -> None:
    assert "all runs on pool together may have 16" in refused(resources=Resources(batch=Batch(tasks=17)), cores=16).detail


def test_a_code_of_another_python_runs_in_an_environment_of_its_own_unless_the_site_says_otherwise() -> None:
    assert plan(code()).python == ""
    assert plan(code("madx")).python == "envs/ring-0123456789ab/bin/python"
    named = ClusterConfig(host="pool", codes={"ring": ClusterCode(python="/opt/madx/bin/python")})
    assert plan(code("madx"), cluster=named).python == "/opt/madx/bin/python"
    loads = ClusterConfig(host="pool", codes={"ring": ClusterCode(setup=("module load madx",))})
    assert plan(code("madx"), cluster=loads).python == "python3"
