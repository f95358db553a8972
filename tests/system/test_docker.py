"""Runs in containers: a real engine, a real Simyard, real codes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker_engine import Engine
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import box, kill

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(240)]


class Site(Yard):
    """A Simyard with a target `box` of kind docker, used from the terminal."""

    def start(self, *words: str) -> str:
        """A run on `box`, by its id."""
        run: str = json.loads(self.simyard("run", *words, "--target", "box", "--json"))["id"]
        return run

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.simyard("run", "show", run, "--json"))
        return found


@pytest.fixture(scope="module")
def site(engine: Engine, site_codes: Path) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="box-") as folder:
        with Site(Path(folder) / "home", site_codes, box(engine)) as made:
            yield made
        engine.remove_everything()


def test_madx_runs_in_a_container_and_gives_the_same_tunes(site: Site, engine: Engine) -> None:
    said = site.simyard("run", "madx", "--example", "storage_ring", "--model", "twiss", "--target", "box", "--wait")
    assert "tune_x = 5.2\n" in said
    assert "tune_y = 4.4\n" in said
    (container,) = engine.docker("ps", "-q").split()
    found = engine.inspect(container)
    host = found["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert found["Config"]["User"].split(":")[0] not in {"", "0"}
    assert {mount["Destination"]: mount["RW"] for mount in found["Mounts"]} == {
        str(site.home / "users" / "me"): True,
        str(site.home / "users" / "me" / "files"): False,
        str(site.home / "run" / "agents"): False,
    }
    assert (site.home / "secret").read_text().strip() not in json.dumps(found)


def test_a_code_that_is_not_in_the_image_says_so_with_the_next_step(site: Site) -> None:
    said = site.simyard("run", "figures", "--target", "box", "--wait", status=4)
    assert "is not in the image of box" in said
    assert "simyard image build --code" in said
    assert "--code figures" in said
    (there,) = [one for one in json.loads(site.simyard("code", "list", "--json")) if one["name"] == "figures"]
    assert {one["target"]: one["state"] for one in there["targets"]}["box"] == "missing"
    assert "simyard image build" in site.simyard("code", "install", "figures", "--target", "box", status=1)


def test_a_run_whose_agent_is_killed_in_its_container_goes_on_and_is_told_to_its_end(site: Site) -> None:
    run = site.start("grayscott", "--model", "evolve", "--set", "steps=60000", "--set", "size=128", "--set", "frames=20")
    wait_until(lambda: site.run(run)["progress"]["frames"] > 1, 60)
    killed = kill(site.agent)
    site.simyard("run", "wait", run)
    found = site.run(run)
    assert found["state"] == "completed"
    assert found["progress"]["frames"] == 20
    wait_until(lambda: site.agent not in {0, killed}, 60)


def test_a_run_whose_container_is_killed_is_over_with_a_reason_and_the_next_one_goes_well(site: Site, engine: Engine) -> None:
    run = site.start("grayscott", "--model", "evolve", "--set", "steps=900000", "--set", "frames=20")
    wait_until(lambda: site.run(run)["state"] == "running", 60)
    (container,) = engine.docker("ps", "-q").split()
    engine.docker("kill", container)
    wait_until(lambda: site.run(run)["state"] in {"failed", "lost"}, 60)
    assert site.run(run)["reason"]
    again = site.start("grayscott", "--example", "tiny", "--model", "evolve")
    site.simyard("run", "wait", again)
    assert site.run(again)["state"] == "completed"


def test_a_canceled_run_leaves_no_process_in_its_container(site: Site, engine: Engine) -> None:
    run = site.start("grayscott", "--model", "evolve", "--set", "steps=800000", "--set", "frames=10")
    wait_until(lambda: site.run(run)["state"] == "running", 60)
    site.simyard("run", "cancel", run)
    wait_until(lambda: site.run(run)["state"] == "canceled", 60)
    (container,) = engine.docker("ps", "-q").split()
    # once its job cmd, which said so, has ended too
    wait_until(lambda: run not in engine.docker("top", container, "-eo", "pid,args"), 60)
