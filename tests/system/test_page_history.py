"""The page's history of runs, on a real Chromium against a real Simyard: two windows that agree, notes, deletion, comparing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def two(browser: Browser, yard: Yard, screens: list[Screen], name: str) -> tuple[Screen, Screen]:
    screens += [Screen(browser, yard, name=f"{name}-{n}") for n in (1, 2)]
    return screens[0], screens[1]


def runs_of(yard: Yard, name: str, *changes: dict[str, Any], model: str = "evolve") -> tuple[str, list[str]]:
    """A simulation, and its runs with these inputs, one after the other."""
    made = yard.client.create_simulation("grayscott", name, example="tiny")["id"]
    ids = []
    for inputs in changes:
        yard.client.http.json("PATCH", f"/api/v1/simulations/{made}", body={"inputs": inputs})
        ids.append(yard.client.start(made, model, wait=60, reuse=False).id)
    return made, ids


def history(page: Page, simulation: str) -> Locator:
    """The history of the model that runs long, opened."""
    page.goto(f"/#/simulations/{simulation}?model=evolve")
    fold = page.locator("summary", has_text="Earlier runs")
    fold.wait_for()
    if not page.locator(".history").count():
        fold.click()
    page.locator(".history-row").first.wait_for()
    return page.locator(".history")


def test_a_name_a_note_and_a_deletion_in_one_window_are_in_the_other_at_once(
    browser: Browser, yard: Yard, screens: list[Screen]
) -> None:
    simulation, ids = runs_of(yard, "Notes", {"steps": 500}, {"steps": 600}, {"steps": 700})
    one, other = two(browser, yard, screens, "notes")
    here, there = history(one.page, simulation), history(other.page, simulation)
    row = here.locator(".history-row").nth(2)
    row.get_by_role("button", name="What to do with").click()
    one.page.get_by_role("menuitem", name="Name it, or write a note").click()
    one.page.get_by_label("Name", exact=True).fill("Best <b>so far</b>")
    one.page.get_by_label("Note", exact=True).fill("first line\nsecond line")
    one.page.get_by_role("button", name="Save", exact=True).click()
    row.get_by_role("button", name="Pin", exact=False).first.click()
    there.locator(".history-row", has_text="Best <b>so far</b>").locator(".pinned").wait_for()
    there.locator(".history-note", has_text="second line").wait_for()
    one.picture("noted")

    there.locator(".history-row").nth(1).get_by_role("button", name="What to do with").click()
    other.page.get_by_role("menuitem", name="Delete").click()
    other.picture("asked")
    other.page.locator("dialog").get_by_role("button", name="Delete", exact=True).click()
    wait_until(lambda: here.locator(".history-row").count() == there.locator(".history-row").count() == 2)
    wait_until(lambda: not (yard.home / "users/me/runs" / ids[1]).exists())
    assert (yard.home / "users/me/runs" / ids[0]).exists()

    # a window that is opened anew has it all
    one.page.reload()
    history(one.page, simulation).locator(".history-row", has_text="Best <b>so far</b>").wait_for()


def test_inputs_of_an_earlier_run_are_used_again_and_that_is_undone(browser: Browser, yard: Yard, screens: list[Screen]) -> None:
    simulation, _ = runs_of(yard, "Inputs", {"steps": 500, "seed": 3}, {"steps": 800, "seed": 4})
    screens.append(Screen(browser, yard, name="inputs"))
    page = screens[0].page
    rows = history(page, simulation).locator(".history-row")
    rows.nth(1).locator(".history-differs", has_text="Steps 500").wait_for()
    rows.nth(1).get_by_role("button", name="What to do with").click()
    page.get_by_role("menuitem", name="Use these inputs").click()
    wait_until(lambda: page.get_by_label("Steps", exact=True).input_value() == "500")
    rows.nth(0).locator(".history-differs", has_text="Steps 800").wait_for()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    wait_until(lambda: page.get_by_label("Steps", exact=True).input_value() == "800")


def test_quick_runs_fold_and_are_cleaned_away_but_for_what_is_pinned(browser: Browser, yard: Yard, screens: list[Screen]) -> None:
    simulation, ids = runs_of(yard, "Quick", *({"seed": seed} for seed in range(20, 26)), model="preview")
    yard.client.http.json("PATCH", f"/api/v1/runs/{ids[0]}", body={"pinned": True})
    screens.append(Screen(browser, yard, name="quick"))
    page = screens[0].page
    page.goto(f"/#/simulations/{simulation}?model=preview")
    page.locator("summary", has_text="Earlier runs").click()
    fold = page.locator(".history-fold", has_text="quick runs")
    fold.wait_for()
    fold.click()
    page.locator(".history-row.part").nth(4).wait_for()
    screens[0].picture("unfolded")
    page.get_by_role("button", name="Clean up").click()
    page.get_by_role("menuitem", name="quick runs…").click()
    page.locator("dialog").get_by_role("button", name="Delete", exact=True).click()
    wait_until(lambda: {run.id for run in yard.client.runs(simulation=simulation)} & set(ids) == {ids[0], ids[-1]})


def test_runs_are_compared_and_what_was_deleted_is_said(browser: Browser, yard: Yard, screens: list[Screen]) -> None:
    simulation, ids = runs_of(yard, "Compared", {"steps": 500, "feed": 0.04}, {"steps": 700, "feed": 0.05})
    screen = Screen(browser, yard, name="compare")
    screens.append(screen)
    page = screen.page
    listed = history(page, simulation)
    listed.locator(".history-row").nth(1).wait_for()
    for row in range(2):
        listed.locator(".history-row input").nth(row).check()
    listed.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", name="Compare runs").wait_for()
    page.wait_for_selector(".compare-part .js-plotly-plot .main-svg", state="attached")
    inputs = page.locator(".compare-table").first
    wait_until(lambda: inputs.locator("tbody th").all_inner_texts() == ["Feed rate F", "Steps"])
    page.get_by_text("Show all inputs").click()
    inputs.get_by_text("Diffusion of u").wait_for()
    page.locator(".compare-table").nth(1).get_by_text("%)").first.wait_for()
    wait_until(lambda: page.locator(".compare-canvas .js-plotly-plot").count() >= 4)
    page.get_by_text("the difference is interpolated onto those of A").wait_for()
    screen.picture("side-by-side")
    page.get_by_role("button", name="Make it the first").click()
    wait_until(lambda: page.url.endswith(f"{ids[1]}%2C{ids[0]}"))
    # passed on and opened elsewhere, after one of them was deleted
    yard.client.http.json("DELETE", f"/api/v1/runs/{ids[1]}")
    page.get_by_text("1 run of this comparison was deleted").wait_for()
    screen.expected.add(404)
    page.reload()
    page.get_by_text("1 run of this comparison was deleted").wait_for()
    page.get_by_text("Two runs are needed to compare").wait_for()


def test_what_was_run_exactly_so_in_another_simulation_is_said_also_after_a_reload(
    browser: Browser, yard: Yard, screens: list[Screen]
) -> None:
    runs_of(yard, "The first", {"steps": 540})
    again = yard.client.create_simulation("grayscott", "Again", example="tiny", inputs={"steps": 540})["id"]
    screen = Screen(browser, yard, name="same")
    screens.append(screen)
    page = screen.page
    page.goto(f"/#/simulations/{again}?model=evolve")
    said = page.locator(".reused")
    said.get_by_text("You ran exactly this on").wait_for()
    said.get_by_role("link", name="The first").wait_for()
    screen.picture("said")
    assert not list(yard.client.runs(simulation=again))
    page.reload()
    said.wait_for()
    said.get_by_role("button", name="Run again").click()
    said.wait_for(state="detached")
    wait_until(lambda: [run.state for run in yard.client.runs(simulation=again)] == ["completed"])


def test_a_window_hears_of_simulations_and_says_that_it_was_asleep(browser: Browser, yard: Yard, screens: list[Screen]) -> None:
    simulation = yard.client.create_simulation("grayscott", "Before", example="tiny")["id"]
    screen = Screen(browser, yard, name="asleep")
    screens.append(screen)
    page = screen.page
    page.goto("/#/simulations")
    page.get_by_text("Before", exact=True).wait_for()
    yard.client.http.json("PATCH", f"/api/v1/simulations/{simulation}", body={"name": "After"})
    page.get_by_text("After", exact=True).wait_for()
    yard.client.http.json("DELETE", f"/api/v1/simulations/{simulation}")
    page.get_by_text("After", exact=True).wait_for(state="detached")
    # a laptop that was shut: its timers stood still, its clock did not
    page.evaluate("{ const real = Date.now; Date.now = () => real() + 300_000; }")
    page.get_by_text("Awake again, and up to date.").wait_for()
    page.get_by_text("Live", exact=True).first.wait_for()
