"""A chain of simulations that are really run, wherever runs go: what one has written is what the next one reads."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from simyard.client.runs import RemoteRun
from tests.system.page_kit import Yard
from tests.system.targets import on_each_target

pytestmark = [on_each_target, pytest.mark.timeout(240)]


def new(yard: Yard, name: str, **inputs: Any) -> dict[str, Any]:
    return yard.client.create_simulation("relay", name, inputs=inputs)


def run(yard: Yard, simulation: dict[str, Any], **options: Any) -> RemoteRun:
    ended = yard.client.start(simulation["id"], "pass", **options).wait(180)
    assert ended.state == "completed", ended.reason
    return ended


def states(yard: Yard, simulation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["state"], one["why"]) for one in yard.client.sources(simulation["id"])]


def test_what_one_has_written_the_next_one_reads_and_web_may_die_in_between(yard: Yard) -> None:
    client = yard.client
    first, second, third = new(yard, "one", factor=2), new(yard, "two", factor=10), new(yard, "three", factor=1)
    second = client.link(second, "numbers", first["id"], "numbers.txt", model="pass")
    third = client.link(third, "numbers", second["id"], "numbers.txt", model="pass")
    assert states(yard, third) == [("nothing-yet", "no-run")]
    one = run(yard, first)
    two = run(yard, second)
    yard.kill("web")
    three = run(yard, third)
    assert [each.data["results"]["sum"] for each in (one, two, three)] == [12, 120, 120]
    (taken,) = three.inputs()["sources"]
    content = b"20.0\n40.0\n60.0\n"
    assert (taken["run"], taken["name"], taken["sha256"]) == (two.id, "two", hashlib.sha256(content).hexdigest())
    assert states(yard, second) == states(yard, third) == [("current", "")]
    # what begins the chain changes: its end knows, and what is run again in order becomes current
    first = client.change_simulation(client.simulation(first["id"]), inputs={"factor": 3})
    assert states(yard, second) == [("out-of-date", "edited")]
    assert states(yard, third) == [("out-of-date", "upstream")]
    run(yard, first)
    assert states(yard, second) == [("out-of-date", "newer-run")]
    run(yard, second)
    assert states(yard, third) == [("out-of-date", "newer-run")]
    assert run(yard, third).data["results"]["sum"] == 180
    assert states(yard, third) == [("current", "")]
    # the first run stays what it was
    assert three.inputs()["sources"] == [taken]


def test_a_file_that_the_source_does_not_write_is_gone_and_says_so_before_anything_starts(yard: Yard) -> None:
    first = new(yard, "writes numbers", factor=5)
    second = yard.client.link(new(yard, "wants others"), "numbers", first["id"], "others.txt", model="pass")
    run(yard, first)
    assert states(yard, second) == [("gone", "file")]
    answer = yard.client.sources(second["id"])[0]["detail"]
    assert "has no file others.txt" in answer
    assert not list(yard.client.runs(simulation=second["id"]))
