"""What a Docker host grants, read from what its daemon says of itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.contents import VERSION
from simyard.drivers.docker import granting
from simyard.drivers.docker.container import Limits
from simyard.drivers.docker.granting import BAD, GOOD, MISSING, Grant

#: The answer of a daemon 20.10 on Debian 12 (cgroup v1), as recorded.
INFO: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "docker-info.json").read_text())
LIMITS = Limits(memory=1 << 30, cores=2, processes=100, open_files=100, tmp=1 << 20)


def grants(limits: Limits = LIMITS, **changed: Any) -> dict[str, Grant]:
    found: dict[str, Grant] = {}
    for one in granting.of_engine({**copy.deepcopy(INFO), **changed}, limits):
        if one.what not in found or one.state != GOOD:
            found[one.what] = one
    return found


def test_a_daemon_that_grants_everything_has_nothing_bad_said_of_it() -> None:
    found = grants()
    assert {one.what for one in found.values() if one.state != GOOD} == {"disk quota"}
    assert "20.10" in found["daemon"].detail
    assert "cgroup v1" in found["daemon"].detail


@pytest.mark.parametrize(
    "what, state, changed",
    [
        ("memory", BAD, {"MemoryLimit": False}),
        ("swap", MISSING, {"SwapLimit": False}),
        ("cores", BAD, {"CpuCfsQuota": False}),
        ("processes", BAD, {"PidsLimit": False}),
        ("seccomp", BAD, {"SecurityOptions": []}),
        ("seccomp", BAD, {"SecurityOptions": ["name=seccomp,profile=unconfined"]}),
        ("user", BAD, {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}),
        ("user", BAD, {"SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"]}),
        ("init", BAD, {"InitBinary": ""}),
        ("network", BAD, {"Plugins": {"Network": ["bridge"]}}),
        ("daemon", BAD, {"OSType": "windows"}),
        ("warning", MISSING, {"Warnings": ["WARNING: No blkio throttle.read_bps_device support"]}),
    ],
)  # fmt: skip
def test_what_a_daemon_lacks_is_said(what: str, state: str, changed: dict[str, Any]) -> None:
    found = grants(**changed)
    assert found[what].state == state
    assert {one.what for one in found.values() if one.state != GOOD} == {what, "disk quota"}


def test_a_container_that_is_to_be_larger_than_its_host_is_told() -> None:
    large = Limits(memory=1 << 50, cores=64, processes=100, open_files=100, tmp=1 << 20)
    found = grants(large)
    assert found["cores"].state == MISSING
    assert "docker.cores" in found["cores"].detail
    assert found["memory"].state == MISSING


def test_the_image_is_told_from_one_that_is_missing_foreign_or_old() -> None:
    good = {"simyard.version": "1", "simyard.agent": VERSION}
    assert granting.of_image(good, "it").state == GOOD
    assert granting.of_image({**good, "simyard.agent": "older"}, "it").state == MISSING
    assert granting.of_image({}, "it").state == BAD
    assert "simyard image build" in granting.of_image(None, "it").detail


@given(
    st.dictionaries(st.sampled_from(sorted(INFO)), st.none() | st.booleans() | st.text() | st.integers() | st.lists(st.text()))
)
def test_whatever_a_daemon_says_is_read_and_what_it_does_not_say_is_not_granted(said: dict[str, Any]) -> None:
    found = list(granting.of_engine(said, LIMITS))
    if said.get("PidsLimit") is not True:
        assert any(one.what == "processes" and one.state == BAD for one in found)
