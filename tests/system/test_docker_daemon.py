"""A Docker daemon that is stopped, started and frozen while codes run in its containers: no run is lost or wrong, and nobody else waits."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard import alive
from simyard.config import Config
from simyard.drivers.docker.host import CALL_LIMIT
from simyard.protocol.asking import RunAnswer, RunSimulation
from tests.contract.shell_kit import Web
from tests.docker_engine import IMAGE, Engine, an_engine
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import Target, kill

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker-daemon"), pytest.mark.timeout(600, func_only=True)]
CODES = Path(__file__).parent / "codes"
#: So long a busy machine may take for what takes a moment (seconds).
PATIENCE = 90.0
BOX = Target("box")
FREEZE, CALM = 60.0, 15.0
#: What a frozen daemon may add to all but a few of somebody else's runs, at the very most (seconds). A busy machine makes single ones slow.
SLACK = 1.0


class Site(Yard):
    """A Simyard with a target `box` on an engine that may be stopped, and `local` beside it."""

    def __init__(self, home: Path, engine: Engine) -> None:
        super().__init__(home, CODES)
        (home / "simyard.toml").write_text(_settings(engine.url), "utf-8")
        self.config = Config(home=home)

    @property
    def agent(self) -> int:
        """The pid of the agent in the container, as this machine numbers it; 0 for none."""
        return alive.owner(str(BOX.agent_lock(self.home)))

    def reach(self, url: str) -> None:
        """From now on the settings know this host only."""
        (self.home / "simyard.toml").write_text(_settings(url), "utf-8")
        pid = self.kill("supervisor")
        wait_until(lambda: int(alive.state(str(self.home))["supervisor"][0]) != pid, PATIENCE)
        wait_until(self.client.targets, PATIENCE)

    @property
    def secret(self) -> str:
        """What web shows to the supervisor."""
        return self.config.door_secret.read_text().strip()

    def evolve(self, steps: int = 1_000_000, **inputs: Any) -> str:
        """A run in a container, by its id, once it has shown that it goes on; only one of few steps ends within a test."""
        inputs = {"frames": 20, "size": 64, **inputs, "steps": steps}
        simulation = self.client.create_simulation("grayscott", f"evolve-{time.monotonic()}", inputs=inputs)
        run = self.client.start(simulation["id"], "evolve", target="box", reuse=False)
        wait_until(lambda: self.run(run.id)["progress"]["frames"] > 0, PATIENCE)
        return run.id

    def run(self, run: str) -> dict[str, Any]:
        return dict(self.client.get_run(run).data)

    def ended(self, run: str, seconds: float = 2 * PATIENCE) -> dict[str, Any]:
        wait_until(lambda: self.run(run)["state"] in {"completed", "failed", "lost", "canceled"}, seconds)
        return self.run(run)

    def box(self) -> dict[str, Any]:
        (found,) = [one for one in self.client.targets() if one["name"] == "box"]
        return found

    def explained(self, run: str) -> str:
        """Why it does not run, or what it does."""
        return str(self.client.get_run(run).explain()["summary"])

    def other_users_run(self, number: int) -> float:
        """Seconds from asking for a small run of somebody else's on `local` to its end."""
        question = RunSimulation(
            user="other", simulation=f"s{number}", simulation_revision="1", code="grayscott", model="preview", inputs={"steps": 50, "size": 32},
            files={}, target="local", reuse=False, wait=50.0,
        )  # fmt: skip
        begun = time.monotonic()
        with Web(self) as web:  # type: ignore[arg-type]  # all that it wants of a supervisor is its config and its secret
            answer = web.ask(question)
        assert isinstance(answer, RunAnswer), answer
        assert answer.run.state.value == "completed", answer.run
        return time.monotonic() - begun


def _settings(url: str) -> str:
    return f'[targets.box]\nkind = "docker"\nmemory = "1 GiB"\n[docker]\nhosts = ["{url}"]\nimage = "{IMAGE}"\n'


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with an_engine() as made:
        yield made


@pytest.fixture(scope="module")
def site(engine: Engine) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="dd-") as folder, Site(Path(folder) / "home", engine) as made:
        yield made


@pytest.fixture(autouse=True)
def _answering(engine: Engine) -> Iterator[None]:
    """What one test has done to the daemon is not the next one's trouble."""
    yield
    engine.thaw()
    if not engine.is_running:
        engine.start()


def test_a_supervisor_that_is_killed_during_a_run_in_a_container_finds_it_again(site: Site) -> None:
    run = site.evolve(100_000)
    agent = site.agent
    site.kill("supervisor")
    found = site.ended(run)
    assert (found["state"], found["progress"]["frames"]) == ("completed", 20)
    assert site.agent == agent, "the agent lives in its container, and has come back by itself"


def test_a_daemon_that_ends_with_its_containers_ends_runs_with_a_reason_and_the_next_goes_well(
    site: Site, engine: Engine
) -> None:
    run = site.evolve(frames=200, size=256)
    engine.stop()
    wait_until(lambda: site.box()["state"] == "silent", PATIENCE)
    box = site.box()
    assert f"The Docker daemon at {engine.url} is not answering since " in box["detail"]
    assert box["since"]
    assert box["detail"] in site.simyard("target", "list")
    assert site.run(run)["state"] == "running", "not known is never failed"
    assert "is not answering since" in site.explained(run)
    waiting = site.client.start(site.client.create_simulation("grayscott", "next")["id"], "preview", target="box", reuse=False)
    wait_until(lambda: "is not answering since" in site.explained(waiting.id), PATIENCE)
    engine.start()
    found = site.ended(run)
    assert found["state"] == "lost"
    assert "Its container ended while it ran" in found["reason"]
    assert site.ended(waiting.id)["state"] == "completed"
    wait_until(lambda: site.box()["state"] == "ready", PATIENCE)
    assert site.box()["since"] is None


