"""A disk that is full, under the runs or under everything: what cannot be kept is said, what is not durable is not told, and it goes on
by itself once there is room."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simyard import alive
from simyard.client import Client, RemoteRun
from simyard.errors import SimyardError
from tests.system.bad_input_kit import (
    LIMIT,
    a_small_run_works,
    ask,
    condition,
    fill,
    is_ready,
    nothing_runs_of,
    refused,
    small_disk,
)
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import SIMYARD, Target, on_each_target_of_this_disk

pytestmark = pytest.mark.timeout(400)
API = "/api/v1"
#: A run takes no longer (seconds) on a machine that does other work as well.
LONG = 120
#: A mebibyte a frame, about one every fifth of a second.
FRAMES = {"size": 512, "steps": 500, "frames": 100}


@dataclass(frozen=True)
class Small:
    """A Simyard whose runs are on a file system of their own, with this much room."""

    yard: Yard
    disk: Path


@pytest.fixture
def small(tmp_path: Path, site_codes: Path, target: Target) -> Iterator[Small]:
    made = Yard(tmp_path / "h", site_codes, target)
    # before it is up: a container sees what is mounted when it is made
    with small_disk(made.home / "users" / "me" / "runs", "6m") as disk, made:
        yield Small(made, disk)


def start(yard: Yard, code: str, model: str, **inputs: Any) -> RemoteRun:
    simulation = yard.client.create_simulation(code, code, inputs=inputs)
    return yard.client.start(simulation["id"], model, reuse=False)


@on_each_target_of_this_disk
def test_a_run_that_fills_its_disk_fails_in_words_and_nothing_else_does(small: Small) -> None:
    yard, disk = small.yard, small.disk
    a_small_run_works(yard)
    who = condition(yard).processes
    run = start(yard, "grayscott", "evolve", **FRAMES).wait(timeout=LONG)
    assert run.state == "failed", run.data
    assert "The disk is full: free some space, then run it again" in run.reason
    assert run.data["ended"]
    assert run.data["progress"]["frames"] >= 1
    nothing_runs_of(run.id)
    # what there is can be fetched; what would have to be written is refused
    frames = [file for file in run.files() if file["path"].endswith(".npy")]
    assert frames
    with pytest.raises(SimyardError, match="The disk is full: free some space"):
        run.report("field", frame=0)

    full = fill(disk)
    refused_run = start(yard, "grayscott", "evolve", **FRAMES, seed=2).wait(timeout=LONG)
    assert refused_run.state == "failed", refused_run.data
    assert "disk" in refused_run.reason
    assert "full" in refused_run.reason
    assert not list(disk.glob(".*making"))
    nothing_runs_of(refused_run.id)

    full.unlink()
    for frame in frames[1:]:
        (disk / run.id / frame["path"]).unlink()
    assert run.report("field", frame=0)["data"]
    a_small_run_works(yard)
    assert condition(yard).processes == who, "nobody died of it"


@on_each_target_of_this_disk
def test_a_code_that_prints_until_the_disk_is_full_ends_with_a_final_event(small: Small) -> None:
    yard = small.yard
    a_small_run_works(yard)
    who = condition(yard).processes
    run = start(yard, "flood", "flood").wait(timeout=LONG)
    assert run.state in {"completed", "failed"}
    assert "disk" in f"{run.reason}{run.data['warnings']}", run.data
    nothing_runs_of(run.id)
    assert sum(map(len, run.log())) > 1 << 20
    assert condition(yard).processes == who


@on_each_target_of_this_disk
def test_while_nothing_can_be_made_durable_nothing_is_told_and_then_it_goes_on(
    tmp_path: Path, site_codes: Path, target: Target
) -> None:
    made = Yard(tmp_path / "h", site_codes, target)
    settings = (made.home / "simyard.toml").read_text()
    with small_disk(made.home, "24m") as disk:
        (disk / "simyard.toml").write_text(settings)
        with made as yard, Client(home=yard.home, patience=LONG) as other, ThreadPoolExecutor(1) as somebody:
            a_small_run_works(yard)
            who = condition(yard).processes
            simulation = yard.client.create_simulation("grayscott", "small", inputs={"size": 48, "steps": 400, "frames": 4})
            known = {run.id for run in yard.client.runs()}
            full = fill(disk)
            try:
                first = somebody.submit(other.start, simulation["id"], "evolve", reuse=False)
                wait_until(lambda: says(yard, "not-writing"), LIMIT)
                problem = refused(ask(yard, "GET", "/readyz"), 503, "not-writing", "disk")
                assert "free some space" in problem["detail"]
                # what is there can be read; what would be new is refused, with the reason
                assert {run.id for run in yard.client.runs()} == known, "nothing is told that is not durable"
                again = {"model": "evolve", "reuse": False}
                refused(ask(yard, "POST", f"{API}/simulations/{simulation['id']}/runs", again), 503, "not-writing", "disk")
                status, problem = ask(yard, "POST", f"{API}/simulations", {"code": "grayscott"})
                assert (status, problem["code"]) == (503, "database-full")
                assert "free some space" in problem["detail"]
                refused(ask(yard, "PUT", f"{API}/files/a.bin", b"x" * 100_000), 507, "disk-full", "Free some space")
                assert not first.done(), "whoever asked first is told nothing before it is durable"
            finally:
                full.unlink()
            wait_until(lambda: is_ready(yard), LIMIT)
            run = first.result(LONG).wait(timeout=LONG)
            assert run.state == "completed", run.data
            assert {run.id for run in yard.client.runs()} == known | {run.id}, "it was started once"
            a_small_run_works(yard)
            assert condition(yard).processes == who
            assert not list((disk / "users" / "me" / "files").rglob("*.part*"))

            # whoever dies meanwhile is started again for as long as it takes, by a keeper that needs no disk for that
            full = fill(disk)
            try:
                old = {yard.kill("web"), yard.kill("supervisor")}
                wait_until(lambda: not old & children(who["keeper"]), LIMIT)
                wait_until(lambda: len(children(who["keeper"])) == 2, LIMIT)
                assert alive.keeper(str(disk)) == who["keeper"]
            finally:
                full.unlink()
            wait_until(lambda: answers(yard) and set(condition(yard).processes.values()) >= children(who["keeper"]), LIMIT)
            assert {name: condition(yard).processes[name] for name in ("keeper", "agent")} == {
                name: who[name] for name in ("keeper", "agent")
            }
            a_small_run_works(yard)


def test_simyard_that_is_started_on_a_full_disk_says_so_and_leaves_nobody(tmp_path: Path) -> None:
    with small_disk(tmp_path / "h", "1m") as disk:
        fill(disk)
        for arguments in (["up", "--port", "0"], ["up", "--detach", "--port", "0"]):
            done = subprocess.run([SIMYARD, "--home", disk, *arguments], capture_output=True, text=True, check=False, timeout=60)
            said = done.stdout + done.stderr
            assert done.returncode in {1, 3}, said
            assert "Traceback" not in said
            assert "No space left on device" in said
            assert "Free some space" in said
            assert not alive.keeper(str(disk))


def says(yard: Yard, code: str) -> bool:
    """Whether that is why it is not ready; a machine that is busy makes it silent for other reasons too."""
    return bool(ask(yard, "GET", "/readyz")[1].get("code") == code)


def children(pid: int) -> set[int]:
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def answers(yard: Yard) -> bool:
    """Whether Simyard is ready; one that does not answer at all is not."""
    try:
        return is_ready(yard)
    except (OSError, http.client.HTTPException):
        return False
