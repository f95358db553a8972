"""Who writes a code: it is found by `simyard --codes`, read anew when it changes, and held to the contract on another target."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.client import Client
from tests.system.page_kit import wait_until
from tests.system.targets import SIMYARD, simyard

TOML = """\
title = "One"

[inputs.size]
type = "integer"
default = 1

[models.go]
kind = "long"
reports = ["curve"]
"""
PROGRAM = """\
import time


def prepare(run):
    return work


def work(run):
    for step in range(10):
        time.sleep(0.02)
        run.progress(step / 10.0)


def finish(run):
    return {"results": {"answer": run.inputs["size"]}}


def report(run, name, frame):
    return {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4]}]}
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A home folder with Simyard up, and the folder of a code that it was told of on the command line."""
    home, folder = tmp_path / "h", tmp_path / "live"
    home.mkdir(mode=0o700)
    (home / "simyard.toml").write_text('[targets.second]\nkind = "local"\n[targets.off]\nkind = "local"\nenabled = false\n')
    folder.mkdir()
    (folder / "code.toml").write_text(TOML)
    (folder / "code.py").write_text(PROGRAM)
    said = subprocess.run(
        [SIMYARD, "--home", str(home), "--codes", str(folder), "up", "--detach", "--port", "0"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120, env=clean(),
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    try:
        yield home, folder
    finally:
        simyard(home, "down", "--stop-runs")


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SIMYARD_")}


def held(home: Path, folder: Path, *options: str) -> dict[str, str]:
    """What `simyard code test` says is wrong, by what it has checked."""
    said = subprocess.run(
        [SIMYARD, "--home", str(home), "code", "test", str(folder), "--json", *options],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300, env=clean(),
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(said.stdout)
    assert said.returncode == (0 if all(one["passed"] for one in found) else 1)
    return {one["what"]: one["detail"] for one in found}


def test_a_code_is_held_to_the_contract_by_the_simyard_that_is_up(site: tuple[Path, Path]) -> None:
    home, folder = site
    found = held(home, folder, "--all-targets")
    assert set(found.values()) == {""}, found
    assert {"local: go: completes", "second: it can be run there", "second: go: completes"} <= set(found)
    assert {"second: go: report curve", "second: go: cancel is clean"} <= set(found)
    assert not any(what.startswith("off: ") for what in found)
    with Client(home=home) as client:
        assert list(client.runs()) == [], "nothing of it is left"
        assert list(client.simulations()) == []
    (folder / "code.py").write_text(PROGRAM.replace('"type": "scatter"', '"type": "scatterr"'))
    found = held(home, folder, "--target", "second", "--target", "nowhere")
    assert found["second: go: report curve"] == "data[0].type: 'scatterr' is no trace of Plotly's; did you mean 'scatter'?"
    assert "there are local, second, off" in found["nowhere: it is a target"]


def test_a_change_is_run_at_once_and_what_breaks_stays_as_it_was(site: tuple[Path, Path]) -> None:
    home, folder = site
    with Client(home=home) as client:
        assert client.run("live", "go").wait(60).results == {"answer": 1}
        (folder / "code.toml").write_text(TOML.replace("One", "Two") + '\n[inputs.more]\ntype = "number"\ndefault = 0.5\n')
        (folder / "code.py").write_text(PROGRAM.replace('run.inputs["size"]', 'run.inputs["size"] + run.inputs["more"]'))
        wait_until(lambda: client.code("live")["title"] == "Two", 60)
        assert client.run("live", "go", inputs={"more": 1.5}).wait(60).results == {"answer": 2.5}, "and so has the supervisor"
        (folder / "code.toml").write_text(TOML.replace('"long"', '"lang"'))
        broken = wait_for_broken(client)
        assert "code.toml, line 8: models.go.kind: 'lang' is not a kind; write one of quick, long." in broken
        assert client.code("live")["title"] == "Two"
        run = client.run("live", "go", inputs={"more": 3.5})
        assert run.wait(60).results == {"answer": 4.5}, "it can still be run"
        (folder / "code.toml").write_text(TOML.replace("One", "Three"))
        wait_until(lambda: client.code("live")["title"] == "Three", 60)


def wait_for_broken(client: Client) -> str:
    found: list[str] = []

    def told() -> bool:
        found[:] = [client.http.get("/api/v1/codes")["broken"].get("live", "")]
        return bool(found[0])

    wait_until(told, 60)
    return found[0]