def test_runs_and_agents_live_on_where_the_daemon_keeps_containers_while_it_is_away(site: Site, engine: Engine) -> None:
    engine.stop()
    engine.start("--live-restore")
    run = site.evolve(150_000, frames=150)
    agent = site.agent
    engine.stop()
    wait_until(lambda: site.box()["since"], PATIENCE)
    assert site.box()["state"] == "ready"
    assert "Your agent there is connected: what it runs goes on." in site.box()["detail"]
    frames = site.run(run)["progress"]["frames"]
    wait_until(lambda: site.run(run)["progress"]["frames"] > frames or site.run(run)["state"] == "completed", PATIENCE)
    site.kill("supervisor")
    wait_until(site.client.targets, PATIENCE)
    engine.start("--live-restore")
    assert site.ended(run)["state"] == "completed"
    assert site.agent == agent
    wait_until(lambda: not site.box()["since"], PATIENCE)


def test_an_agent_that_dies_while_the_daemon_is_away_is_followed_by_one_that_adopts_its_runs(site: Site, engine: Engine) -> None:
    engine.stop()
    engine.start("--live-restore")
    run = site.evolve(frames=200, size=256)
    agent = site.agent
    engine.stop()
    kill(agent)
    wait_until(lambda: site.box()["state"] == "silent", PATIENCE)
    assert site.run(run)["state"] == "running"
    assert "this is its last known state. The Docker daemon at" in site.explained(run)
    frames = site.run(run)["progress"]["frames"]
    engine.start("--live-restore")
    wait_until(lambda: site.run(run)["progress"]["frames"] > frames, PATIENCE)
    assert site.agent not in {0, agent}
    site.client.get_run(run).cancel()
    assert site.ended(run)["state"] == "canceled"


def test_a_host_that_is_taken_out_of_the_configuration_loses_no_run(site: Site, engine: Engine) -> None:
    other = engine.folder / "other.sock"
    other.symlink_to(engine.folder / "docker.sock")
    run = site.evolve(frames=200, size=256)
    site.reach(f"unix://{other}")
    frames = site.run(run)["progress"]["frames"]
    wait_until(lambda: site.run(run)["progress"]["frames"] > frames, PATIENCE)
    agent = site.agent
    kill(agent)
    said = f"The Docker host {engine.url} is not in the configuration any more. Put it back, or cancel."
    wait_until(lambda: site.box()["state"] == "silent", PATIENCE)
    assert site.box()["detail"] == said
    assert said in site.explained(run)
    assert site.run(run)["state"] == "running"
    waiting = site.client.start(site.client.create_simulation("grayscott", "waits")["id"], "preview", target="box", reuse=False)
    wait_until(lambda: said in site.explained(waiting.id), PATIENCE)
    waiting.cancel()
    assert site.ended(waiting.id)["state"] == "canceled"
    site.reach(engine.url)
    wait_until(lambda: site.box()["state"] == "ready", PATIENCE)
    frames = site.run(run)["progress"]["frames"]
    wait_until(lambda: site.run(run)["progress"]["frames"] > frames, PATIENCE)
    assert site.agent not in {0, agent}
    site.client.get_run(run).cancel()
    assert site.ended(run)["state"] == "canceled"


@pytest.mark.timeout(700, func_only=True)
def test_a_daemon_that_is_frozen_for_a_minute_delays_nobody_on_another_target(site: Site, engine: Engine) -> None:
    run = site.evolve(frames=200, size=256)
    calm = _times(site, 0, CALM)
    engine.freeze()
    try:
        frozen = _times(site, 10_000, FREEZE)
        assert "is not answering since" in site.box()["detail"]
        assert site.run(run)["state"] == "running"
        new = site.client.start(
            site.client.create_simulation("grayscott", "while-frozen")["id"], "preview", target="box", reuse=False
        )
        assert site.ended(new.id)["state"] == "completed", "its agent is connected, and needs no daemon"
    finally:
        engine.thaw()
    calm += _times(site, 20_000, CALM)
    usual = _most(calm)
    said = (
        f"{len(frozen)} runs while the daemon was frozen, nearly all within {_most(frozen):.3f} s, the longest {max(frozen):.3f} s; "
        f"{len(calm)} before and after, nearly all within {usual:.3f} s, the longest {max(calm):.3f} s"
    )
    print(said)
    assert _most(frozen) <= usual + SLACK, said
    # nor has a single one waited for as long as an answer of the daemon is waited for
    over = sum(one - usual for one in frozen if one > usual + SLACK)
    assert over < CALL_LIMIT - SLACK, f"{over:.3f} s over in all: {said}"
    wait_until(lambda: not site.box()["since"], PATIENCE)
    site.client.get_run(run).cancel()
    assert site.ended(run)["state"] == "canceled"


def _times(site: Site, first: int, seconds: float) -> list[float]:
    """How long each of another user's small runs on `local` took, one after another for so long."""
    times: list[float] = []
    end, number = time.monotonic() + seconds, first
    site.other_users_run(number)  # their agent is there, and the code warm
    while not times or time.monotonic() < end:
        number += 1
        times.append(site.other_users_run(number))
    return times


def _most(times: list[float]) -> float:
    """The time within which nineteen of twenty are done."""
    return sorted(times)[len(times) * 19 // 20]
