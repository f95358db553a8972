"""axe-core finds no violation of WCAG 2.2 AA on any page and dialog, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.system.axe_kit import examine, prepare, settle, show
from tests.system.page_kit import Screen, Yard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]

LONG = {"size": 96, "steps": 400_000, "frames": 200}


@pytest.fixture
def screen(looked: Screen) -> Screen:
    return looked


def simulation(yard: Yard, name: str, **inputs: Any) -> str:
    made: str = yard.client.create_simulation("grayscott", name, example="tiny", inputs=inputs or None)["id"]
    return made


def test_a_fault_that_is_planted_is_found(screen: Screen) -> None:
    show(screen, "codes")
    screen.page.evaluate("""() => {
        const field = document.createElement('input');
        field.id = 'planted';
        document.querySelector('main').append(field);
    }""")
    found = examine(screen, "planted", [(1360, "light")])
    screen.page.reload()
    assert any("#planted" in line for line in found), found


def test_the_lists_while_there_is_nothing_in_them(screen: Screen, clean: Callable[..., None]) -> None:
    for place in ("codes", "simulations", "runs", "nowhere"):
        show(screen, place)
        clean(f"{place}-empty")


def test_who_is_not_logged_in_is_told_how(browser: Browser, yard: Yard, clean: Callable[..., None]) -> None:
    stranger = Screen(browser, yard, name="axe-login", enter=False)
    prepare(stranger)
    stranger.page.get_by_text("simyard open", exact=True).wait_for()
    clean("login", stranger)
    stranger.close()


def test_a_quick_model(screen: Screen, yard: Yard, clean: Callable[..., None]) -> None:
    one = yard.client.create_simulation("loud", "Quick")["id"]
    show(screen, f"simulations/{one}")
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    clean("workspace-quick")
    screen.page.get_by_label("<img src=x onerror=alert('input')>", exact=True).fill("-1")
    screen.wait_for_state("Failed")
    clean("workspace-failed")


def test_a_long_model_before_while_and_after_it_runs(screen: Screen, yard: Yard, clean: Callable[..., None]) -> None:
    one = simulation(yard, "Long", **LONG)
    show(screen, f"simulations/{one}")
    clean("workspace-before")
    screen.page.get_by_role("button", name="Run", exact=True).click()
    screen.wait_for_state("Running")
    screen.page.get_by_role("slider", name="Frame", exact=True).wait_for()
    screen.wait_for_plot()
    clean("workspace-running")
    screen.page.locator("summary", has_text="Log").click()
    clean("workspace-log")
    screen.page.get_by_role("button", name="Stop").click()
    screen.wait_for_state("Stopped")
    settle(screen)
    clean("workspace-stopped")
    run = next(iter(yard.client.runs(simulation=one)))
    show(screen, f"runs/{run.id}")
    clean("run")


def test_a_run_that_waits(screen: Screen, yard: Yard, clean: Callable[..., None]) -> None:
    ids = [simulation(yard, f"Waiting {n}", **LONG, seed=n) for n in range(3)]
    cores = next(one["cores"] for one in yard.client.targets() if one["name"] == yard.target.name)
    runs = [yard.client.start(one, "evolve", resources={"cores": cores}) for one in ids]
    show(screen, f"simulations/{ids[-1]}")
    screen.wait_for_state("Waiting")
    clean("workspace-waiting")
    show(screen, "runs")
    clean("runs-active")
    for run in runs:
        run.cancel()
    for run in runs:
        run.wait(60)


def test_lists_with_much_in_them(screen: Screen, yard: Yard, clean: Callable[..., None]) -> None:
    for n in range(20):
        yard.client.create_simulation("grayscott", f"A_rather_long_name_of_a_simulation_{n}_" * 2)
    for place in ("simulations", "runs"):
        show(screen, place)
        clean(f"{place}-many")


def test_the_keys(screen: Screen, clean: Callable[..., None]) -> None:
    show(screen, "codes")
    screen.page.keyboard.press("?")
    screen.page.get_by_role("dialog").wait_for()
    clean("keys")
    screen.page.keyboard.press("Escape")
