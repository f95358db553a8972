"""From the press of Run to the end the page says what is happening, why it waits, what went wrong, and what to do about it."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from simyard.client import RemoteRun
from tests.system.page_kit import Screen, Yard, comes_true, wait_until
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), on_each_target]


def make(yard: Yard, name: str, **inputs: Any) -> str:
    return str(yard.client.create_simulation("trouble", name, inputs=inputs)["id"])


def open_(screen: Screen, simulation: str, model: str = "later") -> Page:
    screen.page.goto(f"/#/simulations/{simulation}?model={model}")
    screen.page.locator(".run-panel").wait_for()
    return screen.page


def run_button(page: Page) -> Any:
    return page.locator(".run-bar .button.run")


def newest(yard: Yard, simulation: str) -> RemoteRun:
    return next(yard.client.runs(simulation=simulation))


def test_a_run_that_waits_says_why_where_it_stands_and_what_would_clear_it(screen: Screen, yard: Yard) -> None:
    client = yard.client
    place = next(one for one in client.targets() if one["name"] == yard.target.name)
    if place["kind"] == "sbatch":
        waits_in_the_queue_of_a_cluster(screen, yard)
        return
    cores = place["cores"]
    first = client.start(make(yard, "In the way", how="slow", seconds=600), "later", resources={"cores": cores})
    wait_until(lambda: first.refresh().state == "running")
    page = open_(screen, make(yard, "Has to wait", seconds=0.1))
    page.locator(".where-button").click()
    page.get_by_label("Cores", exact=True).fill("many")
    page.get_by_text("A whole number, 1 or more.").wait_for()
    expect(run_button(page)).to_be_disabled()
    page.get_by_label("Cores", exact=True).fill(str(cores))
    page.get_by_role("radio", name=yard.target.name).wait_for()
    screen.picture("where")
    page.keyboard.press("Escape")
    expect(page.locator(".where-button")).to_be_focused()
    run_button(page).click()
    screen.wait_for_state("Waiting")
    why = page.get_by_role("region", name="Why it waits")
    why.get_by_text("It goes on when runs there end.").wait_for()
    why.get_by_text("next in line").wait_for()
    expect(why.locator(".gate.here")).to_contain_text("Cores and memory")
    screen.picture("waiting")
    first.cancel()
    screen.wait_for_state("Completed")
    expect(why).to_have_count(0)


def waits_in_the_queue_of_a_cluster(screen: Screen, yard: Yard) -> None:
    """There it is Slurm that has a line, and says why."""
    whole = {"batch": {"partition": "debug", "cpus_per_task": 2}}
    first = yard.client.start(make(yard, "In the way", how="slow", seconds=600), "later", resources=whole)
    wait_until(lambda: first.refresh().state == "running")
    page = open_(screen, make(yard, "Has to wait", seconds=0.1))
    page.locator(".where-button").click()
    page.get_by_label("Cores for each task").fill("many")
    page.get_by_text("A whole number, 1 or more.").wait_for()
    expect(run_button(page)).to_be_disabled()
    page.get_by_label("Cores for each task").fill("2")
    page.keyboard.press("Escape")
    run_button(page).click()
    screen.wait_for_state("In the queue of pool")
    said = page.get_by_role("region", name="What pool says")
    said.get_by_text(re.compile("[Ww]aiting (for|behind)")).wait_for()
    said.get_by_text(re.compile(r"job \d+")).wait_for()
    screen.picture("queued")
    first.cancel()
    screen.wait_for_state("Completed")
    expect(said).to_have_count(0)


def test_a_run_tells_its_progress_the_time_left_and_its_memory_and_is_stopped(screen: Screen, yard: Yard) -> None:
    simulation = make(yard, "Goes on", how="slow", seconds=150)
    page = open_(screen, simulation)
    run_button(page).click()
    screen.wait_for_state("Running")
    page.locator(".time-left", has_text="left").wait_for()
    page.locator(".memory", has_text="of 128 MiB").wait_for()
    # the tab tells it as well
    comes_true(page, "/^● \\d+ % Later · Goes on/.test(document.title)")
    assert "icon-busy" in (page.locator("link[rel=icon]").get_attribute("href") or "")
    screen.picture("running")
    page.get_by_role("button", name="Stop", exact=True).first.click()
    screen.wait_for_state("Stopped after")
    comes_true(page, "document.title === 'Goes on · Simyard'")


@pytest.mark.parametrize(
    "how, cause, fix",
    [
        ("memory", "It needed more memory than the 128 MiB", "Run again with twice the memory (256 MiB)"),
        ("exit", "exit status 3", "Run again"),
        ("signal", "SIGSEGV", "Run again"),
        ("missing", "The code raised an error", "Add lattice.seq"),
        ("input", "does not accept these inputs", "Look at “Seconds”"),
    ],
)
def test_a_failure_says_its_cause_first_and_what_helps(screen: Screen, yard: Yard, how: str, cause: str, fix: str) -> None:
    page = open_(screen, make(yard, f"Fails by {how}", how=how, seconds=0.1))
    run_button(page).click()
    screen.wait_for_state("Failed")
    failure = page.locator(".failure")
    expect(failure.locator(".failure-head")).to_contain_text(cause)
    failure.get_by_role("button", name=fix).first.wait_for()
    screen.picture("failed")
    if how == "exit":
        expect(failure.locator(".bad-line")).to_have_text("ERROR: the mesh has 12 inverted cells\n")
    if how == "input":
        failure.get_by_role("button", name=fix).click()
        expect(page.get_by_label("Seconds", exact=True)).to_be_focused()


def test_run_again_with_twice_the_memory_runs_with_it_and_keeps_it(screen: Screen, yard: Yard) -> None:
    simulation = make(yard, "Too little", how="memory", seconds=0.1)
    page = open_(screen, simulation)
    run_button(page).click()
    page.get_by_role("button", name="Run again with twice the memory (256 MiB)").click()
    page.get_by_role("button", name="Run again with twice the memory (512 MiB)").wait_for()
    assert newest(yard, simulation).data["resources"]["memory"] == 256 << 20
    page.reload()
    page.locator(".where-button", has_text="256 MiB").wait_for()


def test_a_time_limit_is_set_reached_and_doubled(screen: Screen, yard: Yard) -> None:
    simulation = make(yard, "Too long", how="slow", seconds=8)
    page = open_(screen, simulation)
    page.locator(".where-button").click()
    page.get_by_label("Time limit", exact=True).fill("7 s")
    page.get_by_role("button", name="Close", exact=True).click()
    run_button(page).click()
    screen.wait_for_state("Failed")
    expect(page.locator(".failure-head")).to_contain_text("It was stopped at its time limit")
    page.get_by_role("button", name="Run again with twice the time").click()
    screen.wait_for_state("Completed")


def test_a_quick_run_that_fails_moves_nothing_and_old_results_stay_as_of_an_earlier_run(screen: Screen, yard: Yard) -> None:
    page = open_(screen, make(yard, "Moves nothing", seconds=0.05), "now")
    screen.run_where_nothing_follows()
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    expect(page.locator(".numbers")).to_contain_text("Residual\n0 mm", use_inner_text=True)
    before = page.locator(".report-stage").bounding_box()
    page.get_by_label("How it goes", exact=True).select_option("exception")
    screen.run_where_nothing_follows()
    screen.wait_for_state("Failed")
    page.locator(".failure.over").wait_for()
    page.get_by_text("As of an earlier run").wait_for()
    wait_until(lambda: page.locator(".report-stage").bounding_box() == before)
    expect(page.locator(".numbers")).to_contain_text("Residual\n0 mm", use_inner_text=True)
    screen.picture("failed")
    page.get_by_label("How it goes", exact=True).select_option("well")
    screen.run_where_nothing_follows()
    screen.wait_for_state("Completed")
    expect(page.locator(".failure")).to_have_count(0)


def test_what_was_stopped_for_newer_inputs_says_so(screen: Screen, yard: Yard) -> None:
    simulation = make(yard, "Newer", seconds=120, words="newer")
    page = open_(screen, simulation, "now")
    screen.run_where_nothing_follows()
    wait_until(lambda: [run.state for run in yard.client.runs(simulation=simulation)] == ["running"])
    page.get_by_label("Seconds", exact=True).fill("0.05")
    screen.run_where_nothing_follows()
    screen.wait_for_state("Completed")
    old = list(yard.client.runs(simulation=simulation))[1]
    wait_until(lambda: old.refresh().final)
    page.goto(f"/#/runs/{old.id}")
    page.get_by_text("Stopped, because the inputs had changed").wait_for()


def test_a_log_is_searched_followed_and_bounded(screen: Screen, yard: Yard) -> None:
    # five hundred lines a step: more than the page keeps
    run = yard.client.start(make(yard, "Talks", how="talk", seconds=2.5), "later", wait=60)
    assert run.state == "completed", run.reason
    page = screen.page
    page.goto(f"/#/runs/{run.id}")
    log = page.locator(".log-text")
    log.get_by_text("step 49 line 499 of the talk").wait_for()
    page.get_by_text("Only the end is shown").wait_for()
    assert page.locator(".log-block").count() <= 201
    # it stays at the end
    wait_until(lambda: log.evaluate("one => one.scrollHeight - one.scrollTop - one.clientHeight < 30"))
    search = page.get_by_role("searchbox", name="Search in the log")
    search.fill("LINE 48 of")
    page.get_by_text("1 of", exact=False).first.wait_for()
    expect(log.locator("mark.current")).to_be_in_viewport()
    search.press("Enter")
    page.locator(".log-hits", has_text="2 of").wait_for()
    page.get_by_role("button", name="Upper and lower case matter").click()
    page.locator(".log-hits", has_text="0 matches").wait_for()
    screen.picture("log")


def test_colours_of_a_log_are_shown_and_control_characters_are_not_obeyed(screen: Screen, yard: Yard) -> None:
    run = yard.client.start(make(yard, "Colours", how="exit", seconds=0.1, words="<script>x</script>"), "later", wait=60)
    page = screen.page
    page.goto(f"/#/runs/{run.id}")
    page.locator(".log-text .ansi-2.ansi-bold", has_text="Trouble 1.0").wait_for()
    expect(page.locator(".log-text")).to_contain_text("begins: <script>x</script>")
    expect(page.locator(".log-text")).not_to_contain_text("reading 10 %")
    page.get_by_role("button", name="First error").click()
    expect(page.locator(".log-text .bad-line").first).to_be_in_viewport()


def test_a_supervisor_that_is_away_is_said_and_a_run_that_was_asked_for_then_is_made_once(screen: Screen, yard: Yard) -> None:
    simulation = make(yard, "While it is away", seconds=0.1, words="away")
    page = open_(screen, simulation)
    screen.expected |= {503}
    said = page.locator(".state-line", has_text="Asking…").or_(page.get_by_text("Nobody answers yet")).first

    def keep_it_away() -> bool:
        with contextlib.suppress(ProcessLookupError, KeyError):
            yard.kill("supervisor")
        return said.is_visible()

    expect(run_button(page)).to_be_enabled()
    yard.kill("supervisor")
    run_button(page).evaluate("(button) => button.click()")  # at once: it is soon back
    wait_until(keep_it_away)
    screen.picture("asking")
    screen.wait_for_state("Completed")
    assert len(list(yard.client.runs(simulation=simulation))) == 1
    screen.complaints.clear()  # the browser's own words on a connection that broke


def test_a_run_whose_processes_were_killed_says_so(screen: Screen, yard: Yard) -> None:
    simulation = make(yard, "Lost", how="slow", seconds=600)
    page = open_(screen, simulation)
    run_button(page).click()
    screen.wait_for_state("Running")
    run = newest(yard, simulation)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/environ", "rb") as environ:
                ours = run.id.encode() in line.read() + environ.read()
            if ours:
                os.kill(pid, 9)
        except (OSError, ProcessLookupError):
            continue
    page.locator(".state-line.failed, .state-line.lost").wait_for()
    # of a job nobody but Slurm knows how it ended, and that only roughly
    page.locator(".failure-head", has_text=re.compile(r"It was killed \(SIGKILL\)|It was ended from outside")).wait_for()
    page.get_by_role("button", name="Run again with twice the memory").wait_for()
    screen.picture("gone")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_states_fit_a_narrow_screen(screens: list[Screen], browser: Browser, yard: Yard, dark: bool) -> None:
    screen = Screen(browser, yard, name=f"run-narrow-{'dark' if dark else 'light'}", width=360, dark=dark)
    screens.append(screen)
    page = open_(screen, make(yard, "A_long_name_without_a_place_to_break_" * 4, how="exit", seconds=0.5, words=str(dark)))
    page.get_by_role("button", name="Run", exact=True).first.click()
    screen.wait_for_state("Failed")
    page.locator(".excerpt .bad-line").wait_for()
    screen.picture("failed")
    page.locator(".where-button").click()
    page.get_by_label(re.compile("^Memory")).wait_for()
    screen.picture("where")
    screen.fits(360)
