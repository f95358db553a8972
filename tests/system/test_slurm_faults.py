"""What goes wrong on a cluster, one thing after the other: each run ends as what it was, in words that say so, and nothing is made up."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.slurm_site import Site, in_a_job, processes_of
from tests.system.cluster_kit import CODES, LIMIT, NO_LOCAL, ClusterYard, events, explained, reaches, yard_on
from tests.system.page_kit import wait_until
from tests.system.targets import kill

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(900)]
#: To run without being asked for more.
HOUR = {"time_limit": 3600, "batch": {"partition": "regular"}}


@pytest.fixture(scope="module")
def yard(pool: Site, annex: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterYard]:
    """Two clusters; the way to `pool` can be cut."""
    settings = NO_LOCAL + pool.section(host="pool-by-wire") + annex.section()
    # its codes, and one that takes memory
    codes = tmp_path_factory.mktemp("codes")
    for folder in (*CODES.iterdir(), *(CODES.parent / "codes-hostile").iterdir()):
        (codes / folder.name).symlink_to(folder)
    with yard_on(pool, settings, codes=codes) as made:
        yield made
    annex.clear()


def test_a_cut_connection_and_a_controller_that_is_away_for_two_minutes_stop_nothing(
    yard: ClusterYard, pool: Site, annex: Site
) -> None:
    # side by side, since each takes its time
    far = yard.slow(100, resources=HOUR)
    meanwhile = yard.slow(40, target="annex", resources=HOUR)
    beyond = yard.slow(240, target="annex", resources=HOUR)
    over = yard.slow(500, target="annex", resources={"time_limit": 100, "batch": {"partition": "regular"}})
    for run in (far, meanwhile, beyond, over):
        reaches(run, "running")
    annex.cluster.end("slurmctld")
    pool.wire.cut()
    begun = time.monotonic()
    try:
        reaches(meanwhile, "completed")
        wait_until(lambda: yard.login("pool")["login"] == "lost", LIMIT)
        assert "tried again by itself; what runs there goes on. It has been so since" in yard.login("pool")["detail"]
        wait_until(lambda: "has not answered since" in explained(beyond), LIMIT)
        # nobody can submit; it waits, and is not failed
        waiting = yard.slow(1, target="annex")
        wait_until(lambda: waiting.refresh().state == "starting", LIMIT)
        wait_until(lambda: time.monotonic() - begun > 120, LIMIT + 60)
        assert far.refresh().state == "running"
        assert beyond.refresh().state == "running"
        assert beyond.remote["silent_since"]
        assert waiting.refresh().state in {"pending", "starting"}
    finally:
        pool.wire.mend()
        annex.cluster.start_controller()
    reaches(far, "completed")
    reaches(waiting, "completed", seconds=2 * LIMIT)
    reaches(beyond, "completed", seconds=2 * LIMIT)
    assert beyond.remote.get("silent_since") is None
    assert [event["n"] for event in events(yard, pool, far)] == list(range(1, len(events(yard, pool, far)) + 1))
    reaches(over, "failed", seconds=2 * LIMIT)
    assert over.data["cause"] == "time-limit", over.data
    assert "time" in over.reason
    wait_until(lambda: yard.login("pool")["state"] == "ready", LIMIT)


def test_a_login_node_on_which_everything_is_killed_is_come_back_to(yard: ClusterYard, pool: Site) -> None:
    run = yard.slow(20, resources=HOUR)
    reaches(run, "running")
    old = yard.agent
    assert old
    pool.kill_login()
    wait_until(lambda: yard.agent not in {0, old}, LIMIT)
    reaches(run, "completed")
    assert len(pool.submitted(run.id)) == 1


def test_an_agent_that_is_killed_is_replaced_and_its_runs_go_on(yard: ClusterYard, pool: Site) -> None:
    run = yard.slow(20, resources=HOUR)
    reaches(run, "running")
    old = kill(yard.agent)
    wait_until(lambda: yard.agent not in {0, old}, LIMIT)
    reaches(run, "completed")
    assert len(pool.submitted(run.id)) == 1


def test_scancel_from_outside_is_named(yard: ClusterYard, pool: Site) -> None:
    running = yard.slow(300, resources=HOUR)
    pending = yard.slow(300, resources={"batch": {"extra": ["--hold"]}})
    reaches(running, "running")
    wait_until(lambda: pending.refresh().remote.get("job"), LIMIT)
    wait_until(lambda: "scontrol release" in explained(pending), LIMIT)
    for run in (running, pending):
        pool.cluster.ask("scancel", run.remote["job"])
    for run in (running, pending):
        reaches(run, "failed", "canceled")
        assert "scancel" in run.reason, run.data


def test_a_cancel_is_canceling_until_slurm_says_that_it_is_gone(yard: ClusterYard, pool: Site) -> None:
    running = yard.slow(300, resources=HOUR)
    held = yard.slow(300, resources={"batch": {"extra": ["--hold"]}})
    reaches(running, "running")
    wait_until(lambda: held.refresh().remote.get("job"), LIMIT)
    before = len(pool.calls("scancel"))
    with pool.fault("scancel", "echo 'scancel: error: Unable to contact slurm controller' >&2; exit 1"):
        assert held.cancel().state == "canceling"
        wait_until(lambda: len(pool.calls("scancel")) > before, LIMIT)
        assert held.refresh().state == "canceling"
    running.cancel()
    for run in (held, running):
        reaches(run, "canceled")
        assert run.remote["job"] not in pool.jobs()


def test_slurm_that_is_slow_fails_or_prints_rubbish_is_not_believed_and_nothing_fails(yard: ClusterYard, pool: Site) -> None:
    long = yard.slow(500, resources=HOUR)
    reaches(long, "running")
    for shell in (
        "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1",
        "head -c 3000 /dev/urandom; exit 0",
        "sleep 30",
    ):
        before = len(pool.calls("squeue"))
        with pool.fault("squeue", shell):
            wait_until(lambda before=before: len(pool.calls("squeue")) > before, LIMIT)
            # its own events tell of it
            reaches(yard.slow(1, resources=HOUR), "completed")
            assert long.refresh().state == "running"
    long.cancel()
    reaches(long, "canceled")


def test_a_run_over_its_memory_is_named(yard: ClusterYard) -> None:
    run = yard.send("greedy", "take", {"megabytes": 1500, "seconds": 60}, resources={"memory": 128 << 20})
    reaches(run, "failed")
    assert run.data["cause"] == "memory", run.data
    assert "memory" in run.reason


def test_a_node_that_dies_takes_its_run_along_and_that_is_said(yard: ClusterYard, annex: Site) -> None:
    run = yard.slow(
        500, target="annex", resources={"time_limit": 3600, "batch": {"partition": "regular", "extra": ["--nodelist=n2"]}}
    )
    reaches(run, "running")
    annex.cluster.end("slurmd.n2", signal.SIGKILL)
    for pid in _jobs_of(annex):
        with suppress(ProcessLookupError):  # it has ended with another of them
            os.kill(pid, signal.SIGKILL)
    try:
        reaches(run, "lost", "failed", seconds=2 * LIMIT)
        assert "node" in run.reason.lower(), run.data
    finally:
        annex.cluster.start_node("n2")
        annex.cluster.until(lambda: "down" not in annex.cluster.ask("sinfo", "--noheader", "--format=%T", "--nodes=n2"))


def test_a_controller_that_has_lost_its_state_knows_nothing_of_a_run_and_that_is_said(yard: ClusterYard, annex: Site) -> None:
    running = yard.slow(500, target="annex", resources=HOUR)
    held = yard.slow(500, target="annex", resources={"batch": {"extra": ["--hold"]}})
    reaches(running, "running")
    wait_until(lambda: held.refresh().remote.get("job"), LIMIT)
    annex.cluster.end("slurmctld", signal.SIGKILL)
    for path in (annex.cluster.folder / "state").iterdir():
        if path.is_file():
            path.unlink()
    annex.cluster.start_controller()
    for run in (held, running):
        reaches(run, "lost", "failed", "canceled", seconds=2 * LIMIT)
        assert run.state == "lost", run.data
        assert "Slurm" in run.reason, run.data
    # and it goes on
    reaches(yard.slow(1, target="annex"), "completed", seconds=2 * LIMIT)


def _jobs_of(site: Site) -> list[int]:
    """All that runs in its jobs, and what has started them."""
    return [pid for pid in processes_of(site.home.stat().st_uid) if in_a_job(pid)] + [
        int(pid) for pid in filter(str.isdigit, os.listdir("/proc")) if _is_step(pid, site)
    ]


def _is_step(pid: str, site: Site) -> bool:
    try:
        said = Path(f"/proc/{pid}/cmdline").read_bytes(), Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return said[0].startswith(b"slurmstepd:") and str(site.cluster.conf).encode() in said[1]
