"""What a simulation takes from others: taken by content when a run starts, and how it stands with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from simyard.config import Config, WebConfig
from simyard.protocol import asking
from simyard.store.library import LibraryStore
from simyard.testing import FakeDoor, FakeSupervisor
from simyard.web.app import create_app, make_services
from tests.unit.web.conftest import LIMIT, Client, Web

CODES = Path(__file__).parents[2] / "system" / "codes"
OUT = "work/numbers.txt"


class Chain(Web):
    """A Web with a code whose output can be its input."""

    def new(self, name: str, **inputs: Any) -> str:
        answer = self.post("/simulations", {"code": "relay", "name": name, "inputs": inputs})
        assert answer.status_code == 201, answer.json
        return str(answer.json["id"])

    def set(self, simulation: str, **inputs: Any) -> Any:
        return self.client.patch(f"/api/v1/simulations/{simulation}", json={"inputs": inputs})

    def start(self, simulation: str, **body: Any) -> Any:
        self.now[0] += 1
        return self.post(f"/simulations/{simulation}/runs", {"model": "pass", **body})

    def done(self, simulation: str, content: bytes = b"", **body: Any) -> str:
        """A run of it, completed, which has left this content."""
        answer = self.start(simulation, **body)
        assert answer.status_code == 202, answer.json
        run: str = answer.json["id"]
        self.supervisor.files[run] = {OUT: content}
        self.supervisor.complete(run)
        return run

    def standing(self, simulation: str, model: str = "") -> Any:
        (found,) = self.get(f"/simulations/{simulation}/sources?model={model}").json["items"]
        return found

    def state(self, simulation: str) -> tuple[str, str]:
        found = self.standing(simulation)
        assert found["detail"]
        return found["state"], found["why"]


def source(simulation: str, file: str = OUT, model: str = "pass") -> dict[str, str]:
    return {"simulation": simulation, "model": model, "file": file}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Chain]:
    config = Config(home=tmp_path, web=WebConfig(port=0, upload_limit=LIMIT), codes_path=(CODES,))
    supervisor, now = FakeSupervisor(), [1_800_000_000.0]
    services = make_services(config, "http://127.0.0.1:8760", door=FakeDoor(supervisor), now=lambda: now[0])
    app = create_app(services)
    app.test_client_class = Client
    yield Chain(app=app, services=services, supervisor=supervisor, now=now)
    services.close()


def test_a_run_takes_the_file_of_the_newest_run_and_says_which_it_was(web: Chain) -> None:
    a, b = web.new("first"), web.new("second")
    web.done(a, b"1\n")
    newest = web.done(a, b"2\n", reuse=False)
    assert web.set(b, numbers=source(a)).status_code == 200
    assert web.state(b) == ("current", "")
    run = web.done(b)
    inputs, files = web.supervisor.specs[run]
    assert (inputs["numbers"], files) == ("numbers.txt", {"numbers.txt": sha256(b"2\n")})
    assert web.services.blobs("me").path(sha256(b"2\n")).read_bytes() == b"2\n"
    told = web.get(f"/runs/{run}/inputs").json
    assert told["inputs"]["numbers"] == "numbers.txt"
    (taken,) = told["sources"]
    assert {key: taken[key] for key in ("input", "name", "run", "as", "sha256", "size", "simulation", "model", "file")} == {
        "input": "numbers", "name": "first", "run": newest, "as": "numbers.txt", "sha256": sha256(b"2\n"), "size": 2, **source(a),
    }  # fmt: skip
    assert web.standing(b)["taken"]["run"] == web.standing(b)["run"] == newest
    assert web.get(f"/runs/{newest}/inputs").json["sources"] == []


def test_it_is_out_of_date_once_the_source_has_a_newer_run_or_was_changed(web: Chain) -> None:
    a, b = web.new("first"), web.new("second")
    first = web.done(a, b"1\n")
    web.set(b, numbers=source(a))
    run = web.done(b)
    assert web.state(b) == ("current", "")
    web.set(a, factor=3)
    assert web.state(b) == ("out-of-date", "edited")
    again = web.done(b, reuse=False)
    assert web.get(f"/runs/{again}/inputs").json["sources"][0]["run"] == first, "it is the newest that there is"
    second = web.done(a, b"3\n")
    assert web.state(b) == ("out-of-date", "newer-run")
    assert "first" in web.standing(b)["detail"]
    third = web.done(b)
    assert third != run
    assert web.get(f"/runs/{third}/inputs").json["sources"][0]["run"] == second
    assert web.state(b) == ("current", "")
    # the source goes back to what it was, which it need not compute again
    web.set(a, factor=2)
    assert web.state(b) == ("out-of-date", "newer-run")
    answer = web.start(b)
    assert (answer.status_code, answer.json["reused"]) == (200, True)
    assert web.state(b) == ("current", "")


def test_each_model_has_taken_what_its_own_last_run_took(web: Chain) -> None:
    a, b = web.new("first"), web.new("second")
    web.done(a, b"1\n")
    web.set(b, numbers=source(a))
    web.done(b)
    web.done(a, b"2\n", reuse=False)
    web.done(b, model="glance")
    assert web.standing(b, "glance")["state"] == web.standing(b)["state"] == "current"
    assert web.standing(b, "pass")["state"] == "out-of-date"


def test_a_newer_run_with_the_same_content_is_current_once_it_was_looked_at(web: Chain) -> None:
    a, b = web.new("first"), web.new("second")
    web.done(a, b"1\n")
    web.set(b, numbers=source(a))
    run = web.done(b)
    web.done(a, b"1\n", reuse=False)
    assert web.state(b) == ("out-of-date", "newer-run")
    answer = web.start(b)
    assert (answer.json["reused"], answer.json["id"]) == (True, run), "the same content is the same run"
    assert web.state(b) == ("current", "")


def test_a_run_that_another_simulation_has_made_counts_as_well(web: Chain) -> None:
    a = web.new("first")
    run = web.done(a, b"1\n")
    copy = web.post(f"/simulations/{a}/copy", {}).json["id"]
    b = web.new("second", numbers=source(copy))
    assert (web.state(b), web.standing(b)["run"]) == (("current", ""), run)
    web.done(b)
    same = web.get(f"/simulations/{b}/same?model=pass").json["items"]
    assert len(same) == 1


def test_nothing_yet_says_what_to_do_and_refuses_the_run(web: Chain) -> None:
    a = web.new("first")
    b = web.new("second", numbers=source(a))
    assert web.state(b) == ("nothing-yet", "no-run")
    answer = web.start(b)
    assert (answer.status_code, answer.json["code"]) == (409, "source-nothing-yet")
    assert answer.json["detail"] == "“first” has no completed run of Pass on yet. Run that first, then this."
    assert "run" not in answer.json
    failed = web.start(a).json["id"]
    assert web.state(b) == ("nothing-yet", "no-run"), "what is not over has nothing to give"
    web.supervisor.files[failed] = {OUT: b"1\n"}
    web.supervisor.complete(failed)
    assert web.state(b) == ("current", "")
    assert web.get(f"/simulations/{b}/same?model=pass").json["items"] == []
    assert web.post(f"/simulations/{b}/input", {"model": "pass"}).status_code == 200
    shown = next(one for one in web.supervisor.asked if isinstance(one, asking.ShowInput))
    assert shown.inputs["numbers"] == "numbers.txt"
    assert shown.files == {"numbers.txt": sha256(b"1\n")}


def test_what_is_gone_is_named(web: Chain) -> None:
    a, b = web.new("first"), web.new("second")
    web.done(a, b"1\n")
    web.set(b, numbers=source(a, "work/other.txt"))
    assert web.state(b) == ("gone", "file")
    answer = web.start(b)
    assert (answer.status_code, answer.json["code"]) == (409, "source-gone")
    assert "other.txt" in answer.json["detail"]
    web.set(b, numbers=source(a))
    web.done(b)
    web.client.delete(f"/api/v1/simulations/{a}")
    assert web.state(b) == ("gone", "bin")
    assert web.start(b).json["why"] == "bin"
    web.client.delete(f"/api/v1/simulations/{a}?forever=true")
    assert web.state(b) == ("gone", "simulation")
    assert "first" in web.standing(b)["detail"]
    # what is gone must not stand in the way of other changes, and can be taken out
    assert web.set(b, factor=4).status_code == 200
    assert web.set(b, numbers=None).status_code == 200
    assert web.get(f"/simulations/{b}/sources").json["items"] == []


def test_a_chain_of_three_is_out_of_date_from_its_beginning(web: Chain) -> None:
    a, b, c = web.new("first"), web.new("second"), web.new("third")
    web.done(a, b"1\n")
    web.set(b, numbers=source(a))
    web.done(b, b"2\n")
    web.set(c, numbers=source(b))
    web.done(c)
    assert web.state(c) == ("current", "")
    web.done(a, b"7\n", reuse=False)
    assert web.state(b) == ("out-of-date", "newer-run")
    assert web.state(c) == ("out-of-date", "upstream")
    web.done(b, b"14\n")
    assert web.state(c) == ("out-of-date", "newer-run")
    web.done(c)
    assert web.state(c) == ("current", "")


def test_circles_are_refused_in_words(web: Chain) -> None:
    a, b, c = web.new("first"), web.new("second"), web.new("third")
    assert web.set(b, numbers=source(a)).status_code == 200
    assert web.set(c, numbers=source(b)).status_code == 200
    answer = web.set(a, factor=7, numbers=source(c))
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-source")
    assert "“first” would take from “third”, which takes from “second”" in answer.json["errors"]["numbers"]
    assert "copy it" in web.set(a, numbers=source(a)).json["detail"]
    assert web.get(f"/simulations/{a}").json["inputs"]["numbers"] == ""
    # nor by going back to an earlier save
    web.set(c, numbers="")
    web.set(a, numbers=source(c))
    assert web.client.patch(f"/api/v1/simulations/{c}", json={"restore": 2}).json["code"] == "invalid-source"


@pytest.mark.parametrize(
    "value",
    [{"simulation": "x"}, {"simulation": "x", "model": "pass", "file": OUT}, {**source("0" * 26), "file": "../in/numbers.txt"},
     {**source("0" * 26), "more": 1}, {**source("0" * 26), "model": 3}, {**source("0" * 26), "file": "a\nb"}, [], 3],
)  # fmt: skip
def test_what_is_no_source_is_refused(web: Chain, value: Any) -> None:
    answer = web.set(web.new("second"), numbers=value)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-input")


def test_a_source_that_is_not_there_or_not_of_this_user_is_refused(web: Chain) -> None:
    b = web.new("second")
    assert "no simulation" in web.set(b, numbers=source("0" * 26)).json["errors"]["numbers"]
    a = web.new("first")
    assert "it has pass, glance" in web.set(b, numbers=source(a, model="nothing")).json["errors"]["numbers"]
    web.client.delete(f"/api/v1/simulations/{a}")
    assert "bin" in web.set(b, numbers=source(a)).json["errors"]["numbers"]
    answer = web.post("/simulations", {"code": "relay", "inputs": {"numbers": source("0" * 26)}})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid-source")


def test_another_users_simulation_can_neither_be_named_nor_taken_from(web: Chain) -> None:
    a = web.new("secret")
    web.done(a, b"theirs\n")
    b = web.new("second", numbers=source(a))
    table = sa.table("simulation", sa.column("id"), sa.column("user"))
    with web.services.engine.begin() as connection:  # from now on it is somebody else's
        connection.execute(table.update().where(table.c.id == a).values(user="other"))
    assert web.state(b) == ("gone", "simulation")
    assert "secret" not in web.standing(b)["detail"]
    assert web.start(b).json["code"] == "source-gone"
    answer = web.set(web.new("third"), numbers=source(a))
    assert answer.json["errors"]["numbers"] == f"There is no simulation {a!r}."


def test_what_a_run_took_can_become_a_file_of_the_simulation(web: Chain) -> None:
    a = web.new("first")
    web.done(a, b"1\n")
    b = web.new("second", numbers=source(a))
    made = web.get(f"/runs/{web.done(b)}/inputs").json
    body = {"inputs": made["inputs"], "files": made["files"]}
    assert web.client.patch(f"/api/v1/simulations/{b}", json=body).json["files"]["numbers.txt"]["size"] == 2
    assert web.get(f"/simulations/{b}/sources").json["items"] == []
    assert web.start(b).json["reused"], "it is the same content"


def test_two_files_of_the_same_name_stay_two(web: Chain) -> None:
    a, c = web.new("first"), web.new("other")
    web.done(a, b"1\n")
    web.done(c, b"5\n", reuse=False)
    b = web.new("second", numbers=source(a), mode="shifted", shift=source(c))
    run = web.done(b)
    inputs, files = web.supervisor.specs[run]
    assert (inputs["numbers"], inputs["shift"]) == ("numbers.txt", "shift-numbers.txt")
    assert files == {"numbers.txt": sha256(b"1\n"), "shift-numbers.txt": sha256(b"5\n")}
    web.set(b, mode="plain")
    again = web.done(b)
    assert web.supervisor.specs[again][1] == {"numbers.txt": sha256(b"1\n")}, "what is not shown is not taken"
    assert [one["input"] for one in web.get(f"/simulations/{b}/sources").json["items"]] == ["numbers"]


def test_a_file_that_is_too_large_is_refused_and_nothing_is_kept(web: Chain) -> None:
    a = web.new("first")
    web.done(a, b"1" * (LIMIT + 1))
    b = web.new("second", numbers=source(a))
    answer = web.start(b)
    assert (answer.status_code, answer.json["code"]) == (413, "too-large")
    assert not [path for path in (web.services.config.home / "users").rglob("*") if path.is_file()]


def test_a_content_stays_while_a_run_has_taken_it_and_goes_with_the_last(web: Chain) -> None:
    a = web.new("first")
    web.done(a, b"1\n")
    b = web.new("second", numbers=source(a))
    run = web.done(b)
    assert LibraryStore(web.services.engine).named("me", sha256(b"1\n"))
    assert web.client.delete(f"/api/v1/runs/{run}").status_code == 204
    assert not LibraryStore(web.services.engine).named("me", sha256(b"1\n"))
    assert web.services.sources.of_run("me", run) == []


def test_it_is_fetched_once(web: Chain) -> None:
    a = web.new("first")
    web.done(a, b"1\n")
    b = web.new("second", numbers=source(a))
    for factor in (1, 2, 3):
        web.set(b, factor=factor)
        web.done(b)
    fetched = [one for one in web.supervisor.asked if isinstance(one, asking.RunFile) and one.length < 0]
    assert len(fetched) == 1


def test_who_waits_is_told_of_the_end_and_a_repetition_records_what_the_run_took(web: Chain) -> None:
    a = web.new("first")
    first = web.done(a, b"1\n")
    b = web.new("second", numbers=source(a))
    web.supervisor.ends_at_once = True
    answer = web.post(f"/simulations/{b}/runs", {"model": "pass"}, headers={"Prefer": "wait=30", "Idempotency-Key": "k"})
    assert (answer.status_code, answer.json["new"], answer.headers["Preference-Applied"]) == (200, True, "wait=30")
    web.supervisor.ends_at_once = False
    web.done(a, b"2\n", reuse=False)
    again = web.post(f"/simulations/{b}/runs", {"model": "pass"}, headers={"Idempotency-Key": "k"})
    assert again.json["id"] == answer.json["id"]
    (taken,) = web.get(f"/runs/{answer.json['id']}/inputs").json["sources"]
    assert (taken["run"], taken["sha256"]) == (first, sha256(b"1\n"))
    assert web.state(b) == ("out-of-date", "newer-run")


def test_an_export_keeps_the_source_and_another_users_import_says_that_it_is_gone(web: Chain) -> None:
    a = web.new("first")
    b = web.new("second", numbers=source(a))
    data = web.get(f"/simulations/{b}/export").data
    web.client.delete(f"/api/v1/simulations/{a}?forever=true")
    made = web.client.post("/api/v1/simulations/import", data=data, content_type="application/zip")
    assert made.status_code == 201, made.json
    assert made.json["inputs"]["numbers"] == source(a)
    assert web.state(made.json["id"]) == ("gone", "simulation")
