"""The page while its connection breaks, and in two tabs: it says so, catches up, and agrees."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import Browser

from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_what_happens_while_web_is_away_is_caught_up_with(screen: Screen, yard: Yard) -> None:
    page = screen.page
    screen.pick("Gray–Scott", "Coral growth")
    page.get_by_label("Steps", exact=True).fill("4000")
    page.get_by_text("Saved", exact=True).wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    screen.wait_for_state("Running")
    yard.kill("web")
    page.get_by_text("Connected again, and up to date.").wait_for()
    screen.wait_for_state("Completed")
    yard.kill("supervisor")
    # pressed while nobody is there to take it: it is asked again, and done once
    page.get_by_role("button", name="Run again").click()
    simulation = page.url.rsplit("/", 1)[1]
    wait_until(lambda: [run.state for run in yard.client.runs(simulation=simulation)] == ["completed"] * 2, 60)
    screen.wait_for_state("Completed")
    page.get_by_text("Live", exact=True).first.wait_for()
    screen.complaints.clear()  # the browser's own words on a connection that broke


def test_two_tabs_agree(screens: list[Screen], browser: Browser, yard: Yard) -> None:
    one, other = (Screen(browser, yard, name=f"tab-{n}") for n in (1, 2))
    screens += [one, other]
    other.expected.add(412)
    one.pick("Gray–Scott", "Tiny")
    one.page.get_by_text("Saved", exact=True).wait_for()
    other.page.goto(one.page.url)
    other.page.get_by_label("Seed", exact=True).wait_for()
    one.page.get_by_label("Seed", exact=True).fill("11")
    one.page.get_by_text("Saved", exact=True).wait_for()
    # told by the event stream, without a reload
    wait_until(lambda: other.page.get_by_label("Seed", exact=True).input_value() == "11")
    other.page.get_by_label("Frames", exact=True).fill("7")
    wait_until(lambda: one.page.get_by_label("Frames", exact=True).input_value() == "7")
    other.page.get_by_role("button", name="Run", exact=True).click()
    other.wait_for_state("Completed")
    one.wait_for_state("Completed")


def running(screen: Screen, steps: int) -> str:
    """Start a long run from the gallery, and see its first picture; answers with its simulation."""
    page = screen.page
    screen.pick("Gray–Scott", "Coral growth")
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.get_by_text("Saved", exact=True).wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    screen.wait_for_state("Running")
    screen.wait_for_plot()
    return page.url.rsplit("/", 1)[1].partition("?")[0]


def end(yard: Yard, simulation: str) -> str:
    """End the run, beside the page; answers with its state. (One that ended by itself might do so too early.)"""
    (run,) = yard.client.runs(simulation=simulation)
    run.cancel()
    return run.wait(60).state


def test_while_the_supervisor_is_away_the_page_says_so_saves_inputs_and_recovers_by_itself(screen: Screen, yard: Yard) -> None:
    page = screen.page
    simulation = running(screen, 30_000)
    away = page.get_by_role("alert").filter(has_text="supervisor")
    screen.picture("before")

    def keep_it_away() -> bool:
        with contextlib.suppress(ProcessLookupError, KeyError):
            yard.kill("supervisor")
        return away.is_visible()

    wait_until(keep_it_away)
    screen.picture("away")
    page.get_by_label("Seed", exact=True).fill("77")
    page.get_by_text("Saved", exact=True).wait_for()
    assert yard.client.simulation(simulation)["inputs"]["seed"] == 77
    away.wait_for(state="hidden")
    page.get_by_text("Live", exact=True).first.wait_for()
    screen.wait_for_state("Running")  # the run has not noticed
    screen.picture("back")
    page.get_by_role("button", name="Stop").click()
    screen.wait_for_state("Stopped")
    screen.complaints.clear()  # the browser's own words on answers of 503


def test_what_happens_while_the_network_is_cut_off_is_caught_up_with(screen: Screen, yard: Yard) -> None:
    page = screen.page
    simulation = running(screen, 30_001)
    screen.wait_for_plot()
    screen.context.set_offline(True)
    page.get_by_role("alert").filter(has_text="This machine is offline").wait_for()
    screen.picture("offline")
    assert end(yard, simulation) == "canceled"
    assert "Running" in screen.state()
    screen.context.set_offline(False)
    page.get_by_text("Connected again, and up to date.").wait_for()
    screen.wait_for_state("Stopped")
    screen.wait_for_plot()
    screen.picture("back")
    screen.complaints.clear()  # the browser's own words on a network that is not there


def test_a_plot_that_nobody_answered_for_is_asked_for_again_when_the_network_is_back(screen: Screen, yard: Yard) -> None:
    page = screen.page
    screen.pick("Gray–Scott", "Tiny")
    page.get_by_role("button", name="Run", exact=True).click()
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    screen.context.set_offline(True)
    page.get_by_role("tab", name="Mean concentrations").click()
    page.get_by_text("The plot could not be made").wait_for()
    screen.context.set_offline(False)
    page.get_by_role("figure", name="Plot: Mean concentrations").wait_for()
    screen.wait_for_plot()
    screen.complaints.clear()  # as above


def test_a_machine_that_was_busy_for_a_while_is_not_taken_for_one_that_slept(screen: Screen, yard: Yard) -> None:
    page = screen.page
    simulation = yard.client.create_simulation("grayscott", "First", example="tiny")["id"]
    page.goto("/#/simulations")
    page.reload()
    page.get_by_text("First", exact=True).wait_for()
    page.get_by_text("Live", exact=True).first.wait_for()
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if request.url.endswith("/events") else None)
    # its timers are late, and the stream has gone on; the page has looked at its clock once when this returns
    page.evaluate("""() => {
        const real = Date.now; Date.now = () => real() + 12_000;
        return new Promise((done) => setTimeout(done, 2500));
    }""")
    yard.client.http.json("PATCH", f"/api/v1/simulations/{simulation}", body={"name": "Second"})
    page.get_by_text("Second", exact=True).wait_for()
    assert page.locator(".toast").count() == 0
    assert not streams  # it was not reconnected


def test_a_laptop_that_wakes_shows_what_has_happened_while_it_slept(screen: Screen, yard: Yard) -> None:
    page = screen.page
    simulation = running(screen, 30_002)
    devtools = screen.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    assert end(yard, simulation) == "canceled"
    yard.kill("web")  # its connections are gone, as after a night
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    screen.wait_for_state("Stopped")
    page.get_by_text("Live", exact=True).first.wait_for()
    screen.wait_for_plot()
    screen.picture("awake")
    screen.complaints.clear()  # as above
