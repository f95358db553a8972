"""Nothing that runs dies because something that watches died: real processes, killed at random moments."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard import alive
from simyard.client import Client, RemoteRun
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import Target, kill, on_each_target

pytestmark = on_each_target
#: Work for a minute on a calm machine of the kind that tests run on; several on a busy one.
MINUTE = {"size": 256, "steps": 110_000, "frames": 120}
#: For a run to have begun on a machine that does other work as well, in a container that is made for it (seconds).
START = 90.0
#: That minute of work, on such a machine (seconds).
LONG = 600.0
FINAL = {"completed", "failed", "canceled", "lost"}
chance = random.Random()


@pytest.fixture
def yard(tmp_path: Path, target: Target) -> Iterator[Yard]:
    codes = tmp_path / "codes"
    codes.mkdir()
    with Yard(tmp_path / "h", codes, target) as yard:
        yield yard


def start(yard: Yard, **inputs: Any) -> RemoteRun:
    simulation = yard.client.create_simulation("grayscott", "survival", inputs=inputs)
    return yard.client.start(simulation["id"], "evolve", reuse=False)


def job_cmd(yard: Yard, run: RemoteRun) -> int:
    return alive.owner(str(yard.run_dir(run.id) / "lock"))


def events(yard: Yard, run: RemoteRun) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (yard.run_dir(run.id) / "events.jsonl").read_text().splitlines()]


def state(yard: Yard, run: RemoteRun) -> str:
    return str(run.refresh().state)


def processes_of(run: RemoteRun) -> list[int]:
    """Everything that carries the run's mark in its environment, the job cmd's descendants included."""
    mark = f"SIMYARD_RUN={run.id}".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except OSError:
            continue
    return found


class Listener(threading.Thread):
    """Somebody who watches a run through every break."""

    def __init__(self, home: Path, run: str) -> None:
        super().__init__()
        self.run_id = run
        self.client = Client(home=home, patience=START)
        self.heard: list[dict[str, Any]] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for now in self.client.get_run(self.run_id).watch(timeout=LONG):
                self.heard.append(dict(now.data))
        except BaseException as error:  # handed on to the test
            self.error = error
        finally:
            self.client.http.close()


def settle(yard: Yard, name: str, old: int) -> None:
    """Until the product has started another `name`."""
    if name == "agent":
        wait_until(lambda: yard.agent not in {0, old}, START)
    else:
        wait_until(lambda: int(alive.state(str(yard.home)).get(name, ["0"])[0]) not in {0, old}, START)


@pytest.mark.timeout(900)
def test_a_run_of_a_minute_survives_kill_9_of_everything_that_watches_it(yard: Yard) -> None:
    run = start(yard, **MINUTE)
    listener = Listener(yard.home, run.id)
    listener.start()
    wait_until(lambda: job_cmd(yard, run), START)
    victims = ["web", "supervisor", "agent"] * 4
    kills = 0
    while victims and state(yard, run) not in FINAL:
        time.sleep(chance.uniform(0.0, 3.0))
        victim = victims.pop(0)
        pid = kill(yard.agent) if victim == "agent" else yard.kill(victim)
        settle(yard, victim, pid)
        kills += 1
    assert kills >= 9, "the run was over too soon to show anything"
    run.wait(timeout=LONG)
    listener.join(START)
    assert listener.error is None
    assert run.state == "completed", run.data

    written = events(yard, run)
    assert [event["n"] for event in written] == list(range(1, len(written) + 1)), "every event once, and in order"
    assert [event["event"] for event in written].count("final") == 1
    assert run.data["progress"]["frames"] == MINUTE["frames"]
    names = {file["path"] for file in run.files()}
    assert {f"work/frames/{n:05d}.npy" for n in range(MINUTE["frames"])} <= names
    assert run.report("field", frame=MINUTE["frames"] - 1)["data"]

    revisions = [heard["revision"] for heard in listener.heard]
    assert revisions == sorted(set(revisions)), "no state twice, none out of order"
    frames = [heard["progress"]["frames"] for heard in listener.heard]
    assert frames == sorted(frames)
    assert listener.heard[-1]["state"] == "completed"
    wait_until(lambda: not processes_of(run), START)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("moment", range(4))
def test_a_job_cmd_that_is_killed_is_named_and_leaves_nothing(yard: Yard, target: Target, moment: int) -> None:
    run = start(yard, **MINUTE)
    wait_until(lambda: job_cmd(yard, run), START)
    time.sleep(chance.uniform(0.0, 0.05 if moment % 2 else 2.0))
    kill(job_cmd(yard, run))
    wait_until(lambda: state(yard, run) in FINAL, target.notice)  # found soon: not only when somebody looks at everything
    assert run.state == "failed"
    # Slurm does not tell by which signal
    assert ("killed" if target.directory else "SIGKILL") in run.reason
    wait_until(lambda: not processes_of(run), START)
    assert events(yard, run)[-1]["event"] == "final"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("moment", range(4))
def test_a_cancel_is_confirmed_and_leaves_nothing_and_a_rerun_works(yard: Yard, moment: int) -> None:
    run = start(yard, **MINUTE)
    if moment:
        wait_until(lambda: job_cmd(yard, run), START)
        time.sleep(chance.uniform(0.0, 2.0))
    seen = run.cancel().state
    assert seen in {"canceling", "canceled"}
    again = yard.client.start(run.data["simulation"], "evolve", reuse=False)
    assert again.id != run.id
    run.wait(timeout=START)
    assert run.state == "canceled"
    wait_until(lambda: not processes_of(run), START)
    wait_until(lambda: state(yard, again) == "running", START)
    again.cancel()
    assert again.wait(timeout=START).state == "canceled"
    wait_until(lambda: not processes_of(again), START)


@pytest.mark.timeout(900)
def test_a_run_that_ends_while_the_supervisor_is_away_for_a_minute_has_its_true_end(yard: Yard) -> None:
    run = start(yard, size=128, steps=60_000, frames=10)
    wait_until(lambda: job_cmd(yard, run), START)
    yard.client.http.close()
    yard.simyard("down")
    away = time.monotonic()
    wait_until(lambda: events(yard, run)[-1]["event"] == "final", LONG)
    ended = events(yard, run)[-1]["at"]
    time.sleep(max(0.0, 60 - (time.monotonic() - away)))
    yard.__enter__()
    again = yard.client.get_run(run.id).wait(timeout=START)
    assert again.state == "completed"
    from simyard.clock import to_iso

    assert again.data["ended"] == to_iso(ended)
    assert time.time() - ended > 1
