"""The list of runs, the bell, and the same without the page: as command line, Python and curl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from simyard.client import RemoteRun
from tests.system.page_kit import Screen, Yard, comes_true, wait_until
from tests.system.targets import SIMYARD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
#: Whatever a shell, Python or JSON could take for its own.
ODD = """it's "odd" $HOME `id` \\n; rm -rf * !! µ🙂 # %s"""


def make(yard: Yard, name: str, **inputs: Any) -> str:
    return str(yard.client.create_simulation("trouble", name, inputs=inputs)["id"])


def done(yard: Yard, simulation: str, model: str = "later") -> RemoteRun:
    return yard.client.start(simulation, model, wait=60, reuse=False)


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_refreshes_are_one_row_that_opens_and_runs_are_found_by_state_text_and_time(screen: Screen, yard: Yard) -> None:
    page = screen.page
    quick = make(yard, "Refreshed", seconds=0.0)
    for _ in range(4):
        done(yard, quick, "now")
    done(yard, make(yard, "Went wrong", how="exit", seconds=0.0))
    page.goto("/#/runs")
    fold = row(page, "Refreshed")
    fold.get_by_text("4 refreshes").wait_for()
    fold.get_by_role("button", name="Show the 4 refreshes of Refreshed").click()
    expect(row(page, "Refreshed")).to_have_count(5)
    screen.picture("open")
    page.get_by_role("button", name="Hide the 4 refreshes of Refreshed").click()
    page.get_by_role("button", name="Failed", exact=True).click()
    row(page, "Went wrong").get_by_text("exit status 3").wait_for()
    expect(row(page, "Refreshed")).to_have_count(0)
    page.get_by_role("searchbox", name="Search runs").fill("inverted nothing")
    page.get_by_text("No runs like that").wait_for()
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("When", exact=True).select_option("hour")
    row(page, "Refreshed").wait_for()
    assert page.url.endswith("?since=hour")


def test_many_are_stopped_deleted_and_compared_together(screen: Screen, yard: Yard) -> None:
    page, client = screen.page, yard.client
    kept = done(yard, make(yard, "Kept", seconds=0.0))
    slow = [client.start(make(yard, f"Slow {n}", how="slow", seconds=600), "later") for n in range(2)]
    page.goto("/#/runs")
    row(page, "Slow 1").locator(".progress").wait_for()
    for name in ("Slow 0", "Slow 1", "Kept"):
        row(page, name).get_by_role("checkbox").check()
    picked = page.get_by_role("region", name="3 selected")
    expect(picked.get_by_role("link", name="Compare")).to_have_attribute(
        "href", f"#/compare?runs={slow[1].id},{slow[0].id},{kept.id}"
    )
    picked.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog")
    screen.picture("asked")
    dialog.get_by_role("button", name="Stop 2 runs").click()
    wait_until(lambda: all(run.refresh().state == "canceled" for run in slow))
    row(page, "Kept").get_by_role("checkbox").uncheck()
    page.get_by_role("region", name="2 selected").get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete 2 runs").click()
    expect(row(page, "Slow 0")).to_have_count(0)
    row(page, "Kept").wait_for()
    # a row goes with the event of its own deletion, which may be before the other's
    wait_until(lambda: {run.id for run in client.runs()}.isdisjoint({run.id for run in slow}))


def test_a_run_is_named_pinned_and_deleted_on_its_page_and_says_what_it_was_made_of(screen: Screen, yard: Yard) -> None:
    page = screen.page
    run = done(yard, make(yard, "With inputs", seconds=0.01, words="so"))
    page.goto(f"/#/runs/{run.id}")
    page.locator(".made").get_by_text("so", exact=True).wait_for()
    page.get_by_role("button", name="Show all 3 inputs").click()
    page.locator(".made").get_by_text("How it goes").wait_for()
    page.get_by_role("button", name="More for With inputs").click()
    page.get_by_role("menuitem", name="Name it, or write a note").click()
    page.get_by_label("Name", exact=True).fill("The good one")
    page.get_by_label("Note", exact=True).fill("Best so far")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("heading", name="The good one").wait_for()
    page.locator(".run-note", has_text="Best so far").wait_for()
    screen.picture("noted")
    page.get_by_role("button", name="More for The good one").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    assert run.id not in {one.id for one in yard.client.runs()}


def test_the_bell_rings_for_long_runs_only_and_two_tabs_agree(screens: list[Screen], browser: Browser, yard: Yard) -> None:
    one = Screen(browser, yard, name="bell")
    screens.append(one)
    other = one.context.new_page()
    for page in (one.page, other):
        page.goto("/#/codes")
        page.get_by_role("button", name="What has ended").wait_for()
    comes_true(one.page, "JSON.parse(localStorage['simyard.bell'] ?? '{}').seen != null")
    done(yard, make(yard, "Rings not", seconds=0.0), "now")
    done(yard, make(yard, "Rings", seconds=0.0))
    done(yard, make(yard, "Rings badly", how="exit", seconds=0.0))
    for page in (one.page, other):
        page.get_by_role("button", name="2 runs have ended since you looked").wait_for()
    one.page.get_by_role("button", name="2 runs have ended since you looked").click()
    panel = one.page.get_by_role("dialog", name="What has ended")
    expect(panel.locator("li.new")).to_have_count(2)
    panel.get_by_role("link", name="Later · Rings badly").wait_for()
    expect(panel).not_to_contain_text("Rings not")
    one.picture("open")
    one.page.keyboard.press("Escape")
    other.get_by_role("button", name="What has ended").wait_for()
    other.close()


