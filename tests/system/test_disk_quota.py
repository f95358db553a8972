"""A user's share of the disk: the run that goes over it ends in words and nothing else does, new runs wait, uploads are refused, and
all goes on once something was deleted."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from simyard.client import RemoteRun
from tests.system.bad_input_kit import a_small_run_works, ask, nothing_runs_of, refused
from tests.system.page_kit import Screen, Yard, wait_until
from tests.system.targets import LOCAL, Target, on_each_target_of_this_disk

pytestmark = pytest.mark.timeout(600)
MIB = 1 << 20
QUOTA = 40 * MIB
#: A mebibyte a frame, several a second, and next to nothing for a long time.
FILLER = {"size": 512, "steps": 4000, "frames": 800}
QUIET = {"size": 256, "steps": 1_000_000, "frames": 4}
LIMIT = 120


@pytest.fixture(scope="module")
def target(target: Target) -> Target:
    """That one, with a quota."""
    line = 'disk = "40 MiB"\ncores = 2\n'
    settings = (
        f"[targets.local]\n{line}" if target is LOCAL else target.settings.replace("[targets.box]\n", f"[targets.box]\n{line}")
    )
    return dataclasses.replace(target, settings=settings)


def start(yard: Yard, **inputs: Any) -> RemoteRun:
    simulation = yard.client.create_simulation("grayscott", "grayscott", inputs=inputs)
    return yard.client.start(simulation["id"], "evolve", reuse=False)


def delete(yard: Yard, run: RemoteRun) -> None:
    yard.client.http.json("DELETE", f"/api/v1/runs/{run.id}")


def disk(yard: Yard) -> dict[str, Any]:
    """What the target says of it."""
    (found,) = [one["disk"] for one in yard.client.targets() if one["name"] == yard.target.name]
    shown: dict[str, Any] = found
    return shown


@on_each_target_of_this_disk
def test_a_run_that_fills_its_users_share_ends_and_nothing_else_does(yard: Yard) -> None:
    a_small_run_works(yard)
    agent = yard.agent
    wait_until(lambda: disk(yard)["used"] is not None, LIMIT)
    quiet = start(yard, **QUIET)
    wait_until(lambda: quiet.refresh().state == "running", LIMIT)

    filler = start(yard, **FILLER).wait(timeout=LIMIT)
    assert (filler.state, filler.data["cause"]) == ("failed", "disk"), filler.data
    said = re.match(r"Disk quota: your files and runs take ([0-9.]+) of 40 MiB, ([0-9.]+) MiB of it this run's", filler.reason)
    assert said, filler.reason
    assert float(said[1]) >= 40
    assert "Delete runs or files that you do not need, or ask the site" in filler.reason
    assert filler.data["usage"]["wall"] > 0
    assert filler.data["progress"]["frames"] > 10
    nothing_runs_of(filler.id)
    assert quiet.refresh().state == "running"
    assert yard.agent == agent

    # what is new waits, in words, and is refused
    wait_until(lambda: (disk(yard)["used"] or 0) >= QUOTA, LIMIT)
    assert disk(yard)["quota"] == QUOTA
    waiting = start(yard, **{**QUIET, "steps": 40})
    explained = waiting.explain()
    assert explained["state"] == "pending"
    assert re.match(rf"Your files and runs on {yard.target.name} take [0-9.]+ of 40 MiB. Delete runs", explained["summary"])
    assert [gate["gate"] for gate in explained["gates"] if not gate["passed"]] == ["limits"]
    refused(ask(yard, "PUT", "/api/v1/files/a.bin", b"x" * 100_000), 507, "disk-quota", "of 40 MiB", "Delete some")
    assert re.search(r"[0-9.]+ of 40 MiB", yard.simyard("target", "list"))

    # and goes on once there is room
    delete(yard, filler)
    assert waiting.wait(timeout=LIMIT).state == "completed", waiting.data
    wait_until(lambda: (disk(yard)["used"] or QUOTA) < QUOTA // 2, LIMIT)
    assert ask(yard, "PUT", "/api/v1/files/a.bin", b"x" * 100_000)[0] == 201
    assert quiet.refresh().state == "running"
    assert quiet.cancel().wait(timeout=LIMIT).state == "canceled"
    assert yard.agent == agent


@on_each_target_of_this_disk
def test_a_single_file_cannot_become_larger_than_what_is_left(yard: Yard) -> None:
    simulation = yard.client.create_simulation("flood", "flood", inputs={})
    run = yard.client.start(simulation["id"], "flood", reuse=False).wait(timeout=LIMIT)
    assert (run.state, run.data["cause"]) == ("failed", "disk"), run.data
    nothing_runs_of(run.id)
    assert disk(yard)["used"] is not None
    assert sum(file["size"] for file in run.files()) < 2 * QUOTA
    delete(yard, run)
    wait_until(lambda: (disk(yard)["used"] or QUOTA) < QUOTA // 2, LIMIT)


@pytest.mark.parametrize("target", ["local"], indirect=True, scope="module")
def test_the_page_says_what_is_used_of_what_may_be(yard: Yard, screen: Screen) -> None:
    a_small_run_works(yard)
    wait_until(lambda: disk(yard)["used"] is not None, LIMIT)
    simulation = yard.client.create_simulation("grayscott", "shown", inputs={})
    screen.page.goto(f"/#/simulations/{simulation['id']}")
    screen.page.wait_for_selector(".workspace")
    screen.page.locator(".where-button").click()
    screen.page.get_by_text(re.compile(r"disk: [0-9.]+ \w+ of your 40 MiB taken")).wait_for()
    screen.picture("disk")
