"""`simyard up` and the commands that belong to it: what dies is started again, and nothing is left when it is down."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard import alive
from simyard.client import Client
from tests.system.page_kit import wait_until
from tests.system.targets import LOCAL, SIMYARD, Target, kill, on_each_target, simyard

pytestmark = pytest.mark.timeout(300)
LIMIT = 60.0
RESTS = b"agent.pyz\0rest\0"


def processes_of(home: Path) -> list[int]:
    """Everything that has the home folder in its command line or environment, but for what holds a container open until it is
    needed again."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                said = Path(entry.path, "cmdline").read_bytes() + Path(entry.path, "environ").read_bytes()
                if str(home).encode() in said and RESTS not in said:
                    found.append(int(entry.name))
    return found


@pytest.fixture
def home(tmp_path: Path, target: Target) -> Iterator[Path]:
    """A home folder; whatever runs for it is gone afterwards."""
    folder = tmp_path / "h"
    if target is not LOCAL:
        folder.mkdir(mode=0o700)
        (folder / "simyard.toml").write_text(target.settings)
    yield folder
    was_up = bool(alive.keeper(str(folder)))
    simyard(folder, "down", "--stop-runs")
    wait_until(lambda: processes_of(folder) == [], LIMIT)
    if was_up or not target.directory:
        wait_until(lambda: processes_of(target.root(folder)) == [], LIMIT)
    # else an agent on a cluster, where nobody was asked any more, leaves by itself when its patience ends


def up(home: Path) -> str:
    return str(json.loads(simyard(home, "up", "--detach", "--port", "0", "--json"))["url"])


def pid_of(home: Path, name: str) -> int:
    return int(alive.state(str(home))[name][0])


def test_up_is_up_once_and_says_where(home: Path) -> None:
    url = up(home)
    with urllib.request.urlopen(url, timeout=LIMIT) as page:
        assert page.status == 200
    said = simyard(home, "up", "--port", "0", status=3)
    assert "already running" in said
    assert url in said
    assert json.loads(simyard(home, "up", "--detach", "--json"))["url"] == url
    assert "for those of --codes, `simyard down` first" in simyard(home, "--codes", home, "up", "--detach")
    assert "--codes" not in simyard(home, "up", "--detach")
    assert url in simyard(home, "status")
    assert simyard(home, "open", "--print").startswith(f"{url}/login?once=")


