"""What a run asks for is all that it gets: memory and cores, in a real container, beside other runs of the same user."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.agent import locks
from simyard.protocol.jobs import FINAL
from tests.docker_engine import HOSTILE_CODES, IMAGE, Engine
from tests.system.page_kit import wait_until
from tests.system.targets import simyard

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(300)]
#: A run takes no longer (seconds) unless something is broken.
LIMIT = 120
#: Memory of the container (MiB): what its target has is more, so that a run can ask for more than there is.
CONTAINER = 448
CORES = len(os.sched_getaffinity(0))


class Site:
    """A Simyard with a target `box`, whose containers have less memory than the target's runs may have."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self.home, self.engine = home, engine

    def start(self, name: str, *words: str, model: str = "take", **inputs: object) -> str:
        """A run of the greedy code in a simulation of its own, by its id."""
        sets = [word for name, value in inputs.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        run: str = json.loads(
            simyard(
                self.home,
                "run",
                "greedy",
                "--name",
                name,
                "--model",
                model,
                "--no-reuse",
                *sets,
                *words,
                "--target",
                "box",
                "--json",
            )
        )["id"]
        return run

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(simyard(self.home, "run", "show", run, "--json"))
        return found

    def ended(self, run: str) -> dict[str, Any]:
        wait_until(lambda: self.run(run)["state"] in FINAL, LIMIT)
        return self.run(run)

    def goes_on(self, run: str) -> None:
        wait_until(lambda: self.run(run)["progress"]["message"], LIMIT)

    def enough(self, run: str) -> str:
        """It need not go on any longer; the same run."""
        (self.home / "users" / "me" / "runs" / run / "work" / "enough").touch()
        return run

    @property
    def agent(self) -> int:
        return locks.holder(str(self.home / "users" / "me" / "agents" / "box" / "lock"))

    @property
    def containers(self) -> set[str]:
        return set(self.engine.docker("ps", "-q", "--no-trunc").split())


@pytest.fixture(scope="module")
def site(engine: Engine) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="limits-") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        (home / "simyard.toml").write_text(
            f'codes_path = ["{HOSTILE_CODES}"]\n[targets.box]\nkind = "docker"\ncores = 8\nmemory = "4 GiB"\n'
            f'[docker]\nhosts = ["{engine.url}"]\nimage = "{IMAGE}"\ncores = {CORES}\nmemory = "{CONTAINER} MiB"\n'
        )
        simyard(home, "up", "--detach", "--port", "0")
        try:
            yield Site(home, engine)
        finally:
            simyard(home, "down", "--stop-runs")
            engine.remove_everything()


@pytest.mark.parametrize("model", ["take", "take_quickly"])
def test_a_run_that_takes_more_than_it_asked_for_is_ended_and_nothing_else_is(site: Site, model: str) -> None:
    beside = site.start("beside", "--memory", "128 MiB", megabytes=40, seconds=600)
    site.goes_on(beside)
    agent, containers = site.agent, site.containers
    # all of it together has room in the container, however late it is looked at
    bomb = site.ended(site.start("bomb", "--memory", "96 MiB", model=model, megabytes=200, seconds=600))
    assert (bomb["state"], bomb["cause"]) == ("failed", "memory")
    found = re.match(r"It ran out of memory: limit 96 MiB, peak (\d+) MiB\.", bomb["reason"])
    assert found is not None, bomb["reason"]
    assert 96 <= int(found[1]) <= 300
    assert site.ended(site.enough(beside))["state"] == "completed"
    assert (site.agent, site.containers) == (agent, containers)


def test_when_the_container_is_full_the_kernel_ends_the_run_that_took_it_and_the_reason_has_the_containers_figures(
    site: Site,
) -> None:
    beside = site.start("beside", "--memory", "128 MiB", megabytes=60, seconds=600)
    site.goes_on(beside)
    agent, containers = site.agent, site.containers
    bomb = site.ended(site.start("bomb", "--memory", "1 GiB", megabytes=900, at_once=True))
    assert (bomb["state"], bomb["cause"]) == ("failed", "memory")
    assert f"together it may have {CONTAINER} MiB and had " in bomb["reason"]
    assert "of its 1 GiB itself" in bomb["reason"]
    assert site.ended(site.enough(beside))["state"] == "completed"
    assert (site.agent, site.containers) == (agent, containers)
    # and the next one has all of it again
    assert site.ended(site.start("next", "--memory", "300 MiB", megabytes=100))["state"] == "completed"


def test_a_small_run_far_above_its_limit_is_the_kernels_choice_before_a_large_one_within_its_own(site: Site) -> None:
    large = site.start("large", "--memory", "400 MiB", megabytes=230, seconds=600)
    site.goes_on(large)
    small = site.ended(site.start("small", "--memory", "64 MiB", megabytes=400, at_once=True))
    assert (small["state"], small["cause"]) == ("failed", "memory")
    assert small["reason"].startswith("It ran out of memory: limit 64 MiB, peak ")
    assert site.ended(site.enough(large))["state"] == "completed"


def test_runs_have_their_cores_for_themselves_and_leave_no_core_dumps(site: Site) -> None:
    runs = [site.start(f"core {n}", "--memory", "64 MiB", "--cores", "1", seconds=600) for n in range(min(2, CORES))]
    for run in runs:
        site.goes_on(run)
    results = [site.ended(site.enough(run))["results"] for run in runs]
    assert len({found["cores"] for found in results}) == len(runs)
    assert {found["core"] for found in results} == {0}
    every = site.ended(site.start("every core", "--memory", "64 MiB", "--cores", str(CORES)))["results"]
    assert len(str(every["cores"]).split()) == CORES
