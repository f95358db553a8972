"""What a container that was tried out has, held against what it was to have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simyard.drivers.docker import trial
from simyard.drivers.docker.container import Limits, Room

ROOM = Room(
    site="s", user="nobody", image="simyard", root=Path("/r"), doors=Path("/d"), owner=(10001, 10001), idle=60,
    limits=Limits(memory=512 << 20, cores=1.5, processes=128, open_files=1024, tmp=1 << 20),
)  # fmt: skip
#: As a container had it on Debian 12, cgroup v1, where the kernel counts swap.
FIRST: dict[str, Any] = {
    "user": [10001, 10001], "capabilities": "0000000000000000", "no_new_privileges": "1", "seccomp": "2", "network": [],
    "read_only": True, "first": "docker-init", "memory": "536870912", "swap": "", "memory_and_swap": "536870912",
    "processes": "128", "cores": "150000 100000", "open_files": 1024, "core": 0,
}  # fmt: skip
#: The same as cgroup v2 says it.
SECOND = {**FIRST, "swap": "0", "memory_and_swap": ""}


@pytest.mark.parametrize("found", [FIRST, SECOND])
def test_a_container_with_all_that_it_was_to_have_lacks_nothing(found: dict[str, Any]) -> None:
    assert list(trial.lacking(found, ROOM)) == []


@pytest.mark.parametrize(
    "what, changed",
    [
        ("user", {"user": [0, 0]}),
        ("capabilities", {"capabilities": "00000000a80425fb"}),
        ("new privileges", {"no_new_privileges": "0"}),
        ("seccomp", {"seccomp": "0"}),
        ("network", {"network": ["eth0"]}),
        ("read-only root", {"read_only": False}),
        ("processes", {"processes": "max"}),
        ("open files", {"open_files": 1048576}),
        ("core dumps", {"core": -1}),
        ("memory", {"memory": "9223372036854771712"}),
        ("memory", {"memory": ""}),
        ("swap", {"memory_and_swap": "", "swap": ""}),
        ("swap", {"memory_and_swap": "", "swap": "max"}),
        ("cores", {"cores": "max 100000"}),
        ("cores", {"cores": "-1 100000"}),
        ("init", {"first": "python3"}),
    ],
)  # fmt: skip
def test_what_a_container_lacks_is_named(what: str, changed: dict[str, Any]) -> None:
    ((named, words),) = trial.lacking({**FIRST, **changed}, ROOM)
    assert named == what
    assert "a container" in words or "first process" in words


def test_a_container_that_says_nothing_is_no_proof_of_anything() -> None:
    assert [what for what, _ in trial.lacking({}, ROOM)] == ["trial"]
    assert len(list(trial.lacking({"x": 1}, ROOM))) > 8
