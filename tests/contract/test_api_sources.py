"""Chains over the real API: a file of one simulation's run as another's input, by the client, the command line and plain HTTP."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.client import Client
from simyard.errors import Conflict, InvalidRequest
from tests.contract.api_kit import WebProcess, wait_for, web_process
from tests.system.targets import SIMYARD

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("api")]
CODES = Path(__file__).parents[1] / "system" / "codes"
OUT = "work/numbers.txt"


@pytest.fixture(scope="module")
def web() -> Iterator[WebProcess]:
    with web_process(f"codes_path = [{json.dumps(str(CODES))}]\n") as found:
        yield found


@pytest.fixture
def client(web: WebProcess) -> Iterator[Client]:
    with Client(web.url, web.token) as found:
        yield found


def simyard(web: WebProcess, *words: str, status: int = 0) -> str:
    environment = {"PATH": "/usr/bin:/bin", "SIMYARD_URL": web.url, "SIMYARD_TOKEN": web.token, "HOME": str(web.home)}
    done = subprocess.run([SIMYARD, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def done(web: WebProcess, client: Client, simulation: str, content: bytes = b"", **options: Any) -> str:
    """A run of the simulation, completed, which has left that content."""
    run = client.start(simulation, "pass", **options)
    web.supervisor.files[run.id] = {OUT: content}
    web.supervisor.complete(run.id)
    return run.id


def test_a_chain_of_two_goes_from_nothing_yet_to_current_to_out_of_date(web: WebProcess, client: Client) -> None:
    ring, track = client.create_simulation("relay", "ring"), client.create_simulation("relay", "track")
    with pytest.raises(InvalidRequest, match="pass, glance"):
        client.link(track, "numbers", ring["id"], "numbers.txt")
    track = client.link(track, "numbers", ring["id"], "numbers.txt", model="pass")
    assert track["inputs"]["numbers"] == {"simulation": ring["id"], "model": "pass", "file": OUT}
    assert [one["state"] for one in client.sources(track["id"])] == ["nothing-yet"]
    with pytest.raises(Conflict, match="has no completed run"):
        client.start(track["id"], "pass")
    content = b"1.5\n" * 100_000  # in many pieces
    source = done(web, client, ring["id"], content)
    taking = client.get_run(done(web, client, track["id"]))
    (taken,) = taking.inputs()["sources"]
    assert (taken["run"], taken["sha256"]) == (source, hashlib.sha256(content).hexdigest())
    assert taking.inputs()["files"] == {"numbers.txt": taken["sha256"]}
    assert [one["state"] for one in client.sources(track["id"])] == ["current"]
    done(web, client, ring["id"], b"2\n", reuse=False)
    (stands,) = client.sources(track["id"], "pass")
    assert (stands["state"], stands["why"], stands["taken"]["run"]) == ("out-of-date", "newer-run", source)


def test_the_command_line_links_and_says_how_it_stands(web: WebProcess, client: Client) -> None:
    first, second = (
        client.create_simulation("relay", "line one", inputs={"factor": 3}),
        client.create_simulation("relay", "line two"),
    )
    said = simyard(web, "sim", "link", "line two", "numbers", "line one", "numbers.txt", "--model", "pass")
    assert "numbers = numbers.txt of line one (Pass on): nothing-yet" in said
    assert "Run that first" in said
    assert "from itself" in simyard(web, "sim", "link", "line one", "numbers", "line two", "numbers.txt", "-m", "pass", status=4)
    done(web, client, first["id"], b"1\n")
    assert json.loads(simyard(web, "sim", "sources", second["id"], "--json"))[0]["state"] == "current"
    other = json.dumps({"simulation": first["id"], "model": "glance", "file": OUT})
    simyard(web, "sim", "set", "line two", f"numbers={other}")
    assert client.simulation(second["id"])["inputs"]["numbers"] == json.loads(other)
    simyard(web, "sim", "set", "line two", "numbers=")
    assert "takes nothing" in simyard(web, "sim", "sources", "line two")


def test_who_goes_away_while_it_waits_leaves_a_run_that_says_where_it_came_from(web: WebProcess, client: Client) -> None:
    first = client.create_simulation("relay", "left one", inputs={"factor": 4})
    source = done(web, client, first["id"], b"3\n")
    second = client.link(client.create_simulation("relay", "left two"), "numbers", first["id"], OUT, model="pass")
    connection = web.connect()
    headers = {"Authorization": f"Bearer {web.token}", "Prefer": "wait=60", "Content-Type": "application/json"}
    connection.request("POST", f"/api/v1/simulations/{second['id']}/runs", json.dumps({"model": "pass"}), headers)
    run = wait_for(lambda: next(iter(client.runs(simulation=second["id"])), None))
    connection.close()
    (taken,) = wait_for(lambda: run.inputs()["sources"])
    assert taken["run"] == source


def test_a_source_that_breaks_off_starts_nothing_and_keeps_nothing(web: WebProcess, client: Client) -> None:
    first = client.create_simulation("relay", "broken one", inputs={"factor": 7})
    source = done(web, client, first["id"], b"x" * 300_000)
    second = client.link(client.create_simulation("relay", "broken two"), "numbers", first["id"], OUT, model="pass")
    before = set(web.files_on_disk())
    web.supervisor.broken_off.add(source)
    answer = web.ask("POST", f"/simulations/{second['id']}/runs", {"model": "pass"})
    assert (answer.status, answer.json["code"]) == (503, "broken-off")
    assert not list(client.runs(simulation=second["id"]))
    assert set(web.files_on_disk()) == before
    web.supervisor.broken_off.clear()
    assert client.start(second["id"], "pass").state == "pending"


def test_no_stranger_sees_or_names_what_is_not_theirs(web: WebProcess, client: Client) -> None:
    mine = client.create_simulation("relay", "mine")
    with web.open("GET", f"/api/v1/simulations/{mine['id']}/sources", headers={"Authorization": "Bearer no"}) as response:
        assert response.status == 401
    assert web.ask("GET", "/simulations/01ARZ3NDEKTSV4RRFFQ69G5FAV/sources").status == 404
    wanted = {"numbers": {"simulation": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "model": "pass", "file": OUT}}
    answer = web.ask("PATCH", f"/simulations/{mine['id']}", {"inputs": wanted})
    assert (answer.status, answer.json["code"]) == (422, "invalid-source")
