"""What a run asks of a batch system, what its partitions give, and the check of the one against the other, in words. Pure."""

from __future__ import annotations

import re
from typing import Mapping, Optional, Sequence, Tuple

from simyard.errors import InvalidRequest
from simyard.protocol.wire import message

#: What a name of Slurm's (a partition, an account, a QoS, a constraint) may hold: nothing that could end a line or begin an option.
_NAME = re.compile(r"[A-Za-z0-9_[(][A-Za-z0-9_.,:+=&|*\[\]()@/-]{0,199}")
#: Options that carry a run's identity or place, which nobody else may set.
_OURS = (
    "--comment",
    "--job-name",
    "--output",
    "--error",
    "--chdir",
    "--wrap",
    "--array",
    "--parsable",
    "-J",
    "-o",
    "-e",
    "-D",
    "-a",
)
_MOST_LINES = 50


@message
class Batch:
    """What a user chose beside memory (which is for one node) and time: "" and 0 are left to the cluster. `extra` are further
    options of sbatch, one each, such as `--exclusive`."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    nodes: int = 1
    tasks: int = 1
    cpus_per_task: int = 1
    gpus: int = 0
    extra: Tuple[str, ...] = ()


@message
class Site:
    """What a cluster adds to the script of a run: the site's `template` (lines: options that begin with `#SBATCH`, then shell),
    the code's `setup` there (shell lines, such as `module load madx`), and the words by which a parallel code is started
    (`launcher`, such as `srun`)."""

    template: Tuple[str, ...] = ()
    setup: Tuple[str, ...] = ()
    launcher: Tuple[str, ...] = ("srun",)


@message
class Partition:
    """What a partition takes. `time_limit` in seconds, `memory` in bytes for one node; None: no limit of its own."""

    name: str
    up: bool
    default: bool
    nodes: int
    cores: int
    time_limit: Optional[float]
    max_nodes: Optional[int]
    min_nodes: int
    memory: Optional[int]


def check(wanted: Batch, memory: int, time_limit: float, known: Mapping[str, Partition]) -> Optional[Partition]:
    """The partition that a run of so much `memory` (bytes for one node) and `time_limit` (seconds, 0: the partition's) goes to, None where the cluster has not told its partitions; raises InvalidRequest with the next step."""
    for what, name in (
        ("partition", wanted.partition),
        ("account", wanted.account),
        ("QoS", wanted.qos),
        ("constraint", wanted.constraint),
    ):
        if name and not _NAME.fullmatch(name):
            raise InvalidRequest("invalid-resources", f"{name[:100]!r} cannot be the name of a {what}.")
    for what, number in (("node", wanted.nodes), ("task", wanted.tasks), ("core for each task", wanted.cpus_per_task)):
        if number < 1:
            raise InvalidRequest("invalid-resources", f"A run needs at least one {what}.")
    if min(wanted.gpus, memory) < 0 or time_limit < 0:
        raise InvalidRequest("invalid-resources", "GPUs, memory and time cannot be less than none.")
    if wanted.tasks < wanted.nodes:
        raise InvalidRequest(
            "invalid-resources", f"{wanted.nodes} nodes need at least as many tasks; {wanted.tasks} were asked for."
        )
    _check_extra(wanted.extra)
    if not known:
        return None
    partition = known.get(wanted.partition) if wanted.partition else next((one for one in known.values() if one.default), None)
    if partition is None:
        words = f"There is no partition {wanted.partition!r}" if wanted.partition else "The cluster has no default partition"
        raise InvalidRequest("unknown-partition", f"{words}; there are {', '.join(sorted(known))}. Choose one of them.")
    _check_partition(wanted, memory, time_limit, partition)
    return partition


def _check_partition(wanted: Batch, memory: int, time_limit: float, there: Partition) -> None:
    name = there.name
    if not there.up:
        raise InvalidRequest("partition-down", f"The partition {name} takes no jobs now. Choose another, or wait for the site.")
    most = min(there.nodes, there.max_nodes if there.max_nodes is not None else there.nodes)
    if wanted.nodes > most:
        raise InvalidRequest(
            "too-many-resources",
            f"{wanted.nodes} nodes were asked for, and {name} gives {most} at most. Ask for fewer, or choose another partition.",
        )
    if wanted.nodes < there.min_nodes:
        raise InvalidRequest(
            "too-few-resources", f"{name} gives {there.min_nodes} nodes at least, and {wanted.nodes} were asked for."
        )
    if wanted.tasks * wanted.cpus_per_task > there.cores:
        raise InvalidRequest(
            "too-many-resources",
            f"{wanted.tasks * wanted.cpus_per_task} cores were asked for, and {name} has {there.cores}. Ask for fewer tasks or cores, or choose another partition.",
        )
    if there.memory is not None and memory > there.memory:
        raise InvalidRequest(
            "too-many-resources",
            f"{memory >> 20} MiB a node were asked for, and {name} gives {there.memory >> 20} MiB at most. Ask for less, or choose another partition.",
        )
    if there.time_limit is not None and time_limit > there.time_limit:
        raise InvalidRequest(
            "too-much-time",
            f"{as_time(time_limit)} was asked for, and {name} gives {as_time(there.time_limit)} at most. Ask for less, or choose another partition.",
        )


def _check_extra(lines: Sequence[str]) -> None:
    if len(lines) > _MOST_LINES:
        raise InvalidRequest("invalid-resources", f"There are more than {_MOST_LINES} further lines.")
    for line in lines:
        option = line.strip()
        if not option.startswith("-") or "\n" in line or "\r" in line or not line.isprintable() or len(line) > 500:
            raise InvalidRequest(
                "invalid-resources", f"{line[:100]!r} is no option of sbatch; one line each, such as --exclusive."
            )
        if re.split(r"[=\s]", option, maxsplit=1)[0] in _OURS or re.match(r"-[JoeDa]\S", option):
            raise InvalidRequest("invalid-resources", f"{option[:100]!r} is set by Simyard itself; leave it out.")


def as_time(seconds: float) -> str:
    """A time limit as sbatch wants it, in whole minutes, at least one."""
    minutes = max(1, -(-int(seconds) // 60))
    return f"{minutes // 1440}-{minutes % 1440 // 60:02}:{minutes % 60:02}:00"
