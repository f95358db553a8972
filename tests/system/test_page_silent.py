"""The page where a place to run does not answer: which one, since when and why; a run there is silent, and never called failed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
#: Where no Docker daemon listens.
URL = "unix:///nowhere/docker.sock"
SETTINGS = f'[targets.box]\nkind = "docker"\n[docker]\nhosts = ["{URL}"]\n'


def _silent(home: Path, codes: Path) -> Yard:
    made = Yard(home, codes)
    (home / "simyard.toml").write_text(SETTINGS, "utf-8")
    return made


@pytest.fixture(scope="module")
def yard(site_codes: Path) -> Iterator[Yard]:
    with (
        tempfile.TemporaryDirectory(prefix="yard-", ignore_cleanup_errors=True) as folder,
        _silent(Path(folder) / "home", site_codes) as made,
    ):
        wait_until(lambda: next(one for one in made.client.targets() if one["name"] == "box")["state"] == "silent", 60)
        yield made


def test_a_run_that_waits_for_a_silent_place_says_so_and_the_places_say_since_when(yard: Yard, screen: Screen) -> None:
    simulation = yard.client.create_simulation("grayscott", "seen")["id"]
    run = yard.client.start(simulation, "evolve", target="box")
    screen.page.goto(f"/#/simulations/{simulation}?model=evolve")
    screen.page.locator(".why", has_text="is not answering since").wait_for()
    screen.page.locator(".where-button").click()
    place = screen.page.locator(".place.silent")
    expect(place.locator(".place-state")).to_contain_text("not answering since")
    expect(place.locator(".place-detail")).to_contain_text(URL)
    screen.picture("where")
    assert "is not answering since" in yard.simyard("target", "list")
    run.cancel()


def test_a_run_that_is_silent_says_why_its_place_is(yard: Yard, screen: Screen) -> None:
    def troubled(route: Route) -> None:
        found = json.loads(route.fetch().text())
        for one in found["items"]:
            one.update(state="silent", detail=f"{URL} is not answering since 20:15 UTC.")
        route.fulfill(json=found)

    simulation = yard.client.create_simulation("grayscott", "goes on", inputs={"steps": 1_000_000, "size": 256})["id"]
    run = yard.client.start(simulation, "evolve", target="local")
    wait_until(lambda: yard.client.get_run(run.id).state == "running", 60)
    screen.page.route("**/api/v1/targets*", troubled)
    screen.page.clock.install()
    screen.page.goto(f"/#/runs/{run.id}")
    screen.page.reload()
    screen.page.locator(".run-page").wait_for()
    screen.page.clock.fast_forward(90_000)
    notice = screen.page.locator(".notice", has_text="Last heard of")
    notice.wait_for()
    screen.page.locator(".notice", has_text=f"{URL} is not answering since 20:15 UTC.").wait_for()
    screen.picture("silent")
    run.cancel()
