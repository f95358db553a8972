"""What a hostile code does to what is shared, and to its own results: it harms its own run at most, and every run ends with a reason."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from simyard.client.http import path as at
from simyard.protocol.asking import Frame, Report, RunFile, RunFiles, RunLog
from simyard.protocol.jobs import FINAL, State
from tests.docker_engine import Engine
from tests.system.isolation_kit import ME, OTHER, Site, a_site
from tests.system.page_kit import wait_until
from tests.system.targets import kill

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(900)]
#: A file that every container has, for links to point to, and words that only it holds.
TARGET, WORDS = "/etc/os-release", b"PRETTY_NAME"


@pytest.fixture(scope="module")
def site(engine: Engine) -> Iterator[Site]:
    with a_site(engine) as made:
        yield made


def begun(site: Site, run: str, user: str = ME, mark: str = "") -> None:
    """Until the run is under way, and has made the file `mark`."""
    wait_until(
        lambda: site.run(run, user).state is not State.PENDING and (site.directory(run, user) / "work" / mark).exists(), 90
    )


# ── what all share ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fork_bomb_is_contained_and_can_be_canceled_and_nothing_of_it_is_left(site: Site) -> None:
    assert site.tried("nothing") == {}
    agent = site.agent()
    # more memory than all the processes that there may be can take, and less than the target has: nothing ends it but the cancel
    bomb = site.start("forks", memory=1 << 30)
    try:
        begun(site, bomb, mark="bombing")
        assert site.tried("nothing", OTHER) == {}
        assert site.run(bomb).state is State.RUNNING
    finally:
        site.cancel(bomb)
    assert site.ended(bomb).state is State.CANCELED
    assert site.agent() == agent
    assert site.tried("nothing") == {}
    wait_until(lambda: bomb not in site.engine.docker("top", site.container(), "-eo", "pid,args"), 60)


def test_a_memory_bomb_ends_by_itself_and_neither_the_agent_nor_the_users_other_run(site: Site) -> None:
    other = site.start("sleep", seconds=600)
    begun(site, other)
    agent = site.agent()
    found = site.ended(site.start("memory"))
    assert (found.state, found.cause) == (State.FAILED, "memory"), found.reason
    site.enough(other)
    assert site.ended(other).state is State.COMPLETED
    assert site.agent() == agent


def test_memory_that_looks_like_a_disk_is_bounded_in_bytes_and_in_names(site: Site) -> None:
    said = site.tried("fill", most=256 << 20, names=100_000)
    for folder in ("/tmp", "/dev/shm"):
        assert (said[folder], said[f"{folder} took"] <= 64 << 20) == ("No space left on device", True), said
    assert said["names"] <= 65536
    assert site.tried("descriptors", most=5000)["open"] < 1024


def test_who_crowds_the_agents_door_keeps_no_other_user_out(site: Site) -> None:
    assert site.tried("nothing", OTHER) == {}
    crowd = site.start("crowd", door=str(site.config.agent_door), connections=800, seconds=600)
    begun(site, crowd, mark="crowd")
    before = kill(site.agent(OTHER))
    assert site.tried("nothing", OTHER) == {}
    assert site.agent(OTHER) not in {0, before}
    site.cancel(crowd)
    assert site.ended(crowd).state is State.CANCELED


def test_a_run_that_writes_events_without_an_end_keeps_no_other_user_waiting(site: Site) -> None:
    assert site.tried("nothing", OTHER) == {}
    flood = site.start("flood", seconds=8)
    begun(site, flood, mark="flooding")
    for _ in range(3):
        assert site.tried("nothing", OTHER) == {}
    found = site.ended(flood)
    assert (found.state, found.cause) == (State.FAILED, "lost"), found.reason
    assert site.tried("nothing") == {}


def test_who_hammers_at_the_agents_door_keeps_no_other_user_out(site: Site) -> None:
    assert site.tried("nothing", OTHER) == {}
    hammer = site.start("hammer", door=str(site.config.agent_door), seconds=600)
    begun(site, hammer, mark="hammering")
    before = kill(site.agent(OTHER))
    assert site.tried("nothing", OTHER) == {}
    assert site.agent(OTHER) not in {0, before}
    site.enough(hammer)
    found = site.ended(hammer)
    assert (found.state, found.results["times"] > 100) == (State.COMPLETED, True)


def test_who_stops_every_new_process_of_its_container_stops_no_other_user(site: Site) -> None:
    assert site.tried("nothing", OTHER) == {}
    frost = site.start("freeze", seconds=600)
    begun(site, frost, mark="freezing")
    kill(site.agent())
    wait_until((site.directory(frost) / "work" / "frozen").exists, 60)
    before = kill(site.agent(OTHER))
    assert site.tried("nothing", OTHER) == {}
    assert site.agent(OTHER) not in {0, before}
    site.enough(frost)
    assert site.ended(frost).state is State.COMPLETED
    assert site.tried("nothing") == {}


# ── processes of the same user ──────────────────────────────────────────────────────────────────────────────────────


def test_a_code_that_kills_its_agent_gets_another_one_and_no_run_is_lost(site: Site) -> None:
    other = site.start("sleep", seconds=600)
    begun(site, other)
    before = site.agent()
    assert set(site.tried("send", to="agent", signal="SIGKILL").values()) == {"allowed"}
    wait_until(lambda: site.agent() not in {0, before}, 60)
    site.enough(other)
    assert site.ended(other).state is State.COMPLETED


def test_a_code_that_ends_its_container_ends_its_users_runs_with_a_reason_and_nobody_elses(site: Site) -> None:
    theirs = site.start("sleep", OTHER, seconds=600)
    begun(site, theirs, OTHER)
    mine = site.start("sleep", seconds=600)
    begun(site, mine)
    killer = site.start("send", to="rest", signal="SIGKILL", seconds=600)
    for run in (mine, killer):
        found = site.ended(run)
        assert found.state in {State.FAILED, State.LOST}
        assert found.reason
    assert site.tried("nothing") == {}
    site.enough(theirs, OTHER)
    assert site.ended(theirs, OTHER).state is State.COMPLETED


def test_an_end_that_one_run_writes_for_another_of_its_user_leaves_nothing_running_unseen(site: Site) -> None:
    victim = site.start("sleep", seconds=600)
    begun(site, victim)
    site.tried("forge", run=victim)
    site.ended(victim)
    wait_until(
        lambda: victim not in site.engine.docker("top", site.container(), "-eo", "pid,args") and not _lives(site, victim), 60
    )
    assert site.tried("nothing") == {}


def _lives(site: Site, run: str) -> bool:
    from simyard.agent import locks

    return bool(locks.holder(str(site.directory(run) / "lock")))


# ── results ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_links_pipes_sockets_and_holes_among_the_results_lead_nobody_anywhere(site: Site) -> None:
    said = site.tried("foul", secret=TARGET, users=str(site.home / "users"))
    assert said["hard link to a file outside"] in {"EXDEV", "EPERM", "EROFS"}
    run = next(site.client.runs(code="prober")).id
    status, data = site.stream(RunFiles(user=ME, run=run))
    listed = {one["path"] for one in json.loads(data)}
    assert status == 200
    assert listed == {"run.json", "run.log", "events.jsonl"} | {
        f"work/{name}" for name in ("hard.txt", "hole.bin", "real/plain.txt", "closed.txt", "said.json")
    }
    for path in (
        "work/link.txt", "work/users/other", "work/up/run.json", "work/environ.txt", "work/root/etc/passwd", "work/loop", "work/real/relative.txt",
        "work/pipe.csv", "work/socket.csv", "work/real", "work/closed.txt", "lock", "../../../secret", "work/../run.json", "/etc/passwd", "work//x", "",
    ):  # fmt: skip
        status, data = site.stream(RunFile(user=ME, run=run, path=path))
        assert 400 <= status < 500, (path, status, data[:100])
        assert WORDS not in data
    assert site.stream(RunFile(user=ME, run=run, path="work/hard.txt")) == (200, b"plain")
    assert site.stream(RunFile(user=OTHER, run=run, path="work/hard.txt"))[0] == 404
    assert len(site.stream(RunFile(user=ME, run=run, path="work/hole.bin", offset=(1 << 42) - 10))[1]) == 10


def test_a_bundle_holds_plain_files_only(site: Site) -> None:
    site.tried("own", name="reports", kind="link", secret="/etc")
    run = next(site.client.runs(code="prober")).id
    with site.client.http.open("GET", at("runs", run, "bundle"), headers={"Accept": "*/*"}) as answer:
        bundle = zipfile.ZipFile(io.BytesIO(answer.read()))
    assert {name.removeprefix(f"{run}/") for name in bundle.namelist()} == {
        "run.json",
        "run.log",
        "events.jsonl",
        "work/said.json",
    }
    assert site.stream(Report(user=ME, run=run, report="picture"))[0] >= 400
    assert not any((site.directory(run)).glob("reports/*.json"))


OWN = [
    (name, kind)
    for name in ("events.jsonl", "run.json", "run.log", "lock", "reports")
    for kind in ("link", "fifo", "socket", "folder", "hole")
]


def test_a_run_that_replaces_its_own_files_ends_with_a_reason_and_stops_nobody(site: Site) -> None:
    assert site.tried("nothing") == {}
    agent = site.agent()
    runs: dict[str, Any] = {}
    for name, kind in OWN:
        runs[site.start("own", name=name, kind=kind, secret=TARGET)] = (name, kind, "goes on")
        if name in {"events.jsonl", "run.json", "lock"}:
            runs[site.start("own", name=name, kind=kind, secret=TARGET, die=True)] = (name, kind, "dies")
    for run, how in runs.items():
        found = site.ended(run)
        assert found.state in FINAL, how
        assert found.state is State.COMPLETED or found.reason, how
        assert WORDS.decode() not in found.reason, how
        for question in (
            RunLog(user=ME, run=run, length=1000), RunFiles(user=ME, run=run), Report(user=ME, run=run, report="picture"),
            Frame(user=ME, run=run, report="picture", frame=1), *(RunFile(user=ME, run=run, path=path, length=1000) for path in ("events.jsonl", "run.json")),
        ):  # fmt: skip
            status, data = site.stream(question)
            assert status != 500, (how, question, data)
            assert WORDS not in data, (how, question)
    assert site.agent() == agent
    assert site.tried("nothing") == {}
    for run in runs:
        site.delete(run)
    wait_until(lambda: not any(site.directory(run).exists() for run in runs), 90)


def test_folders_deeper_than_a_path_may_be_long_can_be_listed_and_deleted(site: Site) -> None:
    site.tried("burrow", deep=1500)
    run = next(site.client.runs(code="prober")).id
    status, data = site.stream(RunFiles(user=ME, run=run))
    assert status == 200, data
    site.delete(run)
    wait_until(lambda: not os.path.lexists(site.directory(run)), 60)
    wait_until(lambda: not any(name.startswith(".gone") for name in os.listdir(site.directory(run).parent)), 60)


def test_a_code_cannot_touch_the_files_that_web_reads_and_writes_for_its_user(site: Site) -> None:
    user = site.config.user_dir(ME)
    said = site.tried("litter", agents=str(user / "agents" / "box"), files=str(user / "files"))
    assert {said[name] for name in ("library", "library's folder", "library's mode")} <= {"EROFS", "EBUSY", "EPERM", "EACCES"}, (
        said
    )
    assert (user / "files").stat().st_uid == os.getuid()
    assert site.tried("nothing") == {}
