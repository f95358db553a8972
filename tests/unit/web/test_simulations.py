"""Simulations: made, changed, kept, copied, deleted."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from simyard.protocol.jobs import State
from tests.unit.web.conftest import Web

ABSENT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def problem(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json", answer.data
    assert answer.json["status"] == answer.status_code
    assert answer.json["detail"]
    return answer.status_code, answer.json["code"]


def test_a_new_simulation_has_the_defaults_and_an_address(web: Web) -> None:
    answer = web.post("/simulations", {"code": "grayscott"})
    assert answer.status_code == 201
    found = answer.json
    assert found["name"] == "Gray–Scott"
    assert found["inputs"]["size"] == 192
    assert found["files"] == {}
    assert found["created"].endswith("Z")
    assert answer.headers["Location"] == found["links"]["self"] == f"/api/v1/simulations/{found['id']}"
    assert answer.headers["ETag"] == found["etag"]
    assert web.get(f"/simulations/{found['id']}").json == found


def test_an_example_is_where_inputs_begin(web: Web) -> None:
    code = web.get("/codes/grayscott").json
    example = code["examples"][0]
    found = web.simulation(example=example["name"], inputs={"size": 64})
    assert found["name"] == example["title"]
    assert found["inputs"] == {**{one["name"]: one["default"] for one in code["inputs"]}, **example["inputs"], "size": 64}


@pytest.mark.parametrize(
    "body, code",
    [
        ({"code": "nothing"}, "unknown-code"),
        ({"code": "grayscott", "example": "nothing"}, "unknown-example"),
        ({"code": "grayscott", "inputs": {"nothing": 1}}, "invalid-input"),
        ({"code": "grayscott", "inputs": {"size": "large"}}, "invalid-input"),
        ({"code": "grayscott", "inputs": {"size": 10**9}}, "invalid-input"),
        ({"code": "grayscott", "files": {"a.txt": "0" * 64}}, "unknown-content"),
        ({"code": "grayscott", "files": {"../a": "0" * 64}}, "invalid-name"),
        ({"code": "grayscott", "nane": "x"}, "invalid-request"),
        ({"code": "grayscott", "name": ""}, "invalid-request"),
        ({"code": "grayscott", "name": "a\nb"}, "invalid-request"),
        ({"code": 1}, "invalid-request"),
        ({}, "invalid-request"),
    ],
)
def test_what_cannot_be_is_named(web: Web, body: dict[str, Any], code: str) -> None:
    answer = web.post("/simulations", body)
    assert problem(answer) == (422, code)
    assert web.get("/simulations").json == {"items": [], "cursor": ""}


def test_errors_of_inputs_stand_beside_their_names(web: Web) -> None:
    answer = web.post("/simulations", {"code": "grayscott", "inputs": {"size": -1, "steps": "many"}})
    assert set(answer.json["errors"]) == {"size", "steps"}


@pytest.mark.parametrize(
    "data, content_type, status, code",
    [
        (b"[]", "application/json", 400, "malformed-json"),
        (b'"text"', "application/json", 400, "malformed-json"),
        (b"{", "application/json", 400, "malformed-json"),
        (b"\xff\xfe", "application/json", 400, "malformed-json"),
        (b'{"code": "a\\u0000b"}', "application/json", 400, "malformed-json"),
        (b'{"code": "\\ud800"}', "application/json", 400, "malformed-json"),
        (b'{"inputs": {"a": NaN}}', "application/json", 400, "malformed-json"),
        (b'{"inputs": {"a": 1e999}}', "application/json", 400, "malformed-json"),
        (b'{"inputs": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}", "application/json", 400, "malformed-json"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "application/json", 400, "malformed-json"),
        (b"code=grayscott", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b'{"code": "grayscott"}', "text/plain", 415, "unsupported-media-type"),
        (b"", "application/json", 400, "malformed-json"),
        (b" " * (4 << 20), "application/json", 413, "too-large"),
    ],
)
def test_a_body_that_is_not_what_it_should_be_is_refused(
    web: Web, data: bytes, content_type: str, status: int, code: str
) -> None:
    answer = web.client.post("/api/v1/simulations", data=data, content_type=content_type)
    assert problem(answer) == (status, code)


def test_a_change_changes_what_it_names_and_keeps_the_rest(web: Web) -> None:
    old = web.simulation(inputs={"size": 64, "seed": 5})
    answer = web.client.patch(f"/api/v1/simulations/{old['id']}", json={"inputs": {"size": None, "steps": 100}})
    assert answer.status_code == 200
    assert answer.json["inputs"] == {**old["inputs"], "size": 192, "steps": 100}
    assert answer.json["name"] == old["name"]
    assert answer.headers["ETag"] == answer.json["etag"] != old["etag"]


def test_a_change_of_what_somebody_else_has_changed_is_refused(web: Web) -> None:
    old = web.simulation()
    where = f"/api/v1/simulations/{old['id']}"
    assert web.client.patch(where, json={"name": "first"}, headers={"If-Match": old["etag"]}).status_code == 200
    answer = web.client.patch(where, json={"name": "second"}, headers={"If-Match": old["etag"]})
    assert problem(answer) == (412, "changed-meanwhile")
    assert answer.json["etag"] == '"2"'
    assert problem(web.client.delete(where, headers={"If-Match": old["etag"]})) == (412, "changed-meanwhile")
    assert web.client.patch(where, json={"name": "third"}, headers={"If-Match": 'W/"1", "2"'}).json["name"] == "third"
    assert web.client.patch(where, json={"name": "fourth"}).json["name"] == "fourth"


def test_a_change_that_is_wrong_changes_nothing(web: Web) -> None:
    old = web.simulation()
    where = f"/simulations/{old['id']}"
    answer = web.client.patch(f"/api/v1{where}", json={"name": "new", "inputs": {"size": -1}})
    assert problem(answer) == (422, "invalid-input")
    assert web.get(where).json == old


def test_a_change_that_changes_nothing_is_no_save(web: Web) -> None:
    old = web.simulation()
    answer = web.client.patch(f"/api/v1/simulations/{old['id']}", json={"name": old["name"], "inputs": old["inputs"]})
    assert answer.json == old


def test_who_has_the_newest_need_not_fetch_it_again(web: Web) -> None:
    old = web.simulation()
    assert web.get(f"/simulations/{old['id']}", headers={"If-None-Match": old["etag"]}).status_code == 304


def test_every_save_is_kept_and_named_by_its_content(web: Web) -> None:
    first = web.simulation(inputs={"size": 64})
    where = f"/api/v1/simulations/{first['id']}"
    second = web.client.patch(where, json={"inputs": {"size": 65}}).json
    third = web.client.patch(where, json={"inputs": {"size": 64}}).json
    assert third["revision"] == first["revision"] != second["revision"]
    web.client.patch(where, json={"name": "another name is not another content"})
    saves = web.get(f"/simulations/{first['id']}/revisions").json
    assert [(one["n"], one["revision"], one["inputs"]["size"]) for one in saves["items"]] == [
        (3, first["revision"], 64),
        (2, second["revision"], 65),
        (1, first["revision"], 64),
    ]
    page = web.get(f"/simulations/{first['id']}/revisions?limit=2").json
    rest = web.get(f"/simulations/{first['id']}/revisions?limit=2&cursor={page['cursor']}").json
    assert [one["n"] for one in page["items"] + rest["items"]] == [3, 2, 1]
    assert rest["cursor"] == ""


def test_a_copy_is_the_same_and_on_its_own(web: Web) -> None:
    old = web.simulation(inputs={"size": 64})
    copy = web.post(f"/simulations/{old['id']}/copy").json
    assert copy["id"] != old["id"]
    assert (copy["inputs"], copy["revision"], copy["name"]) == (old["inputs"], old["revision"], f"{old['name']} (copy)")
    assert web.post(f"/simulations/{old['id']}/copy", {"name": "mine"}).json["name"] == "mine"


def test_lists_come_in_pages_newest_first(web: Web) -> None:
    made = []
    for i in range(5):
        web.now[0] += 1
        made.append(web.simulation(name=f"no. {i}")["name"])
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = web.get(f"/simulations?limit=2&cursor={cursor}").json
        found += [one["name"] for one in page["items"]]
        cursor, pages = page["cursor"], pages + 1
    assert found == made[::-1]
    assert pages == 3
    assert web.get("/simulations?code=other").json["items"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=x", "unknown=1", "limit=1&limit="])
def test_a_wrong_query_is_refused(web: Web, query: str) -> None:
    answer = web.get(f"/simulations?{query}")
    assert answer.status_code == (200 if query == "limit=1&limit=" else 422)


@pytest.mark.parametrize("name", [ABSENT, "x", "%00", "..", "%2e%2e", "' OR 1=1", "01ARZ3NDEKTSV4RRFFQ69G5FA%C3%A9"])
def test_what_is_not_there_is_not_found(web: Web, name: str) -> None:
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/copy"), ("GET", "/revisions"), ("POST", "/runs")):
        json = {"model": "evolve"} if rest == "/runs" else {}
        answer = web.client.open(f"/api/v1/simulations/{name}{rest}", method=method, json=json)
        assert problem(answer)[0] == 404


def test_a_deleted_simulation_is_gone_and_its_runs_stay(web: Web) -> None:
    old = web.simulation()
    run = web.run(old["id"])
    answer = web.client.delete(f"/api/v1/simulations/{old['id']}")
    assert problem(answer) == (409, "simulation-active")
    assert answer.json["location"] == f"/api/v1/runs/{run['id']}"
    web.supervisor.complete(run["id"])
    assert web.client.delete(f"/api/v1/simulations/{old['id']}?forever=true").status_code == 204
    assert problem(web.get(f"/simulations/{old['id']}")) == (404, "unknown-simulation")
    assert web.get(f"/runs/{run['id']}").json["state"] == State.COMPLETED.value


def test_files_of_a_simulation_are_contents_that_were_uploaded(web: Web) -> None:
    old = web.simulation()
    where = f"/api/v1/simulations/{old['id']}"
    first = web.client.put(f"{where}/files/a.txt", data=b"one").json
    assert first["files"] == {"a.txt": {"sha256": hashlib.sha256(b"one").hexdigest(), "size": 3}}
    assert first["revision"] != old["revision"]
    sha256 = web.client.put("/api/v1/files/lib.txt", data=b"two").json["sha256"]
    second = web.client.patch(where, json={"files": {"b.txt": sha256, "a.txt": None}}).json
    assert list(second["files"]) == ["b.txt"]
    assert web.client.get(f"{where}/files/b.txt").data == b"two"
    assert problem(web.client.get(f"{where}/files/a.txt")) == (404, "unknown-file")
    assert web.client.delete(f"{where}/files/b.txt").json["files"] == {}


def test_a_file_in_use_survives_its_name_in_the_library(web: Web) -> None:
    sha256 = web.client.put("/api/v1/files/lib.txt", data=b"two").json["sha256"]
    found = web.simulation(files={"in.txt": sha256})
    web.now[0] += 1e6
    assert web.client.delete("/api/v1/files/lib.txt").status_code == 204
    assert web.get(f"/simulations/{found['id']}/files/in.txt").data == b"two"
    assert web.client.delete(f"/api/v1/simulations/{found['id']}?forever=true").status_code == 204
    assert not web.services.blobs("me").path(sha256).exists()


def test_going_back_to_a_save_is_a_save_of_its_own(web: Web) -> None:
    first = web.simulation(inputs={"size": 64})
    where = f"/api/v1/simulations/{first['id']}"
    web.client.patch(where, json={"inputs": {"size": 65}})
    web.client.put(f"{where}/files/a.txt", data=b"one")
    back = web.client.patch(where, json={"restore": 1})
    assert back.status_code == 200
    assert (back.json["inputs"], back.json["files"], back.json["revision"]) == (first["inputs"], {}, first["revision"])
    forth = web.client.patch(where, json={"restore": 3}).json
    assert (forth["inputs"]["size"], list(forth["files"])) == (65, ["a.txt"])
    saves = web.get(f"/simulations/{first['id']}/revisions").json["items"]
    assert [(one["n"], one["restores"]) for one in saves] == [(5, 3), (4, 1), (3, None), (2, None), (1, None)]


def test_a_save_that_cannot_be_gone_back_to_is_named(web: Web) -> None:
    old = web.simulation()
    where = f"/api/v1/simulations/{old['id']}"
    assert problem(web.client.patch(where, json={"restore": 2})) == (422, "unknown-save")
    assert problem(web.client.patch(where, json={"restore": 0})) == (422, "invalid-request")
    assert problem(web.client.patch(where, json={"restore": 1, "inputs": {"size": 64}})) == (422, "invalid-request")
    assert web.client.patch(where, json={"restore": 1}).json == old  # it is what it is: no save
