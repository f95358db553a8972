"""What a user does with runs that are over: names, notes, pins; deleting; finding the one that is the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simyard.errors import Unavailable
from simyard.protocol.asking import RunDelete
from tests.unit.web.conftest import Web


def done(web: Web, **inputs: Any) -> dict[str, Any]:
    simulation = web.simulation(inputs=inputs)
    run = web.run(simulation["id"])
    web.supervisor.complete(run["id"])
    return run


def test_a_run_is_named_noted_and_pinned_and_reads_so_everywhere(web: Web) -> None:
    run = done(web)
    assert (run["name"], run["note"], run["pinned"], run["noted"]) == ("", "", False, None)
    answer = web.client.patch(f"/api/v1/runs/{run['id']}", json={"name": " Best so far ", "note": "two\nlines"})
    assert answer.status_code == 200
    web.now[0] += 5
    web.client.patch(f"/api/v1/runs/{run['id']}", json={"pinned": True})
    for found in (web.get(f"/runs/{run['id']}").json, web.get("/runs").json["items"][0]):
        assert (found["name"], found["note"], found["pinned"]) == ("Best so far", "two\nlines", True)
        assert found["noted"] == "2027-01-15T08:00:05.000Z"
    assert web.client.patch(f"/api/v1/runs/{run['id']}", json={"name": "", "pinned": False}).json["name"] == ""


@pytest.mark.parametrize(
    "body", [{"name": "x" * 201}, {"name": "two\nlines"}, {"note": "x" * 10_001}, {"pinned": 1}, {"other": 1}]
)
def test_what_is_no_note_is_refused(web: Web, body: dict[str, Any]) -> None:
    run = done(web)
    assert web.client.patch(f"/api/v1/runs/{run['id']}", json=body).status_code == 422


def test_another_users_run_can_be_neither_noted_nor_deleted(web: Web) -> None:
    run = done(web)
    web.supervisor.runs[run["id"]] = replace(web.supervisor.runs[run["id"]], user="somebody")
    assert web.client.patch(f"/api/v1/runs/{run['id']}", json={"pinned": True}).status_code == 404
    assert web.client.delete(f"/api/v1/runs/{run['id']}").status_code == 404
    assert web.client.delete("/api/v1/runs/nonsense").status_code == 404
    assert web.services.notes.of("me", run["id"]).updated is None


def test_a_run_is_deleted_with_its_note_and_not_while_it_is_active(web: Web) -> None:
    run = web.run(web.simulation()["id"])["id"]
    assert web.client.delete(f"/api/v1/runs/{run}").status_code == 409
    web.supervisor.complete(run)
    web.client.patch(f"/api/v1/runs/{run}", json={"name": "x"})
    assert web.client.delete(f"/api/v1/runs/{run}").status_code == 204
    assert web.get(f"/runs/{run}").status_code == 404
    assert web.services.notes.of("me", run).name == ""
    assert web.client.delete(f"/api/v1/runs/{run}").status_code == 404


def test_a_note_stays_where_the_supervisor_could_not_delete_the_run(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    run = done(web)["id"]
    web.client.patch(f"/api/v1/runs/{run}", json={"name": "x"})
    ask = web.services.door.ask

    def away(question: Any, wait: float = 0.0) -> Any:
        if isinstance(question, RunDelete):
            raise Unavailable("supervisor-away", "It is not there.")
        return ask(question, wait)

    monkeypatch.setattr(web.services.door, "ask", away)
    assert web.client.delete(f"/api/v1/runs/{run}").status_code == 503
    assert web.get(f"/runs/{run}").json["name"] == "x"


def test_the_run_that_is_the_same_is_found_without_starting_one(web: Web) -> None:
    simulation = web.simulation(inputs={"steps": 500})
    assert web.get(f"/simulations/{simulation['id']}/same?model=evolve").json["items"] == []
    run = done(web, steps=500)
    found = web.get(f"/simulations/{simulation['id']}/same?model=evolve").json["items"]
    assert [one["id"] for one in found] == [run["id"]]
    assert found[0]["simulation"] == run["simulation"] != simulation["id"]
    # one of its own goes first
    own = web.run(simulation["id"], reuse=False)
    web.supervisor.complete(own["id"])
    done(web, steps=500, frames=10)
    assert [one["id"] for one in web.get(f"/simulations/{simulation['id']}/same?model=evolve").json["items"]] == [own["id"]]
    assert web.get(f"/simulations/{simulation['id']}/same?model=nothing").status_code == 422
    assert len(web.supervisor.runs) == 3
