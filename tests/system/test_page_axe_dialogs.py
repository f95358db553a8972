"""axe-core finds no violation of WCAG 2.2 AA in dialogs, menus, comparisons and files of runs, light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from simyard.client.runs import RemoteRun
from tests.system.axe_kit import settle, show
from tests.system.page_kit import Screen, Yard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]


@pytest.fixture(scope="module")
def runs(yard: Yard) -> list[RemoteRun]:
    """Two runs of a simulation that has been saved a few times."""
    made = yard.client.create_simulation("grayscott", "Dialogs", example="tiny")
    found = []
    for seed in (1, 2):
        changed = yard.client.change_simulation(yard.client.simulation(made["id"]), inputs={"seed": seed})
        found.append(yard.client.start(changed["id"], "evolve", wait=60).wait(60))
    return found


@pytest.fixture
def screen(looked: Screen) -> Screen:
    return looked


def menu(screen: Screen, item: str) -> None:
    screen.page.get_by_role("button", name="More for this simulation").click()
    screen.page.get_by_role("menuitem", name=item).click()
    screen.page.get_by_role("dialog").wait_for()
    settle(screen)


def test_the_dialogs_of_a_simulation(screen: Screen, runs: list[RemoteRun], clean: Callable[..., None]) -> None:
    page = screen.page
    show(screen, f"simulations/{runs[0].data['simulation']}")
    page.get_by_role("button", name="More for this simulation").click()
    clean("menu")
    page.keyboard.press("Escape")
    for item, what in (("Saves and differences", "saves"), ("Show the generated input", "generated")):
        menu(screen, item)
        clean(what)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("button", name="local").click()
    clean("where")
    page.keyboard.press("Escape")
    page.locator("summary", has_text="Earlier runs").click()
    page.locator(".history-list li").first.wait_for()
    clean("history")


def test_the_dialogs_of_the_frame(screen: Screen, runs: list[RemoteRun], clean: Callable[..., None]) -> None:
    page = screen.page
    show(screen, "runs")
    page.get_by_role("button", name=re.compile("ended")).click()
    clean("bell")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show as").first.click()
    page.get_by_role("dialog").wait_for()
    clean("show-as")
    page.keyboard.press("Escape")


def test_a_comparison(screen: Screen, runs: list[RemoteRun], clean: Callable[..., None]) -> None:
    show(screen, f"compare?runs={','.join(run.id for run in runs)}")
    screen.page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    settle(screen)
    clean("compare")
    show(screen, "codes")
    show(screen, "compare")
    clean("compare-nothing")


def test_the_files_of_a_run(screen: Screen, runs: list[RemoteRun], clean: Callable[..., None]) -> None:
    page = screen.page
    show(screen, f"runs/{runs[0].id}")
    for name in ("work/mass.csv", "run.log"):
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("dialog").wait_for()
        settle(screen)
        clean(f"file-{name.split('/')[-1]}")
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="hidden")


def test_the_bin(screen: Screen, yard: Yard, clean: Callable[..., None]) -> None:
    made = yard.client.create_simulation("grayscott", "Thrown away")
    yard.client.delete_simulation(made["id"])
    show(screen, f"simulations/{made['id']}")
    clean("binned")
    show(screen, "simulations")
    screen.page.locator(".rail-place", has_text="Bin").click()
    screen.page.get_by_text("Thrown away").first.wait_for()
    clean("bin")
