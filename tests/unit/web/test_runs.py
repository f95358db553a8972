"""Runs: started, waited for, explained, cancelled; what the supervisor says comes through unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from simyard.errors import Conflict, Unavailable
from simyard.protocol import asking
from simyard.protocol.jobs import Progress, Resources, State, Usage
from tests.unit.web.conftest import Web
from tests.unit.web.test_simulations import ABSENT, problem


def asked(web: Web, kind: type) -> Any:
    return next(one for one in reversed(web.supervisor.asked) if type(one) is kind)


def test_a_run_is_accepted_with_its_address(web: Web) -> None:
    simulation = web.simulation(inputs={"size": 64})
    answer = web.post(f"/simulations/{simulation['id']}/runs", {"model": "evolve"}, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202
    run = answer.json
    assert answer.headers["Location"] == run["links"]["self"] == f"/api/v1/runs/{run['id']}"
    assert (run["state"], run["new"], run["reused"], run["report"]) == ("pending", True, False, None)
    assert run["simulation_revision"] == simulation["revision"]
    assert run["reports"] == ["field", "mass"]
    assert "key" not in run
    question = asked(web, asking.RunSimulation)
    assert question == asking.RunSimulation(
        user="me",
        simulation=simulation["id"],
        simulation_revision=simulation["revision"],
        code="grayscott",
        model="evolve",
        inputs=simulation["inputs"],
        files={},
        key="k1",
    )


def test_what_a_run_reads_as(web: Web) -> None:
    run = web.run(web.simulation()["id"])
    web.supervisor.start(run["id"])
    web.supervisor.change(
        run["id"], progress=Progress(fraction=0.5, frames=3, message="half", memory=5, peak_memory=7), last_heard=1.5
    )
    usage = Usage(wall=2.0, cpu=1.5, peak_memory=1 << 20, exit_code=0)
    web.supervisor.change(
        run["id"],
        state=State.COMPLETED, ended=1_800_000_000.25, usage=usage, results={"q": 1}, warnings=("careful",), reason="It ended.",
    )  # fmt: skip
    found = web.get(f"/runs/{run['id']}").json
    assert found["progress"] == {
        "fraction": 0.5, "frames": 3, "message": "half", "eta": None, "memory": 5, "peak_memory": 7,
    }  # fmt: skip
    assert found["cause"] == ""
    assert found["usage"] == {"wall": 2.0, "cpu": 1.5, "peak_memory": 1 << 20, "exit_code": 0, "signal": None}
    assert (found["results"], found["warnings"], found["reason"]) == ({"q": 1}, ["careful"], "It ended.")
    assert (found["ended"], found["last_heard"]) == ("2027-01-15T08:00:00.250Z", "1970-01-01T00:00:01.500Z")
    assert found["revision"] > run["revision"]


def test_a_run_may_be_given_a_time_limit_and_says_which_it_has(web: Web) -> None:
    simulation = web.simulation()["id"]
    run = web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "resources": {"time_limit": 7.5}}).json
    question = asked(web, asking.RunSimulation)
    assert question.resources.time_limit == 7.5
    assert run["resources"]["time_limit"] == 7.5
    assert web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "resources": {"time_limit": 0}}).status_code == 422


@pytest.mark.parametrize(
    "figure, told",
    [
        ('{"data":[{"y":[1e999]}]}', {"data": [{"y": [float("inf")]}]}),
        ('{"data": [\n1]}', {"data": [1]}),
        ('{"data": [\n1e999]}', None),
        ('{"data": [NaN]}', None),
        ("[" * 100_000, None),
        ("", None),
    ],
)
def test_whatever_a_report_is_its_run_is_told(web: Web, monkeypatch: pytest.MonkeyPatch, figure: str, told: Any) -> None:
    web.supervisor.ends_at_once = True
    ask = web.services.door.ask

    def with_figure(question: Any, wait: float = 0.0) -> Any:
        answer = ask(question, wait)
        return replace(answer, report=figure) if isinstance(answer, asking.RunAnswer) else answer

    monkeypatch.setattr(web.services.door, "ask", with_figure)
    simulation = web.simulation()["id"]
    answer = web.post(f"/simulations/{simulation}/runs", {"model": "evolve"}, headers={"Prefer": "wait=5"})
    assert (answer.status_code, json.loads(answer.data)["report"]) == (200, told)
    answer = web.get(f"/runs/{answer.json['id']}", headers={"Prefer": "wait=5"})
    assert (answer.status_code, json.loads(answer.data)["report"]) == (200, told)


def test_a_failed_run_says_its_cause_for_programs(web: Web) -> None:
    run = web.run(web.simulation()["id"])
    web.supervisor.start(run["id"])
    web.supervisor.change(run["id"], state=State.FAILED, ended=1.0, reason="It ran out of memory.", cause="memory")
    assert web.get(f"/runs/{run['id']}").json["cause"] == "memory"


def test_runs_are_found_by_their_code(web: Web) -> None:
    run = web.run(web.simulation()["id"])
    assert [one["id"] for one in web.get("/runs?code=grayscott").json["items"]] == [run["id"]]
    assert web.get("/runs?code=other").json["items"] == []


def test_a_run_that_is_final_at_once_is_no_promise(web: Web) -> None:
    web.supervisor.ends_at_once = True
    simulation = web.simulation()["id"]
    answer = web.post(f"/simulations/{simulation}/runs", {"model": "evolve"}, headers={"Prefer": "respond-async, wait=5"})
    assert (answer.status_code, answer.json["state"]) == (200, "completed")
    assert answer.headers["Preference-Applied"] == "wait=5"
    again = web.post(f"/simulations/{simulation}/runs", {"model": "evolve"}).json
    assert (again["id"], again["new"], again["reused"]) == (answer.json["id"], False, True)
    other = web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "reuse": False}).json
    assert other["id"] != again["id"]


@pytest.mark.parametrize("prefer, wait", [("wait=3", 3), ("wait=100000", 60), ("foo; wait=2", 2), ("wait=x", 0), ("wait=-1", 0)])
def test_nobody_waits_for_longer_than_is_allowed(web: Web, prefer: str, wait: int) -> None:
    web.supervisor.ends_at_once = True
    web.post(f"/simulations/{web.simulation()['id']}/runs", {"model": "evolve"}, headers={"Prefer": prefer})
    assert asked(web, asking.RunSimulation).wait == wait


def test_an_active_run_of_the_same_inputs_is_the_answer(web: Web) -> None:
    simulation = web.simulation()["id"]
    first = web.run(simulation)
    second = web.run(simulation)
    assert (second["id"], second["new"]) == (first["id"], False)


def test_an_active_run_of_other_inputs_is_in_the_way_and_can_be_superseded(web: Web) -> None:
    simulation = web.simulation()["id"]
    first = web.run(simulation)
    web.client.patch(f"/api/v1/simulations/{simulation}", json={"inputs": {"size": 64}})
    answer = web.post(f"/simulations/{simulation}/runs", {"model": "evolve"})
    assert problem(answer) == (409, "already-active")
    assert answer.json["location"] == f"/api/v1/runs/{first['id']}"
    assert web.run(simulation, supersede=True)["id"] != first["id"]
    assert web.get(f"/runs/{first['id']}").json["state"] == "canceled"


def test_resources_that_are_not_asked_for_are_those_of_the_model(web: Web) -> None:
    simulation = web.simulation()["id"]
    web.run(simulation, resources={"memory": 1 << 20})
    assert asked(web, asking.RunSimulation).resources == Resources(cores=1, memory=1 << 20)


@pytest.mark.parametrize(
    "body, code",
    [
        ({"model": "nothing"}, "unknown-model"),
        ({"model": "evolve", "target": "moon"}, "unknown-target"),
        ({"model": "evolve", "resources": {"cores": 0}}, "invalid-request"),
        ({"model": "evolve", "resources": {"cores": 1.5}}, "invalid-request"),
        ({"model": "evolve", "resources": {"gpus": 1}}, "invalid-request"),
        ({"model": "evolve", "reuse": "yes"}, "invalid-request"),
        ({}, "invalid-request"),
    ],
)
def test_a_run_that_cannot_be_is_named(web: Web, body: dict[str, Any], code: str) -> None:
    answer = web.post(f"/simulations/{web.simulation()['id']}/runs", body)
    assert problem(answer) == (422, code)
    assert web.supervisor.runs == {}


@pytest.mark.parametrize("key", ["a b", "x" * 201, "é"])
def test_a_key_that_is_none_is_refused(web: Web, key: str) -> None:
    answer = web.post(f"/simulations/{web.simulation()['id']}/runs", {"model": "evolve"}, headers={"Idempotency-Key": key})
    assert problem(answer) == (422, "invalid-key")


def test_the_same_key_is_the_same_run(web: Web) -> None:
    simulation = web.simulation()["id"]
    headers = {"Idempotency-Key": "once"}
    first = web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "reuse": False}, headers=headers).json
    web.supervisor.complete(first["id"])
    second = web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "reuse": False}, headers=headers).json
    assert (second["id"], second["new"]) == (first["id"], False)


def test_runs_are_listed_in_pages(web: Web) -> None:
    simulation = web.simulation()["id"]
    web.supervisor.ends_at_once = True
    made = [web.run(simulation, reuse=False)["id"] for _ in range(3)]
    page = web.get("/runs?limit=2&state=completed&model=evolve").json
    rest = web.get(f"/runs?limit=2&cursor={page['cursor']}&simulation={simulation}").json
    assert [one["id"] for one in page["items"] + rest["items"]] == sorted(made, reverse=True)
    assert rest["cursor"] == ""
    assert web.get("/runs?state=lost").json["items"] == []
    assert problem(web.get("/runs?state=done")) == (422, "invalid-request")
    assert problem(web.get("/runs?cursor=1")) == (422, "invalid-request")


def test_a_cancel_is_a_promise_until_it_is_done(web: Web) -> None:
    run = web.run(web.simulation()["id"])
    web.supervisor.start(run["id"])
    answer = web.post(f"/runs/{run['id']}/cancel")
    assert (answer.status_code, answer.json["state"]) == (202, "canceling")
    web.supervisor.change(run["id"], state=State.CANCELED)
    answer = web.post(f"/runs/{run['id']}/cancel")
    assert (answer.status_code, answer.json["state"]) == (200, "canceled")


def test_why_a_run_waits_is_told(web: Web) -> None:
    run = web.run(web.simulation()["id"])
    found = web.get(f"/runs/{run['id']}/explain").json
    assert found["position"] == 1
    assert found["gates"] == [{"gate": "resources", "passed": False, "detail": "The test has not started it."}]


@pytest.mark.parametrize("run", [ABSENT, "x", "%00", "..%2f..", "'", ABSENT + "0"])
@pytest.mark.parametrize("rest", ["", "/explain", "/log", "/files", "/files/a", "/bundle", "/reports/field"])
def test_a_run_that_is_not_there_is_not_found(web: Web, run: str, rest: str) -> None:
    assert problem(web.get(f"/runs/{run}{rest}"))[0] == 404


def test_an_error_of_the_supervisor_keeps_its_code(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    run = web.run(web.simulation()["id"])

    def fail(question: Any, wait: float = 0.0) -> None:
        raise Conflict("some-code", "Some words.", {"hint": [1, 2]})

    monkeypatch.setattr(web.services.door, "ask", fail)
    answer = web.post(f"/runs/{run['id']}/cancel")
    assert problem(answer) == (409, "some-code")
    assert answer.json["hint"] == [1, 2]


def test_without_a_supervisor_simulations_work_and_runs_say_why_not(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = web.simulation()

    def away(question: Any, wait: float = 0.0) -> None:
        raise Unavailable("supervisor-away", "It is away.")

    monkeypatch.setattr(web.services.door, "ask", away)
    assert web.get("/simulations").json["items"][0]["id"] == simulation["id"]
    assert web.client.patch(f"/api/v1/simulations/{simulation['id']}", json={"name": "x"}).status_code == 200
    answer = web.get("/runs")
    assert problem(answer) == (503, "supervisor-away")
    assert answer.headers["Retry-After"] == "1"
    assert problem(web.stranger.get("/readyz")) == (503, "supervisor-away")
    assert web.stranger.get("/healthz").status_code == 200


def test_a_supervisor_that_can_make_nothing_durable_is_not_ready(web: Web) -> None:
    web.supervisor.failing = "The disk is full."
    answer = web.stranger.get("/readyz")
    assert problem(answer) == (503, "not-writing")
    assert "The disk is full." in answer.json["detail"]
    web.supervisor.failing = ""
    assert web.stranger.get("/readyz").status_code == 200


def test_what_nobody_foresaw_is_a_problem_too(
    web: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(question: Any, wait: float = 0.0) -> None:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr(web.services.door, "ask", fail)
    answer = web.get("/runs")
    assert problem(answer) == (500, "internal-error")
    assert "secret words" not in answer.text
    assert "secret words" in caplog.text


@pytest.mark.parametrize(
    "method, path, status",
    [("GET", "/nowhere", 404), ("DELETE", "/codes", 405), ("PUT", "/runs", 405), ("GET", "//codes", 404), ("FOO", "/codes", 405)],
)
def test_addresses_and_methods_that_do_not_exist_are_problems(web: Web, method: str, path: str, status: int) -> None:
    answer = web.client.open(f"/api/v1{path}", method=method)
    assert problem(answer)[0] == status
    assert ("Allow" in answer.headers) == (status == 405)


def test_codes_are_told_with_what_is_broken(web: Web) -> None:
    found = web.get("/codes").json
    names = {one["name"]: one for one in found["items"]}
    assert names["grayscott"]["installed"] is True
    assert names["madx"]["installed"] is False
    assert names["madx"]["install"] == "simyard code install madx"
    assert found["broken"] == {}
    assert web.get("/codes/madx").json == names["madx"]
    assert problem(web.get("/codes/nothing")) == (404, "unknown-code")
    assert json.dumps(found)
