"""The script of a run: a site's template, what its user chose, and the job cmd at the end. Pure."""

from __future__ import annotations

import shlex
from typing import Sequence

from simyard.agent.slurm.text import comment, name
from simyard.protocol.batch import Batch, Site, as_time

#: A run that can be gone on with is told so long before its time is over (seconds); Slurm may tell it a minute earlier than that.
NOTICE = 120.0
#: Before the site's lines. srun has not taken --cpus-per-task over from the job since Slurm 22.05, and a login's key is no business of a code.
_FIRST = ("unset SLURM_JWT", 'export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"')


def script(
    run: str,
    directory: str,
    wanted: Batch,
    memory: int,
    time_limit: float,
    *,
    site: Site,
    command: Sequence[str],
    checkpoints: bool = False,
) -> str:
    """The text that sbatch is given. `memory` in bytes for one node, `time_limit` in seconds, 0 for what the cluster gives;
    `command` is the job cmd that runs on the first node. What is `wanted` was checked (protocol.batch.check). One that `checkpoints` is
    told before its time is over, and may be put back into the queue; every other would begin from nothing then, which nobody has asked for."""
    options = [
        f"--job-name={name(run)}",
        f"--comment={comment(run)}",
        f"--chdir={directory}",
        f"--output={directory.replace('%', '%%')}/slurm.out",
        "--open-mode=append",
        "--requeue" if checkpoints else "--no-requeue",
    ]
    options += [f"--signal=B:USR1@{notice(time_limit)}"] if checkpoints else []
    options += [f"--nodes={wanted.nodes}", f"--ntasks={wanted.tasks}", f"--cpus-per-task={wanted.cpus_per_task}"]
    for option, value in (
        ("partition", wanted.partition),
        ("account", wanted.account),
        ("qos", wanted.qos),
        ("constraint", wanted.constraint),
    ):
        options += [f"--{option}={value}"] if value else []
    # a whole number of mebibytes, never less than what was asked for
    options += [f"--mem={(memory + (1 << 20) - 1) >> 20}M"] if memory else []
    options += [f"--gpus={wanted.gpus}"] if wanted.gpus else []
    options += [f"--time={as_time(time_limit)}"] if time_limit else []
    given = [line for line in site.template if line.startswith("#SBATCH")]
    shell = [line for line in site.template if not line.startswith(("#SBATCH", "#!"))]
    # later options win: the site's first, then what the user chose, then what is ours
    lines = [
        "#!/bin/bash",
        *given,
        *(f"#SBATCH {line.strip()}" for line in wanted.extra),
        *(f"#SBATCH {_quoted(one)}" for one in options),
    ]
    # the signal ends a shell that still prepares; the job cmd hears it
    first = [*_FIRST, *(["trap '' USR1"] if checkpoints else [])]
    return "\n".join([*lines, *first, *shell, *site.setup, "exec " + shlex.join(command)]) + "\n"


def notice(time_limit: float) -> int:
    """How long before its end a run is told (seconds): not a large part of a short time."""
    return int(min(NOTICE, time_limit / 4)) if time_limit else int(NOTICE)


def _quoted(option: str) -> str:
    word, is_given, value = option.partition("=")
    return f"{word}={shlex.quote(value)}" if is_given else word
