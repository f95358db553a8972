"""Simyard goes on with a newer image: whose runs are under way keeps their container until those are done, and no run is the worse for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.supervisor import replacing
from tests.docker_engine import IMAGE, Engine
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import Target, box

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(600)]
NAME = "simyard-versions"
#: Nothing here takes so long (seconds) on a machine that has other things to do as well.
LIMIT = 120.0


def make_image(engine: Engine, label: str) -> None:
    """As `simyard image build` does it: another image takes the name."""
    engine.docker("build", "-q", "-t", NAME, "-", stdin=f"FROM {IMAGE}\nLABEL again={label}\n".encode())


@pytest.fixture(scope="module")
def yard(engine: Engine) -> Iterator[Yard]:
    settings = box(engine).settings.replace(f'"{IMAGE}"', f'"{NAME}"')
    make_image(engine, "first")
    with (
        tempfile.TemporaryDirectory(prefix="yard-") as folder,
        Yard(Path(folder) / "home", Path(__file__).parent / "codes", Target("box", settings)) as made,
    ):
        yield made
    engine.remove_everything()
    engine.docker("rmi", "-f", NAME)


def containers(engine: Engine) -> list[str]:
    """Those that run, by their ids."""
    return engine.docker("ps", "-q", "--no-trunc").split()


def is_newest(engine: Engine) -> bool:
    """Whether one runs that is made of the image that has the name now."""
    return bool(engine.docker("ps", "-q", "--filter", f"ancestor={NAME}"))


def completes(yard: Yard) -> bool:
    run = yard.client.run("trouble", "now", inputs={"words": "again"}, target="box", reuse=False).wait(LIMIT)
    return bool(run.state == "completed")


def test_an_agent_is_replaced_with_its_container_when_its_runs_are_done(yard: Yard, engine: Engine) -> None:
    assert completes(yard)
    old, agent = containers(engine), yard.agent
    assert len(old) == 1
    assert agent
    long = yard.client.run("trouble", "later", inputs={"seconds": 600}, target="box", resources={"time_limit": 900})
    wait_until(lambda: long.refresh().state == "running", LIMIT)
    make_image(engine, "second")
    # a supervisor that is started again asks at once whether its agents are as they should be
    yard.kill("supervisor")
    wait_until(lambda: "is of an older version" in (yard.home / "log" / "supervisor.log").read_text(), LIMIT)
    assert completes(yard), "nobody waits for a replacement that is not near"
    assert containers(engine) == old
    assert yard.agent == agent
    assert long.refresh().state == "running"
    long.cancel()
    long.wait(LIMIT)
    assert long.state == "canceled"
    wait_until(lambda: is_newest(engine) and yard.agent not in {0, agent}, LIMIT)
    assert completes(yard)
    assert is_newest(engine)


def test_without_a_restart_it_is_found_out_within_a_while(yard: Yard, engine: Engine) -> None:
    wait_until(lambda: is_newest(engine) and yard.agent != 0, LIMIT)
    make_image(engine, "third")
    wait_until(lambda: is_newest(engine), 2 * replacing.CHECK_INTERVAL + LIMIT)
    assert completes(yard)
