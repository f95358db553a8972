"""The script of a run: what is in it, and what is refused before Slurm is asked."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simyard.agent.slurm.script import script
from simyard.errors import InvalidRequest
from simyard.protocol.batch import Batch, Partition, Site, check

KNOWN = {
    "debug": Partition(
        name="debug", up=True, default=True, nodes=1, cores=2, time_limit=600.0, max_nodes=None, min_nodes=0, memory=None
    ),
    "regular": Partition(
        name="regular", up=True, default=False, nodes=8, cores=32, time_limit=86400.0, max_nodes=4, min_nodes=2, memory=4000 << 20
    ),
    "old": Partition(
        name="old", up=False, default=False, nodes=8, cores=32, time_limit=None, max_nodes=None, min_nodes=0, memory=None
    ),
}
FINE = Batch(partition="regular", nodes=2, tasks=8, cpus_per_task=2)
MEMORY, TIME = 2 << 30, 3600.0


def test_what_fits_goes_to_its_partition_and_what_names_none_to_the_default() -> None:
    assert check(FINE, MEMORY, TIME, KNOWN) is KNOWN["regular"]
    assert check(Batch(), 0, 0.0, KNOWN) is KNOWN["debug"]
    assert check(FINE, MEMORY, TIME, {}) is None


@pytest.mark.parametrize(
    "change, words",
    [
        ({"partition": "nope"}, "there are debug, old, regular"),
        ({"partition": "old"}, "takes no jobs now"),
        ({"partition": "a\nb"}, "cannot be the name of a partition"),
        ({"account": "-x"}, "cannot be the name of a account"),
        ({"nodes": 0}, "at least one node"),
        ({"nodes": 9, "tasks": 9}, "gives 4 at most"),
        ({"nodes": 1}, "2 nodes at least"),
        ({"tasks": 1}, "at least as many tasks"),
        ({"cpus_per_task": 8}, "has 32"),
        ({"memory": 5000 << 20}, "4000 MiB at most"),
        ({"time_limit": 90000.0}, "1-00:00:00 at most"),
        ({"time_limit": -1.0}, "less than none"),
        ({"extra": ("rm -rf /",)}, "no option of sbatch"),
        ({"extra": ("--exclusive\nrm -rf /",)}, "no option of sbatch"),
        ({"extra": ("--comment=other",)}, "set by Simyard itself"),
        ({"extra": ("-J other",)}, "set by Simyard itself"),
        ({"extra": ("-oother",)}, "set by Simyard itself"),
        ({"extra": ("--exclusive",) * 51}, "more than 50"),
    ],
)
def test_what_cannot_be_is_refused_in_words_before_slurm_is_asked(change: dict[str, Any], words: str) -> None:
    memory, time_limit = change.pop("memory", MEMORY), change.pop("time_limit", TIME)
    with pytest.raises(InvalidRequest) as refused:
        check(dataclasses.replace(FINE, **change), memory, time_limit, KNOWN)
    assert words in refused.value.detail


def made(
    wanted: Batch = FINE, directory: str = "/home/a b/runs/R", command: tuple[str, ...] = ("true",), memory: int = MEMORY
) -> str:
    return script(
        "R",
        directory,
        wanted,
        memory,
        TIME,
        site=Site(template=("#!/bin/sh", "#SBATCH --mail-type=NONE", "ulimit -c 0"), setup=("module load mpi",)),
        command=command,
    )


def test_the_script_has_the_sites_options_then_the_users_then_ours_and_the_command_last() -> None:
    lines = made(dataclasses.replace(FINE, extra=("--exclusive",))).splitlines()
    assert lines[0] == "#!/bin/bash"
    options = [line for line in lines if line.startswith("#SBATCH ")]
    assert options[:2] == ["#SBATCH --mail-type=NONE", "#SBATCH --exclusive"]
    assert "#SBATCH --comment=simyard:R" in options
    assert "#SBATCH --chdir='/home/a b/runs/R'" in options
    assert "#SBATCH --mem=2048M" in options
    assert "#SBATCH --time=0-01:00:00" in options
    assert lines[-3:] == ["ulimit -c 0", "module load mpi", "exec true"]


def test_memory_is_never_rounded_to_less_than_was_asked_for() -> None:
    assert "--mem=2M" in made(Batch(), memory=(1 << 20) + 1)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), min_size=1, max_size=4))
def test_no_word_of_the_command_is_anything_but_itself_to_the_shell(words: list[str]) -> None:
    last = made(command=("printf", "%s\\0", *words)).partition("\nexec ")[2]
    done = subprocess.run(["bash", "-c", "exec " + last], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words