def test_in_the_foreground_it_prints_an_address_that_works_and_ctrl_c_ends_it(home: Path) -> None:
    with subprocess.Popen([SIMYARD, "--home", home, "up", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = next(line.strip() for line in process.stdout if "login?once=" in line)
            with urllib.request.urlopen(address, timeout=LIMIT) as page:
                assert page.status == 200
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(LIMIT) == 0
        finally:
            process.kill()
    assert "Stopped." in rest
    wait_until(lambda: processes_of(home) == [], LIMIT)
    simyard(home, "status", status=3)


@pytest.mark.parametrize("name", ["web", "supervisor"])
def test_what_is_killed_is_started_again_at_the_same_address(home: Path, name: str) -> None:
    up(home)
    with Client(home=home) as client:
        for _ in range(3):
            before = pid_of(home, name)
            kill(before)
            # no request fails meanwhile: it waits
            assert client.targets()
            assert client.codes()
            wait_until(lambda before=before: pid_of(home, name) != before, LIMIT)


def test_a_keeper_that_is_killed_is_replaced_by_the_next_up(home: Path) -> None:
    up(home)
    web, supervisor = pid_of(home, "web"), pid_of(home, "supervisor")
    kill(pid_of(home, "keeper"))
    wait_until(lambda: not alive.keeper(str(home)), LIMIT)
    assert alive.start_time(web)
    up(home)
    assert not alive.start_time(web)
    assert not alive.start_time(supervisor)
    with Client(home=home) as client:
        assert client.targets()


@on_each_target
def test_runs_go_on_without_simyard_and_are_found_again(home: Path, target: Target) -> None:
    up(home)
    run = json.loads(
        simyard(home, "run", "grayscott", "--model", "evolve", "--set", "steps=1000000", "--set", "frames=1000", "--json")
    )
    with Client(home=home) as client:
        first = client.get_run(run["id"])
        wait_until(lambda: first.refresh().state == "running", LIMIT)
    said = simyard(home, "down")
    assert "1 run goes on" in said
    lock = str(target.root(home) / "runs" / run["id"] / "lock")
    job = alive.owner(lock)
    assert job
    up(home)
    with Client(home=home) as client:
        again = client.get_run(run["id"])
        assert again.state == "running"
        assert alive.owner(lock) == job
        simyard(home, "run", "cancel", run["id"])
        assert again.refresh().state == "canceled"


@on_each_target
def test_down_with_stop_runs_ends_even_what_goes_on_without_simyard(home: Path, target: Target) -> None:
    up(home)
    run = json.loads(simyard(home, "run", "grayscott", "--model", "evolve", "--set", "steps=1000000", "--json"))
    wait_until(lambda: '"running"' in simyard(home, "run", "show", run["id"], "--json"), LIMIT)
    simyard(home, "down")
    assert not target.directory or processes_of(target.root(home)) != []
    simyard(home, "down", "--stop-runs")
    assert processes_of(home) == []
    assert processes_of(target.root(home)) == []


def test_a_port_that_is_taken_is_said_in_words(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = simyard(home, "up", "--port", str(other.getsockname()[1]), status=1)
    assert "--port 0" in said


def test_a_part_that_cannot_start_is_given_up_with_its_last_words(home: Path) -> None:
    home.mkdir()
    (home / "simyard.toml").write_text('[database]\njobs = "sqlite:////proc/nowhere/jobs.db"\n')
    said = simyard(home, "up", "--port", "0", status=1)
    assert "The supervisor ends as soon as it is started" in said
    assert len(said) > 200, "its last words are there"
    assert processes_of(home) == []


@on_each_target
def test_a_run_from_the_terminal_ends_with_its_results_its_files_and_its_status(home: Path, tmp_path: Path) -> None:
    said = simyard(home, "run", "grayscott", "-m", "preview", "-e", "tiny", "--wait", "--out", str(tmp_path / "out"), "--up")
    assert "completed" in said
    assert "mean_v = " in said
    assert (tmp_path / "out" / "mass.csv").exists()
    run = json.loads(simyard(home, "run", "show", "last", "--json"))
    assert "identical run has completed" in simyard(home, "run", "grayscott", "-m", "preview", "-e", "tiny", "--wait")
    again = json.loads(simyard(home, "run", "grayscott", "-m", "preview", "-e", "tiny", "--wait", "--no-reuse", "--json"))
    assert again["id"] != run["id"]
    assert again["results"] == run["results"]
    simyard(home, "run", "report", "last", "--out", str(tmp_path / "r.html"))
    assert "Plotly.newPlot" in (tmp_path / "r.html").read_text()
    assert json.loads(simyard(home, "run", "report", "last"))["data"]
    assert "unknown-run" in simyard(home, "run", "show", "zzzz", status=4)


@on_each_target
def test_a_run_that_fails_or_is_canceled_says_so_with_its_status(home: Path, site_codes: Path, target: Target) -> None:
    home.mkdir(exist_ok=True)
    (home / "simyard.toml").write_text(f"codes_path = [{json.dumps(str(site_codes))}]\n{target.settings}")
    up(home)
    said = simyard(home, "run", "trouble", "--model", "later", "--set", "how=exit", "--wait", status=1)
    assert "exit status 3" in said
    assert "simyard run logs" in said
    assert "\nERROR: the mesh has 12 inverted cells\n" in simyard(home, "run", "logs", "last")
    slow = ("--model", "later", "--set", "how=slow", "--set", "seconds=50")
    run = json.loads(simyard(home, "run", "trouble", *slow, "--json"))
    with subprocess.Popen([SIMYARD, "--home", home, "run", "wait", run["id"]], stderr=subprocess.DEVNULL) as waiting:
        try:
            wait_until(lambda: '"running"' in simyard(home, "run", "show", run["id"], "--json"), LIMIT)
            simyard(home, "run", "cancel", run["id"])
            assert waiting.wait(LIMIT) == 130
        finally:
            waiting.kill()
