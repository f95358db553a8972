"""The page: what it costs to load, on narrow screens, by keyboard alone, and with markup in every text."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import Browser, Response

from tests.system.axe_kit import settle, show
from tests.system.page_kit import Screen, Yard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_markup_in_names_files_logs_results_and_plots_stays_text(screen: Screen, yard: Yard) -> None:
    page, client = screen.page, yard.client
    name = "<img src=x onerror=alert('name')>"
    page.reload()
    page.get_by_role("heading", name="<b onmouseover=alert(1)>Loud</b>").wait_for()
    made = client.create_simulation("loud", name)
    page.goto(f"/#/simulations/{made['id']}")
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    screen.drop(".workspace", {"<svg onload=alert(1)>.txt": "x"})
    page.locator(".file-name", has_text="<svg onload=alert(1)>.txt").wait_for()
    page.locator(".numbers", has_text="<img src=x").wait_for()
    page.locator("summary", has_text="1 warning").wait_for()
    page.locator("summary", has_text="Log").click()
    page.locator(".log-text", has_text="<script>alert('log')</script>").wait_for()
    screen.picture("workspace")
    assert page.locator(".plot a[href^='javascript']").count() == 0
    page.get_by_label("<img src=x onerror=alert('input')>", exact=True).fill("-1")
    screen.wait_for_state("Failed")
    page.locator(".reason", has_text="<img src=x onerror=alert('reason')>").wait_for()
    screen.picture("failed")
    for place in ("simulations", "runs"):
        page.goto(f"/#/{place}")
        page.get_by_text(name).first.wait_for()
        screen.picture(place)
    assert page.locator("main img, main iframe, main script").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_view_fits_a_narrow_screen(screens: list[Screen], browser: Browser, yard: Yard, dark: bool) -> None:
    client = yard.client
    name = "A_name_that_goes_on_and_on_without_any_place_to_break_" * 3
    # inputs of its own: an identical run of another simulation would be the answer otherwise
    made = client.create_simulation(
        "grayscott", name, example="tiny", inputs={"size": 48, "steps": 500, "frames": 5, "seed": int(dark)}
    )
    run = client.start(made["id"], "evolve", wait=60)
    screen = Screen(browser, yard, name="narrow-dark" if dark else "narrow-light", width=360, dark=dark)
    screens.append(screen)
    for place in ("codes", "simulations", f"simulations/{made['id']}", "runs", f"runs/{run.id}", "nowhere"):
        show(screen, place)
        screen.picture(place.split("/")[0] + ("-one" if "/" in place else ""))
        screen.fits(360)


def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    # what arrives later than the focus would take it along, or be passed by
    page.locator(".welcome, .recent").first.wait_for()
    card = page.locator(".code-card").filter(has=page.get_by_role("button", name="Coral growth"))
    card.get_by_role("button", name="New simulation").wait_for()
    settle(screen)
    page.locator("body").press("Tab")
    page.keyboard.press("Tab")
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("""() => {
            const one = document.activeElement, style = getComputedStyle(one);
            return [one.textContent.trim() || one.getAttribute('aria-label'), style.outlineStyle !== 'none' || style.boxShadow !== 'none', one === document.body];
        }""")
        if focused[2]:
            break
        assert focused[1], f"no ring around {focused[0]}"
        seen.add(focused[0])
    assert {"Codes", "Simulations", "New simulation", "Coral growth"} <= seen


def test_the_first_load_is_small_and_leaves_plotly_for_later(screens: list[Screen], browser: Browser, yard: Yard) -> None:
    loaded: list[Response] = []

    def keep(one: Response) -> None:
        loaded.append(one)

    screen = Screen(browser, yard, name="size", watch=keep)
    screens.append(screen)
    screen.page.wait_for_selector(".code-card")
    static = [one for one in loaded if one.status == 200 and ("/static/" in one.url or one.url.endswith("/"))]
    assert not [one.url for one in static if "plotly-cartesian" in one.url]
    compressed = sum(len(gzip.compress(one.body())) for one in static)
    assert 20_000 < compressed <= 250_000
