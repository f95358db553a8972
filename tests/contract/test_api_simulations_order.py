"""Folders, tags, the bin, export and import, as the real web process, the Python client and the command line have them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.client import Client
from simyard.errors import Conflict, SimyardError
from tests.contract.api_kit import WebProcess, web_process

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("api")]
SIMYARD = Path(sys.executable).parent / "simyard"
LIMIT = 64 << 20


@pytest.fixture(scope="module")
def web() -> Iterator[WebProcess]:
    with web_process(f"[web]\nupload_limit = {LIMIT}\n") as found:
        found.supervisor.ends_at_once = True
        yield found


@pytest.fixture
def client(web: WebProcess) -> Iterator[Client]:
    with Client(web.url, web.token) as found:
        yield found


def simyard(web: WebProcess, *arguments: str, status: int = 0) -> str:
    environment = {**os.environ, "SIMYARD_URL": web.url, "SIMYARD_TOKEN": web.token, "COLUMNS": "200"}
    done = subprocess.run([SIMYARD, *arguments], capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_client_puts_simulations_in_order(client: Client) -> None:
    one = client.create_simulation("grayscott", "in order")
    two = client.change_simulation(one, folder="a/b", tags=["x", "y"])
    assert [found["id"] for found in client.simulations(folder="a")] == [one["id"]]
    assert [found["id"] for found in client.simulations(tag="y", brief=True)] == [one["id"]]
    client.delete_simulation(one["id"])
    assert client.find_simulation("in order") is None
    with pytest.raises(Conflict, match="restore it first"):
        client.change_simulation({"id": one["id"]}, name="new")
    binned = client.find_simulation("in order", deleted=True)
    assert binned is not None
    assert binned["deleted"]
    assert client.restore_simulation(one["id"])["tags"] == two["tags"]
    client.delete_simulation(one["id"], forever=True)
    with pytest.raises(SimyardError, match="There is no simulation"):
        client.simulation(one["id"])


def test_the_command_line_does_too(web: WebProcess, tmp_path: Path) -> None:
    simyard(web, "sim", "new", "grayscott", "of the shell", "--set", "size=64")
    simyard(web, "sim", "set", "of the shell", "--folder", "shell/deep", "--tag", "one", "--tag", "two", "--untag", "two")
    listed = simyard(web, "sim", "list", "--folder", "shell", "--tag", "one")
    assert "shell/deep" in listed
    assert "of the shell" in listed
    assert "No simulation fits" in simyard(web, "sim", "list", "--tag", "two")
    assert "tagged one" in simyard(web, "sim", "show", "of the shell")
    file = tmp_path / "out.zip"
    assert str(file) in simyard(web, "sim", "export", "of the shell", "--out", str(file))
    said = simyard(web, "sim", "delete", "of the shell")
    assert "lies in the bin for 30 days" in said
    assert "simyard sim restore" in said
    assert "of the shell" in simyard(web, "sim", "list", "--deleted")
    simyard(web, "sim", "show", "of the shell", status=4)
    assert "of the shell" in simyard(web, "sim", "restore", "of the shell")
    assert "is gone" in simyard(web, "sim", "delete", "of the shell", "--forever", "--yes")
    made = json.loads(simyard(web, "sim", "import", str(file), "--json"))
    assert (made["name"], made["folder"], made["tags"], made["inputs"]["size"]) == ("of the shell", "shell/deep", ["one"], 64)
    assert "not-a-zip" in simyard(web, "sim", "import", __file__, "--json", status=4)


def test_a_large_simulation_leaves_and_comes_back_in_little_memory(web: WebProcess, client: Client, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(os.urandom(1 << 20) * 40)
    sha256 = client.upload(tmp_path / "big.bin")["sha256"]
    one = client.create_simulation("grayscott", "large", files={"big.bin": sha256})
    before = web.memory()
    file = client.export_simulation(one["id"], tmp_path / "large.zip")
    assert file.stat().st_size > 40 << 20
    again = client.import_simulation(file)
    assert again["files"] == one["files"]
    assert web.memory() - before < 24 << 20


def test_a_bomb_costs_neither_memory_nor_anybody_elses_time(web: WebProcess, client: Client) -> None:
    out = io.BytesIO()
    about = {"format": "simyard-simulation", "version": 1, "name": "n", "code": "grayscott"}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        made.writestr("simulation.json", json.dumps({**about, "files": {str(n): {"sha256": "0" * 64} for n in range(9)}}))
        for n in range(9):
            with made.open(f"files/{n}", "w") as entry:
                for _ in range(LIMIT >> 23):
                    entry.write(bytes(1 << 20))
    before, began = web.memory(), time.monotonic()
    answer = web.ask("POST", "/simulations/import", out.getvalue())
    assert (answer.status, answer.json["code"]) == (413, "too-large")
    assert web.memory() - before < 24 << 20
    assert time.monotonic() - began < 50
    assert web.ask("GET", "/session").status == 200


def test_a_brief_list_of_many_is_a_small_answer(web: WebProcess, client: Client) -> None:
    for n in range(100):
        client.http.json("POST", "/api/v1/simulations", body={"code": "madx", "name": f"n {n}"})
    whole = web.ask("GET", "/simulations?limit=100&code=madx").body
    brief = web.ask("GET", "/simulations?limit=100&code=madx&brief=true").body
    assert len(json.loads(brief)["items"]) == len(json.loads(whole)["items"]) == 100
    assert len(brief) < 100 * 700
    assert len(brief) * 1.5 < len(whole)
