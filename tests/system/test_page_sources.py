"""A file input that takes from another simulation, on a real Chromium: chosen in a dialog, and said how it stands."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.system.axe_kit import examine, prepare
from tests.system.page_kit import Screen, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def new(screen: Screen, name: str, **inputs: Any) -> str:
    return str(screen.yard.client.create_simulation("relay", name, inputs=inputs)["id"])


def run(screen: Screen, simulation: str, **options: Any) -> None:
    ended = screen.yard.client.start(simulation, "pass", **options).wait(60)
    assert ended.state == "completed", ended.reason


def says(page: Page, state: str, words: str) -> None:
    expect(page.locator("[data-input=numbers] .badge")).to_have_text(state)
    expect(page.locator("[data-input=numbers] .source-said")).to_contain_text(words)


def press_run(screen: Screen) -> None:
    screen.page.get_by_role("button", name="Run", exact=True).first.click()


def test_a_file_of_another_simulation_is_chosen_taken_and_out_of_date(screen: Screen) -> None:
    page, client = screen.page, screen.yard.client
    ring, track = new(screen, "Storage ring"), new(screen, "Tracking")
    new(screen, "Another one")
    run(screen, ring)
    prepare(screen)
    page.goto(f"/#/simulations/{track}?model=pass")
    page.get_by_role("button", name="From another simulation…").click()
    dialog = page.get_by_role("dialog", name="Numbers: from another simulation")
    dialog.get_by_label("Find a simulation").fill("ring")
    expect(dialog.get_by_role("radio")).to_have_count(1)
    # by the keyboard alone
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(dialog.get_by_label("What it computes")).to_have_value("pass")
    dialog.get_by_role("radio", name="numbers.txt").focus()
    page.keyboard.press("Space")
    assert not examine(screen, "dialog"), examine(screen, "dialog")
    dialog.get_by_role("button", name="Take this file").press("Enter")
    dialog.wait_for(state="detached")
    wait_until(
        lambda: client.simulation(track)["inputs"]["numbers"] == {"simulation": ring, "model": "pass", "file": "work/numbers.txt"}
    )
    says(page, "current", "of its newest run")
    press_run(screen)
    screen.wait_for_state("Completed")
    expect(page.locator(".numbers").first).to_contain_text("24")
    says(page, "current", "of its newest run")
    # the source changes: first its inputs, then what it has computed
    source = client.change_simulation(client.simulation(ring), inputs={"factor": 10})
    says(page, "out of date", "“Storage ring” was changed after its newest completed run of Pass on.")
    run(screen, source["id"])
    says(page, "out of date", "“Storage ring” has a newer run of Pass on than the one that was taken last.")
    expect(page.locator(".run-state .outdated")).to_be_visible()
    group = page.get_by_role("group", name="Numbers")
    expect(group.get_by_role("button", name="Another source…")).to_be_visible()
    assert not examine(screen, "out of date"), examine(screen, "out of date")
    press_run(screen)
    says(page, "current", "of its newest run")
    expect(page.locator(".numbers").first).to_contain_text("120")
    expect(page.locator(".run-state .outdated")).to_have_count(0)
    # the run says where its file came from
    page.goto(f"/#/runs/{next(iter(client.runs(simulation=track))).id}")
    link = page.get_by_role("link", name="from “Storage ring”")
    expect(link).to_have_attribute("href", f"#/runs/{next(iter(client.runs(simulation=ring))).id}?file=work%2Fnumbers.txt")
    # what is gone is named, and there is a way out
    client.delete_simulation(ring)
    page.goto(f"/#/simulations/{track}?model=pass")
    says(page, "gone", "“Storage ring” lies in the bin.")
    screen.picture("gone")
    page.get_by_role("button", name="A file instead").click()
    page.get_by_role("button", name="From another simulation…").wait_for()
    wait_until(lambda: client.simulation(track)["inputs"]["numbers"] == "")


def test_where_nothing_was_run_yet_the_file_is_named_and_the_run_says_what_to_do(screen: Screen) -> None:
    page, client = screen.page, screen.yard.client
    first, second = new(screen, "Not yet run", factor=3), new(screen, "Waiting")
    screen.expected = {409}
    page.goto(f"/#/simulations/{second}?model=pass")
    page.get_by_role("button", name="From another simulation…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Not yet run").check()
    path = dialog.get_by_label("Path of the file")
    path.fill("../numbers.txt")
    dialog.get_by_text("That cannot be the path of a file.").wait_for()
    path.fill("numbers.txt")
    path.press("Enter")
    dialog.wait_for(state="detached")
    says(page, "nothing yet", "“Not yet run” has no completed run of Pass on yet. Run that first, then this.")
    press_run(screen)
    page.get_by_role("alert").get_by_text("has no completed run").wait_for()
    screen.picture("nothing-yet")
    run(screen, first)
    says(page, "current", "of its newest run")
    assert client.simulation(second)["inputs"]["numbers"]["file"] == "work/numbers.txt"
