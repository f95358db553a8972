"""The page: long runs, watched, stopped, run again, and compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.system.page_kit import Screen, Yard, wait_until
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), on_each_target]


def test_a_long_run_shows_its_frames_while_it_runs_and_is_stopped_and_run_again(screen: Screen, yard: Yard) -> None:
    page = screen.page
    screen.expected.add(422)  # a curve of which there is no point yet
    screen.pick("Gray–Scott", "Coral growth")
    page.get_by_label("Steps", exact=True).fill("200000")
    page.get_by_label("Frames", exact=True).fill("1000")
    page.get_by_text("Saved", exact=True).wait_for()
    page.keyboard.press("Control+Enter")
    screen.wait_for_state("Running")
    page.get_by_text(re.compile(r"^\d+ frames?$")).first.wait_for()
    screen.wait_for_plot()
    bar = page.get_by_role("progressbar", name="Progress")
    first = float(bar.get_attribute("aria-valuenow") or "0")
    frame = page.get_by_role("slider", name="Frame", exact=True)
    seen = int(frame.get_attribute("max") or "0")
    wait_until(lambda: int(frame.get_attribute("max") or "0") > seen + 3)
    wait_until(lambda: frame.evaluate("one => one.value === one.max"))  # live: the newest frame is shown
    screen.picture("running")

    frame.focus()
    page.keyboard.press("Home")
    screen.wait_for_plot()
    expect(frame).to_have_value("0")
    page.get_by_role("button", name="Live").click()
    wait_until(lambda: frame.evaluate("one => one.value === one.max"))

    page.locator("summary", has_text="Log").click()
    page.get_by_role("log", name="Log").wait_for()
    page.get_by_role("button", name="Stop", exact=True).first.click()
    screen.wait_for_state("Stopped after")
    # on a busy machine what is stopped may not end in time by itself
    page.locator(".reason", has_text=re.compile("stopped on request|had to be killed")).wait_for()
    assert first >= 0
    screen.picture("stopped")

    page.get_by_label("Steps", exact=True).fill("600")
    page.get_by_label("Grid", exact=True).fill("64")
    page.get_by_text("The inputs have changed since this run").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    screen.wait_for_state("Completed")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    screen.picture("completed")

    page.get_by_text("Open this run").click()
    screen.picture("run-page")
    page.get_by_label("Search the files").fill("mass.csv")
    page.get_by_role("link", name="work/mass.csv", exact=True).click()
    page.get_by_role("dialog").get_by_text("step").first.wait_for()
    screen.picture("file")
    page.keyboard.press("Escape")
    with page.expect_download() as bundle:
        page.get_by_role("link", name="Download all").first.click()
    assert Path(bundle.value.path()).read_bytes().startswith(b"PK")


def test_two_runs_are_picked_from_the_history_and_compared(screen: Screen, yard: Yard) -> None:
    page = screen.page
    screen.pick("Gray–Scott", "Tiny")
    simulation = page.url.rsplit("/", 1)[1].partition("?")[0]

    def ended() -> int:
        return sum(run.final for run in yard.client.runs(simulation=simulation, model="evolve"))

    for count, seed in enumerate(("3", "4")):
        page.get_by_label("Seed", exact=True).fill(seed)
        page.get_by_text("Saved", exact=True).wait_for()
        page.keyboard.press("Control+Enter")
        wait_until(lambda count=count: ended() > count)
    page.locator("summary", has_text="Earlier runs").click()
    page.locator(".history-row").nth(1).wait_for()
    for row in (0, 1):
        page.locator(".history-row").nth(row).get_by_role("checkbox").check()
    screen.picture("picked")
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("heading", name="Compare runs").wait_for()
    page.locator("main").get_by_text("Seed", exact=True).first.wait_for()
    # inputs that are the same are left out
    expect(page.locator("main").get_by_text("Grid", exact=True)).to_have_count(0)
    page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    page.locator("[aria-busy=true]").first.wait_for(state="detached")
    screen.picture("compared")


def test_with_other_inputs_while_it_runs_the_page_asks_before_it_stops_the_run(screen: Screen) -> None:
    page = screen.page
    screen.expected |= {409, 422}
    screen.pick("Gray–Scott", "Labyrinth")
    page.get_by_label("Steps", exact=True).fill("300000")
    page.get_by_text("Saved", exact=True).wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    screen.wait_for_state("Running")
    page.get_by_label("Steps", exact=True).fill("500")
    page.get_by_text("Saved", exact=True).wait_for()
    page.keyboard.press("Control+Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("It is already running with other inputs").wait_for()
    screen.picture("asked")
    dialog.get_by_role("button", name="Stop it and run").click()
    screen.wait_for_state("Completed")
