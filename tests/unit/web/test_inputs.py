"""What a code is given: shown before there is a run, and kept with the run."""

from __future__ import annotations

from typing import Any

import pytest

from simyard.protocol import asking
from simyard.protocol.targets import TargetList
from tests.unit.web.conftest import Web


def test_the_generated_input_of_a_simulation_is_asked_for_and_shown(web: Web) -> None:
    simulation = web.simulation(inputs={"size": 64})
    files = [
        {"name": "job", "text": "size = 64", "size": 9, "truncated": False},
        {"name": "grid.bin", "text": None, "size": 300, "truncated": False},
    ]
    web.supervisor.generated = {"command": ["solver", "job"], "files": files}
    answer = web.post(f"/simulations/{simulation['id']}/input", {"model": "evolve"})
    assert (answer.status_code, answer.json) == (200, {"command": ["solver", "job"], "files": files})
    question = next(one for one in web.supervisor.asked if isinstance(one, asking.ShowInput))
    assert question == asking.ShowInput(
        user="me", code="grayscott", model="evolve", inputs=simulation["inputs"], files={}, target="local"
    )
    assert not web.supervisor.runs


@pytest.mark.parametrize(
    "told", [None, [], {}, {"command": 1, "files": []}, {"command": None, "files": [{"name": 1}]}, {"command": None, "files": 3}]
)
def test_an_input_that_comes_damaged_is_not_shown(web: Web, told: Any) -> None:
    web.supervisor.generated = told
    answer = web.post(f"/simulations/{web.simulation()['id']}/input", {"model": "evolve"})
    assert (answer.status_code, answer.json["code"]) == (503, "malformed-input")


def test_a_model_that_the_code_has_not_got_is_refused_before_anybody_is_asked(web: Web) -> None:
    answer = web.post(f"/simulations/{web.simulation()['id']}/input", {"model": "nothing"})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown-model")


def test_what_a_run_was_made_of_outlives_its_simulation(web: Web) -> None:
    simulation = web.simulation(inputs={"size": 64})
    run = web.run(simulation["id"])
    web.supervisor.complete(run["id"])
    assert web.client.delete(f"/api/v1/simulations/{simulation['id']}?forever=true").status_code == 204
    answer = web.get(run["links"]["inputs"].removeprefix("/api/v1"))
    assert (answer.status_code, answer.json) == (200, {"inputs": simulation["inputs"], "files": {}, "sources": []})
    assert web.get("/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/inputs").status_code == 404


def test_targets_say_what_a_run_of_a_model_would_wait(web: Web) -> None:
    assert web.get("/targets?code=grayscott&model=evolve").json["items"][0]["wait"] == {"low": 0.0, "high": 0.0}
    question = [one for one in web.supervisor.asked if isinstance(one, TargetList)][-1]
    assert question == TargetList(user="me", code="grayscott", model="evolve")
    assert web.get("/targets").json["items"][0]["wait"] is None
