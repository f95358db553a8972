"""What a run on a cluster is made of beside what every run is: its code as an archive, the site's lines, and what Slurm is asked for. Pure."""

from __future__ import annotations

import dataclasses

from simyard.codes import environment
from simyard.codes.declaration import Declaration, Model
from simyard.config import ClusterCode, ClusterConfig
from simyard.errors import InvalidRequest
from simyard.protocol.batch import Batch, Site, check
from simyard.protocol.jobs import Kind, Resources
from simyard.protocol.targets import Target
from simyard.supervisor.core import ENDLESS, Place

#: Of a code that has `setup` lines there and needs a Python of its own: what they bring along.
_AFTER_SETUP = "python3"
#: Ten years, in seconds: no partition lets a job run longer.
_LONGEST = 10 * 365 * 86400.0


def site(cluster: ClusterConfig, code: str) -> Site:
    """What the cluster adds to the script of a run of this code."""
    return Site(template=tuple(cluster.template.splitlines()), setup=_of(cluster, code).setup, launcher=cluster.launcher)


def has_environment(cluster: ClusterConfig, declaration: Declaration) -> bool:
    """Whether this code runs in an environment that Simyard makes there: it names a Python of its own, and the site says nothing else."""
    settings = _of(cluster, declaration.name)
    return bool(declaration.python) and not settings.python and not settings.setup


def interpreter(cluster: ClusterConfig, declaration: Declaration, made: str) -> str:
    """The Python that runs this code there, "" for the agent's own; `made` is what the environment is called that Simyard makes for it."""
    settings = _of(cluster, declaration.name)
    if settings.python or not declaration.python:
        return settings.python
    return _AFTER_SETUP if settings.setup else environment.python(made)


def resources(cluster: ClusterConfig, place: Place, user: str, model: Model, asked: Resources | None) -> Resources:
    """What is asked of Slurm: what the user chose, else what the model declares and the site has set; checked against what the cluster has
    told of its partitions. Raises InvalidRequest with the next step."""
    wanted = asked or Resources(cores=model.cores, memory=model.memory)
    if wanted.cores < 1:
        raise InvalidRequest("invalid-resources", "A run needs at least one core.")
    chosen = wanted.batch or (Batch(tasks=wanted.cores) if model.parallel else Batch(cpus_per_task=wanted.cores))
    batch = dataclasses.replace(
        chosen,
        partition=chosen.partition or cluster.partition,
        account=chosen.account or cluster.account,
        qos=chosen.qos or cluster.qos,
        constraint=chosen.constraint or cluster.constraint,
        extra=chosen.extra or cluster.extra,
    )
    cores = batch.tasks * batch.cpus_per_task
    if cores > place.cores:
        raise InvalidRequest(
            "too-many-resources",
            f"{cores} cores were asked for, and all runs on {place.name} together may have {place.cores}. Ask for fewer tasks or cores.",
        )
    if max(cores, wanted.memory, batch.gpus) > ENDLESS or wanted.time_limit > _LONGEST:
        raise InvalidRequest("invalid-resources", "No cluster has so much. Ask for less.")
    partition = check(batch, wanted.memory, wanted.time_limit, place.partitions.get(user, {}))
    time_limit = wanted.time_limit or model.time_limit or (place.limits.quick_seconds if model.kind is Kind.QUICK else 0.0)
    if not wanted.time_limit and partition is not None and partition.time_limit is not None:
        time_limit = min(time_limit, partition.time_limit)  # nobody asked for more than it gives
    return Resources(cores=cores, memory=wanted.memory, time_limit=time_limit, batch=batch)


def shown(cluster: ClusterConfig | None, target: Target) -> Target:
    """The target as its users see it: the partition that the site's settings choose is the one that a run goes to when nobody says where."""
    if cluster is None or not cluster.partition:
        return target
    partitions = tuple(dataclasses.replace(one, default=one.name == cluster.partition) for one in target.partitions)
    return dataclasses.replace(target, partitions=partitions)


def _of(cluster: ClusterConfig, code: str) -> ClusterCode:
    return cluster.codes.get(code, ClusterCode())
