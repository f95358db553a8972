"""The list of simulations: folders, tags, the bin, export and import, a thousand of them, by mouse and by keyboard."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from simyard.protocol.ids import ulid
from simyard.store.engine import make_engine
from simyard.store.simulations import Simulation, SimulationStore, revision_id
from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def site_codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """None but those that come along."""
    return tmp_path_factory.mktemp("site")


def make(yard: Yard, *names: str, **more: Any) -> list[str]:
    """Nothing else is there, and then these are, the last one the newest."""
    for binned in (False, True):
        for one in list(yard.client.simulations(brief=True, deleted=binned or None)):
            yard.client.delete_simulation(one["id"], forever=True)
    return [
        str(yard.client.http.json("POST", "/api/v1/simulations", body={"code": "grayscott", "name": name, **more})["id"])
        for name in names
    ]


def names(page: Page) -> list[str]:
    return page.locator(".sim .sim-name").all_inner_texts()


def shows(page: Page, *wanted: str) -> None:
    wait_until(lambda: names(page) == list(wanted))


def row(page: Page, name: str) -> Locator:
    return page.locator(".sim").filter(has=page.get_by_role("link", name=name, exact=True))


def act(page: Page, name: str, action: str) -> None:
    row(page, name).get_by_role("button", name=f"Actions: {name}").click()
    page.get_by_role("menuitem", name=action).click()


def test_simulations_are_found_sorted_moved_and_tagged(screen: Screen, yard: Yard) -> None:
    make(yard, "Ring 10", "Ring 9", "Coral")
    page = screen.page
    page.goto("/#/simulations")
    shows(page, "Coral", "Ring 9", "Ring 10")
    page.keyboard.press("/")
    page.keyboard.type("ring")
    shows(page, "Ring 9", "Ring 10")
    page.get_by_role("button", name="Changed last").click()
    page.get_by_role("menuitem", name="Name", exact=True).click()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    shows(page, "Coral", "Ring 9", "Ring 10")

    for name in ("Ring 9", "Ring 10"):
        row(page, name).hover()
        row(page, name).get_by_role("checkbox").check()
    page.get_by_role("toolbar").get_by_role("button", name="Move").click()
    page.get_by_role("textbox", name="Folder").fill("rings / elena")
    page.get_by_role("button", name="Make and move").click()
    page.get_by_text("2 simulations are in rings/elena now.").wait_for()
    page.get_by_role("navigation", name="Folders and tags").get_by_role("button", name="elena").click()
    shows(page, "Ring 9", "Ring 10")
    act(page, "Ring 9", "Tags…")
    page.get_by_role("textbox", name="New tag").fill("paper, low emittance")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save tags").click()
    page.get_by_role("navigation", name="Folders and tags").get_by_role("button", name="paper").click()
    shows(page, "Ring 9")
    screen.picture("tagged")
    found = yard.client.find_simulation("Ring 9")
    assert found is not None
    assert (found["folder"], found["tags"]) == ("rings/elena", ["paper", "low emittance"])

    # by drag, out of all folders
    page.get_by_role("button", name="No longer only paper").click()
    shows(page, "Ring 9", "Ring 10")
    row(page, "Ring 10").drag_to(
        page.get_by_role("navigation", name="Folders and tags").get_by_role("button", name="All simulations")
    )
    shows(page, "Ring 9")
    page.locator(".toast", has_text="“Ring 10” is in no folder now.").get_by_role("button", name="Undo").click()
    shows(page, "Ring 9", "Ring 10")
    act(page, "Ring 9", "Rename")
    page.get_by_role("textbox", name="New name of Ring 9").fill("Ring 09")
    page.keyboard.press("Enter")
    shows(page, "Ring 09", "Ring 10")
    wait_until(lambda: yard.client.find_simulation("Ring 09") is not None)


def test_what_is_deleted_comes_back_also_after_the_page_was_closed(
    screens: list[Screen], screen: Screen, browser: Browser, yard: Yard
) -> None:
    make(yard, "one", "two", "three")
    page = screen.page
    page.goto("/#/simulations")
    act(page, "two", "Delete")
    page.locator(".toast", has_text="“two” is in the bin.").get_by_role("button", name="Undo").click()
    shows(page, "three", "two", "one")
    act(page, "three", "Delete")
    act(page, "one", "Delete")
    shows(page, "two")
    page.goto("about:blank")

    screens.append(Screen(browser, yard, name="lists-bin"))
    page = screens[1].page
    page.goto("/#/simulations")
    shows(page, "two")
    page.get_by_role("button", name="Bin").click()
    page.get_by_role("button", name="Restore one").click()
    page.get_by_text("“one” is back.").wait_for()
    screens[1].picture("bin")
    page.get_by_role("button", name="Empty the bin").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    page.get_by_text("The bin is empty").wait_for()
    page.get_by_role("button", name="All simulations").first.click()
    shows(page, "two", "one")


def test_what_is_deleted_in_the_moment_in_which_the_page_is_left_is_deleted(screen: Screen, yard: Yard) -> None:
    make(yard, "kept", "left")
    page = screen.page
    page.goto("/#/simulations")
    row(page, "left").get_by_role("button", name="Actions: left").click()
    page.get_by_role("menuitem", name="Delete").evaluate("(item) => { item.click(); location.reload(); }")
    wait_until(lambda: yard.client.find_simulation("left") is None)
    shows(page, "kept")


def test_everything_by_keyboard(screen: Screen, yard: Yard) -> None:
    make(yard, "a", "b", "c", "d")
    page = screen.page
    page.goto("/#/simulations")
    shows(page, "d", "c", "b", "a")
    for key in ("j", "j", "ArrowDown", "k", "x"):  # d, c, b, and back to c
        page.keyboard.press(key)
    page.get_by_text("1 selected").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("F2")
    page.keyboard.type("sea")
    page.keyboard.press("Enter")
    shows(page, "sea", "d", "b", "a")
    wait_until(lambda: page.evaluate("document.activeElement.textContent") == "sea")
    page.keyboard.press("Delete")
    shows(page, "d", "b", "a")
    wait_until(lambda: page.evaluate("document.activeElement.textContent") == "d")
    page.keyboard.press("Enter")
    page.wait_for_selector(".workspace")


def test_a_simulation_goes_out_as_a_zip_and_comes_in_by_a_drop(screen: Screen, yard: Yard) -> None:
    make(yard, "out", tags=["kept"])
    page = screen.page
    screen.expected.add(422)
    page.goto("/#/simulations")
    with page.expect_download() as saved:
        act(page, "out", "Export")
    assert saved.value.suggested_filename == "out.zip"
    data = Path(saved.value.path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert json.loads(found.read("simulation.json"))["name"] == "out"
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import").click()
    chooser.value.set_files({"name": "out.zip", "mimeType": "application/zip", "buffer": data})
    shows(page, "out", "out")
    screen.drop(".sims-page", {"bad.zip": "no zip"})
    page.get_by_text("bad.zip was not imported: The zip cannot be read").wait_for()


@pytest.mark.parametrize("dark", [False, True])
def test_lists_are_usable_at_360_pixels_and_say_when_they_cannot_be_loaded(
    screens: list[Screen], browser: Browser, yard: Yard, dark: bool
) -> None:
    make(
        yard,
        "W" * 200,
        "A very long name that goes on and on " * 4,
        "x",
        folder="a long folder/" * 3,
        tags=["t" * 40, "another tag"],
    )
    screen = Screen(browser, yard, name=f"lists-narrow-{'dark' if dark else 'light'}", width=360, dark=dark)
    screens.append(screen)
    page = screen.page
    places = {
        "codes": ".code-card",
        "simulations": ".sim",
        "simulations?show=bin": ".empty",
        "simulations?q=nothing": ".sims-count:text('0 of 3')",
    }
    for place, part in places.items():
        page.goto(f"/#/{place}")
        page.locator(part).first.wait_for()
        screen.fits(360)
        screen.picture(place.replace("?", "-").replace("=", "-"))

    failed: list[Route] = []

    def fail(route: Route) -> None:
        failed.append(route)
        route.fulfill(
            status=503,
            content_type="application/problem+json",
            body=json.dumps({"code": "database-busy", "detail": "Another process holds it."}),
        )

    screen.expected.add(503)
    page.route("**/api/v1/simulations?*", fail)
    page.goto("/#/simulations")
    page.reload()
    page.get_by_text("Another process holds it.").wait_for()
    # it is asked for at once, and again when the stream is there: what comes of that must not be what is pressed for
    wait_until(lambda: page.get_by_role("button", name="Try again").is_visible() and len(failed) >= 2)
    screen.picture("failed")
    page.unroute("**/api/v1/simulations?*")
    page.get_by_role("button", name="Try again").click()
    page.locator(".sim").first.wait_for()


def test_a_thousand_simulations_scroll_and_are_searched_without_waiting(screen: Screen, yard: Yard) -> None:
    make(yard)
    engine = make_engine(f"sqlite:///{yard.home}/web.db")
    for n in range(1000):
        one = Simulation(
            id=ulid(1_700_000_000 + n, os.urandom), user="me", name=f"Simulation {n:04}", code="grayscott", inputs={}, files={},
            revision=revision_id({}, {}), version=1, created=1.7e9 + n, updated=1.7e9 + n, tags=(f"tag {n % 7}",),
        )  # fmt: skip
        SimulationStore(engine).create(one)
    engine.dispose()
    page = screen.page
    page.goto("/#/simulations")
    page.reload()  # nobody was told of these
    page.get_by_text("1000 simulations", exact=True).wait_for()
    page.locator(".sim").first.wait_for()
    assert page.locator(".sim").count() < 60
    page.keyboard.press("End")
    last = page.get_by_role("link", name="Simulation 0000")

    def at_the_end() -> bool:
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        return last.count() > 0

    wait_until(at_the_end)
    box = page.get_by_role("searchbox")
    for text, said in (("077", "11 of 1000"), ("Simulation 0777", "1 of 1000"), ("", "1000 simulations")):
        box.fill(text)
        page.locator(".sims-count", has_text=said).wait_for()
        # whatever is found, few are drawn
        assert page.locator(".sim").count() < 60
    screen.picture("thousand")
