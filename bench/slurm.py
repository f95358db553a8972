"""Runs on a Slurm cluster behind ssh: how long after Slurm has started and ended their jobs Simyard says so."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.figures import Row, median, ms
from bench.yard import Yard
from simyard.client import RemoteRun, sse
from simyard.client.http import path
from simyard.drivers.site import site_of
from tests.slurm_cluster import Cluster
from tests.slurm_site import PYTHON, Site, site
from tests.ssh_server import SSHD

#: Nothing has to be installed there for them.
CODES = Path(__file__).parent.parent / "tests" / "system" / "codes"
STARTED, ENDED = 2.0, 3.0
#: On a busy machine an agent is copied and started, and a run begun, in this time (seconds).
LONG = 120.0


@dataclass(frozen=True)
class Times:
    """Of one run, by the same clock: Slurm's as it tells it (whole seconds, rounded down) and as its controller has logged it, the job cmd's,
    and when a client heard of it."""

    told_started: float
    slurm_started: float
    started: float
    running: float
    told_ended: float
    slurm_ended: float
    ended: float
    completed: float


def slurm(times: int) -> list[Row]:
    """So many runs, one after the other. Needs root and the packages of tools/debian."""
    with _cluster() as there, Yard(settings=there.section(more=""), codes=CODES) as yard:
        heard = _Heard(yard)
        inputs = {"how": "slow", "seconds": 2.0}
        simulation = yard.client.create_simulation("trouble", "on a cluster", inputs=inputs)["id"]
        # the first one brings the agent and the code there
        _wait(yard.client.start(simulation, "later", target=there.name, reuse=False))
        _silence(_root(there, yard) / "agents" / there.name / "bell")
        found = []
        for _ in range(times):
            run = yard.client.start(simulation, "later", target=there.name, reuse=False)
            _wait(run)
            found.append(_times(there, yard, heard, run))
        heard.stop()
    return [
        _row("starts", "running", STARTED, [(one.told_started, one.slurm_started, one.started, one.running) for one in found]),
        _row("ends", "completed", ENDED, [(one.told_ended, one.slurm_ended, one.ended, one.completed) for one in found]),
    ]


def _row(does: str, state: str, limit: float, times: list[tuple[float, float, float, float]]) -> Row:
    told, logged, written = ([one[3] - one[index] for one in times] for index in range(3))
    return Row(
        what=f"Slurm {does} a run's job → the client has `{state}`, nobody rings from the compute node",
        measured=f"{ms(median(logged))} median, {ms(max(logged))} at most ({len(times)} runs)",
        beside=f"since the job cmd wrote it: {ms(median(written))}, {ms(max(written))} at most",
        ratio=f"by the time that `scontrol` tells, in whole seconds rounded down: {ms(median(told))}, {ms(max(told))} at most",
        budget=f"≤ {limit:g} s",
        meets=max(logged) <= limit,
    )


class _Heard:
    """A client's event stream: when it had each state of each run."""

    def __init__(self, yard: Yard) -> None:
        self.at: dict[tuple[str, str], float] = {}
        self._yard, self._stopped = yard, threading.Event()
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(ready,), daemon=True).start()
        ready.wait(10)

    def wait(self, run: str, state: str) -> float:
        limit = time.monotonic() + 10
        while (run, state) not in self.at and time.monotonic() < limit:
            time.sleep(0.01)
        return self.at[run, state]

    def stop(self) -> None:
        self._stopped.set()

    def _listen(self, ready: threading.Event) -> None:
        with self._yard.client.streaming(60).open("GET", path("events"), headers={"Accept": "text/event-stream"}) as stream:
            for event in sse.events(stream):
                now = time.time()
                ready.set()
                if self._stopped.is_set():
                    return
                if event is not None and event.event == "run":
                    data = json.loads(event.data)
                    self.at.setdefault((data["id"], data["state"]), now)


def _times(there: Site, yard: Yard, heard: _Heard, run: RemoteRun) -> Times:
    (number,) = there.submitted(run.id)
    limit = time.monotonic() + 30
    while "JobState=COMPLETED" not in (said := there.cluster.ask("scontrol", "show", "job", number)):
        if time.monotonic() > limit:
            raise RuntimeError(f"job {number} has not completed: {said}")
        time.sleep(0.1)
    fields = dict(word.split("=", 1) for word in said.split() if "=" in word)
    lines = (_root(there, yard) / "runs" / run.id / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    started = next(one["at"] for one in events if one["event"] == "started")
    log = (there.cluster.folder / "log" / "slurmctld.log").read_text(errors="replace")
    return Times(
        told_started=_as_time(fields["StartTime"]),
        slurm_started=_logged(log, rf"(sched: Allocate|sched/backfill: _start_job: Started) JobId={number}\b"),
        started=started,
        running=heard.wait(run.id, "running"),
        told_ended=_as_time(fields["EndTime"]),
        slurm_ended=_logged(log, rf"_job_complete: JobId={number} done"),
        ended=events[-1]["at"],
        completed=heard.wait(run.id, "completed"),
    )


def _as_time(said: str) -> float:
    return datetime.fromisoformat(said).timestamp()


def _logged(log: str, pattern: str) -> float:
    """When the controller has written that down, to the millisecond."""
    found = re.search(rf"^\[([^\]]+)\] {pattern}", log, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"the controller's log has no line {pattern}")
    return _as_time(found[1])


def _root(there: Site, yard: Yard) -> Path:
    return there.directory / f"{site_of(yard.home)}-me"


def _silence(bell: Path) -> None:
    """From now on nobody hears it, as where a compute node is another machine than the login node."""
    owner = bell.stat()
    bell.unlink()
    os.mkfifo(bell, 0o600)
    os.chown(bell, owner.st_uid, owner.st_gid)


def _wait(run: RemoteRun) -> None:
    run.wait(LONG)
    if run.state != "completed":
        raise RuntimeError(f"{run.id} is {run.state}: {run.reason}")


@contextmanager
def _cluster() -> Iterator[Site]:
    if os.getuid() != 0 or not shutil.which("slurmctld") or not os.path.exists(SSHD):
        raise RuntimeError(
            "The row slurm starts a Slurm and an ssh server of its own: it needs root, and the packages of tools/debian."
        )
    folder = Path(tempfile.mkdtemp(prefix="sl-"))
    # the account reads its settings and reaches munge's socket
    folder.chmod(0o755)
    cluster = Cluster(folder, "bench")
    try:
        cluster.start()
        with site("pool", cluster, Path(PYTHON)) as made:
            yield made
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
