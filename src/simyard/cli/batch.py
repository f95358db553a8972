"""What `simyard run` can ask of a cluster: the options of a batch system, as every site's users know them; and what a cluster says of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from simyard.cli.common import when

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--partition", help="On a cluster: the partition (`simyard target show NAME` lists them)."),
    click.option("--account", help="On a cluster: the account that pays for it."),
    click.option("--qos", help="On a cluster: the quality of service."),
    click.option("--constraint", help="On a cluster: what its nodes must have."),
    click.option("--nodes", type=click.IntRange(1), help="On a cluster: how many nodes."),
    click.option("--tasks", type=click.IntRange(1), help="On a cluster: how many tasks, of a code that runs on several."),
    click.option("--cpus-per-task", type=click.IntRange(1), help="On a cluster: how many cores each task has."),
    click.option("--gpus", type=click.IntRange(0), help="On a cluster: how many GPUs, all together."),
    click.option(
        "--sbatch",
        "extra",
        multiple=True,
        metavar="OPTION",
        help="On a cluster: a further option of sbatch, such as --sbatch=--exclusive.",
    ),
)


def batch_options(function: F) -> F:
    """The options, for a command that takes them by keyword (`chosen`, see `batch_of`)."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def batch_of(chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    """`resources.batch` of the API: what was chosen, and nothing else; None where nothing was."""
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()}
    return {name: value for name, value in said.items() if value is not None and value != []} or None


def on_cluster(remote: Mapping[str, Any], *, final: bool) -> str:
    """What a cluster says of a run, in one line; "" where it is on none."""
    words = [f"job {remote['job']}"] if remote.get("job") else []
    if not final:
        words += [str(remote["words"])] if remote.get("words") else []
        words += [f"the cluster has not answered since {when(remote['silent_since'])}"] if remote.get("silent_since") else []
    return "; ".join(words)


def asked_for(resources: Mapping[str, Any]) -> str:
    """What was chosen on a cluster, in one line; "" where nothing was."""
    batch = resources.get("batch")
    if not batch:
        return ""
    words = [f"{batch['nodes']} × node, {batch['tasks']} × task, {batch['cpus_per_task']} × core each"]
    words += [f"{batch['gpus']} × GPU"] if batch["gpus"] else []
    words += [f"{name} {batch[name]}" for name in ("partition", "account", "qos", "constraint") if batch[name]]
    return ", ".join([*words, *batch["extra"]])