def shown(page: Page, kind: str) -> str:
    """The command of that kind, as it stands in the dialog, which is closed again."""
    page.get_by_role("button", name="Show as").first.click()
    page.get_by_role("tab", name=kind, exact=True).click()
    text = page.locator(".showas-text").inner_text()
    page.keyboard.press("Escape")
    page.locator(".showas-text").wait_for(state="detached")
    return text


def execute(yard: Yard, kind: str, text: str) -> str:
    """What it prints, run as it stands by somebody whose Simyard this is."""
    home = {
        "SIMYARD_HOME": str(yard.home),
        "PATH": f"{SIMYARD.parent}:{os.environ['PATH']}",
        "HOME": str(yard.home),
        "LANG": "C.UTF-8",
    }
    words = [sys.executable, "-c", text] if kind == "Python" else ["sh", "-e", "-c", text]
    ran = subprocess.run(words, env=home, cwd=yard.home, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, f"{text}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize("kind", ["Command line", "Python", "curl"])
def test_what_is_on_the_screen_is_done_without_the_page(screen: Screen, yard: Yard, kind: str) -> None:
    page, client = screen.page, yard.client
    name = f"Odd {kind}"
    simulation = make(yard, name, words=f"{ODD} {kind}", seconds=0.01)
    token = (yard.home / "token").read_text("utf-8").strip()
    page.goto(f"/#/simulations/{simulation}?model=later")
    page.locator(".where-button").click()
    page.get_by_label("Memory", exact=True).fill("200 MiB")
    page.keyboard.press("Escape")
    text = shown(page, kind)
    screen.picture("start")
    execute(yard, kind, text)
    [run] = list(client.runs(simulation=simulation))
    assert run.wait(60).state == "completed"
    assert run.data["resources"]["memory"] == 200 << 20
    made = client.http.get(f"/api/v1/runs/{run.id}/inputs")["inputs"]
    assert made["words"] == f"{ODD} {kind}"
    screen.wait_for_state("Completed")

    page.goto(f"/#/runs/{run.id}")
    page.locator(".run-page").wait_for()
    text += (follow := shown(page, kind))
    said = execute(yard, kind, follow)
    assert run.id in said or kind == "Command line"
    assert (yard.home / f"{run.id}.zip").exists() if kind == "curl" else (yard.home / run.id).is_dir()

    page.goto(f"/#/runs?simulation={simulation}&show=completed&code=trouble")
    page.locator(".run-row").first.wait_for()
    text += (listed := shown(page, kind))
    assert ids(kind)(execute(yard, kind, listed)) == [run.id]
    assert token not in text
    assert token not in page.content()


def ids(kind: str) -> Callable[[str], list[str]]:
    """Reads the ids of runs from a list, as that kind prints it."""
    if kind == "curl":
        return lambda said: [one["id"] for one in json.loads(said)["items"]]
    return lambda said: [line.split()[0] for line in said.splitlines() if line.startswith("01")]


def test_thousands_of_runs_are_a_few_rows_of_the_page(screen: Screen, yard: Yard) -> None:
    page = screen.page
    like = done(yard, make(yard, "One of many", seconds=0.0)).refresh().data
    many = [run_like(like, n) for n in range(1200)]

    def answer(route: Any) -> None:
        query = dict(part.split("=") for part in route.request.url.partition("?")[2].split("&") if "=" in part)
        at, limit = int(query.get("cursor") or 0), int(query.get("limit") or 50)
        following = str(at + limit) if at + limit < len(many) else ""
        route.fulfill(json={"items": many[at : at + limit], "cursor": following})

    page.route("**/api/v1/runs?*", answer)
    page.route("**/api/v1/runs/*/reports/*", lambda route: route.fulfill(json={"data": [], "layout": {}}))
    page.goto("/#/codes")
    page.reload()
    page.get_by_role("link", name="Runs", exact=True).click()
    page.locator(".run-row").first.wait_for()
    last = page.get_by_text("run number 0", exact=True)

    def at_the_end() -> bool:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        return last.count() > 0

    wait_until(at_the_end)
    page.locator(".page-head", has_text="1200 runs").wait_for()
    assert page.locator(".run-row").count() < 80
    page.unroute_all()


def run_like(one: dict[str, Any], number: int) -> dict[str, Any]:
    at = 1200 - number
    return {**one, "id": f"00{at:024}", "name": f"run number {at - 1}", "revision": 5}
