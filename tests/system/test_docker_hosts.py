"""Runs on Docker hosts that are reached as other machines are: by TCP with certificates, and by ssh."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.agent import locks
from tests.docker_engine import IMAGE, Engine
from tests.docker_hosts import SshServer
from tests.system.page_kit import wait_until
from tests.system.targets import kill, simyard

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(300)]

LONG = ("grayscott", "--model", "evolve", "--set", "steps=40000", "--set", "size=128", "--set", "frames=20")


class Site:
    """A Simyard with one Docker host, far away."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self.home, self.engine = home, engine

    def start(self, *words: str) -> str:
        run: str = json.loads(simyard(self.home, "run", *words, "--target", "box", "--json"))["id"]
        return run

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(simyard(self.home, "run", "show", run, "--json"))
        return found

    def frames(self, run: str) -> int:
        found: int = self.run(run)["progress"]["frames"]
        return found

    def relay(self) -> str:
        return self.engine.docker("ps", "-q", "-f", "label=simyard.relay")


@pytest.fixture(scope="module", params=["tcp", "ssh"])
def site(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="far-") as folder, pytest.MonkeyPatch.context() as patch:
        server = SshServer(Path(folder) / "ssh")
        if request.param == "ssh":
            server.start()
            patch.setenv("HOME", str(server.home))
        url = engine.tcp_url if request.param == "tcp" else server.url(engine.folder / "docker.sock")
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        (home / "simyard.toml").write_text(
            '[targets.box]\nkind = "docker"\ncores = 1\nmemory = "1 GiB"\n'
            f'[docker]\nhosts = ["{url}"]\ncertificates = "{engine.certificates}"\nimage = "{IMAGE}"\n'
        )
        simyard(home, "up", "--detach", "--port", "0")
        try:
            yield Site(home, engine)
        finally:
            simyard(home, "down", "--stop-runs")
            server.stop()
            engine.remove_everything()


def test_a_run_on_a_host_far_away_ends_well_and_no_container_there_has_a_network(site: Site, engine: Engine) -> None:
    said = simyard(site.home, "run", "grayscott", "--example", "tiny", "--model", "evolve", "--target", "box", "--wait")
    assert "completed" in said
    assert len(engine.docker("ps", "-q").split()) == 2
    for container in engine.docker("ps", "-q").split():
        found = engine.inspect(container)
        assert found["HostConfig"]["NetworkMode"] == "none"
        assert set(found["NetworkSettings"]["Networks"]) <= {"none"}
        assert (site.home / "secret").read_text().strip() not in json.dumps(found)


def test_a_run_goes_on_while_supervisor_and_relay_are_killed_and_is_told_to_its_end(site: Site, engine: Engine) -> None:
    run = site.start(*LONG)
    wait_until(lambda: site.frames(run) > 1, 60)
    kill(engine.inspect(site.relay())["State"]["Pid"])
    kill(locks.holder(str(site.home / "supervisor.lock")))
    simyard(site.home, "run", "wait", run)
    found = site.run(run)
    assert found["state"] == "completed"
    assert found["progress"]["frames"] == 20


def test_what_a_run_made_far_away_is_fetched_through_the_relay(site: Site, tmp_path: Path) -> None:
    run = site.start("grayscott", "--example", "tiny", "--model", "evolve")
    simyard(site.home, "run", "wait", run)
    simyard(site.home, "run", "fetch", run, "--out", tmp_path / "all")
    assert any(path.stat().st_size for path in (tmp_path / "all").rglob("*") if path.is_file())


def test_doctor_knows_the_host(site: Site) -> None:
    found = {one["what"]: one for one in json.loads(simyard(site.home, "doctor", "--json"))}
    (host,) = [one for what, one in found.items() if what.startswith("docker") and "," not in what]
    assert host["state"] == "good"
    assert "memory" in host["detail"]


def test_the_log_says_what_the_host_does_not_grant_and_that_nothing_went_wrong(site: Site) -> None:
    said = (site.home / "log" / "supervisor.log").read_text()
    assert "the relay of a Docker host is up" in said
    assert "does not grant all that is asked of it" in said
    assert "traceback" not in said.lower()
