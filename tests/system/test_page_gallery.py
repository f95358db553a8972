"""The gallery: the first step of who is new, and codes that are installed from the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
TOML = 'title = "{title}"\npython = "{name}"\n[models.go]\nkind = "quick"\n[examples.one]\ntitle = "One of {title}"\n'


def site(folder: Path) -> Path:
    """Codes of a site: one that can be installed, one that cannot, and a folder that is no code."""
    for name, program in (
        ("late", "def prepare(run): return ['true']\n"),
        ("never", "import a_module_that_nobody_has\n"),
        ("nocode", ""),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "code.py").write_text(program)
        if name != "nocode":
            (folder / name / "code.toml").write_text(TOML.format(name=name, title=name.capitalize()))
    (folder / "nocode" / "code.toml").write_text("title = 3\n")
    return folder


@pytest.fixture(scope="module")
def site_codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site(tmp_path_factory.mktemp("site"))


def test_the_first_visit_leads_to_a_running_simulation_by_one_click(screen: Screen, yard: Yard) -> None:
    page = screen.page
    page.reload()
    page.get_by_role("heading", name="From here to a plot").wait_for()
    screen.picture("first")
    picture = page.locator("#code-grayscott").locator("xpath=ancestor::article").locator("img.picture")
    wait_until(lambda: picture.evaluate("one => one.naturalWidth") > 100)
    page.get_by_role("button", name="Run “Mitosis").click()
    page.wait_for_selector(".workspace")
    page.goto("/#/codes")
    page.get_by_role("heading", name="Go on where you were").wait_for()
    assert page.get_by_role("heading", name="From here to a plot").count() == 0
    screen.picture("recent")


def test_an_answer_about_codes_that_comes_late_does_not_undo_a_newer_one(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("heading", name="Late", exact=True).wait_for()
    page.goto("/#/simulations")
    page.get_by_role("heading", name="Simulations", exact=True).wait_for()
    held: list[tuple[Route, dict[str, Any]]] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch().json()))

    page.route("**/api/v1/codes", hold)
    page.goto("/#/codes")
    wait_until(lambda: bool(page.evaluate("true") and held))
    page.goto("/#/simulations")
    page.get_by_role("heading", name="Simulations", exact=True).wait_for()
    with page.expect_response("**/api/v1/codes") as newer:
        page.goto("/#/codes")
    newer.value.finished()
    page.get_by_role("heading", name="Late", exact=True).wait_for()
    with page.expect_response("**/api/v1/codes"):
        route, said = held[0]
        said["items"] = [one for one in said["items"] if one["name"] != "late"]
        route.fulfill(json=said)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.get_by_role("heading", name="Late", exact=True).count() == 1


def test_a_code_is_installed_from_the_page_and_what_fails_says_why(screen: Screen, yard: Yard) -> None:
    page = screen.page
    late = page.locator(".code-card").filter(has=page.get_by_role("heading", name="Late", exact=True))
    assert late.get_by_role("button", name="One of Late").is_disabled()
    # a press that is followed by a reload in the same moment has been heard
    late.get_by_role("button", name="Install").evaluate("(button) => { button.click(); location.reload(); }")
    wait_until(lambda: page.request.get("/api/v1/codes/late/install").json()["state"] != "idle")
    page.reload()  # it goes on, and is shown to be
    late.get_by_role("progressbar").or_(late.get_by_role("button", name="One of Late", disabled=False)).wait_for()
    screen.picture("installing")
    late.get_by_role("button", name="One of Late", disabled=False).wait_for(timeout=100_000)
    assert yard.client.code("late")["installed"]

    never = page.locator(".code-card").filter(has=page.get_by_role("heading", name="Never", exact=True))
    never.get_by_role("button", name="Install").click()
    never.get_by_role("alert").filter(has_text="a_module_that_nobody_has").wait_for(timeout=100_000)
    never.get_by_role("button", name="Try again").wait_for()
    never.get_by_text("Or in a terminal").click()
    never.get_by_text("simyard code install never").wait_for()
    screen.picture("failed")
    page.get_by_text("A code could not be read").click()
    page.get_by_text("title must be").or_(page.get_by_text("nocode").first).first.wait_for()
