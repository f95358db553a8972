"""The page's plots, on a real Chromium: every sort of figure, what can be done with one, films, and answers that come too late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Request, Route, expect

from tests.system.page_kit import Screen, Yard, comes_true, looked_after, name_of, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: For what must not be drawn to have been drawn.
A_WHILE = "new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 300))"
# before the first run there is nothing to wait for: what stands is a plot
STANDS = ".report:not(.is-stale)[aria-busy=false] .js-plotly-plot"


@pytest.fixture
def screen(browser: Browser, yard: Yard, request: pytest.FixtureRequest) -> Iterator[Screen]:
    with looked_after(Screen(browser, yard, name=name_of(request))) as made:
        yield made
        # what a browser without a graphics card says of its own speed
        made.complaints = [one for one in made.complaints if "GPU stall" not in one and "willReadFrequently" not in one]


def film(screen: Screen, frames: int, report: str = "Field") -> None:
    """A film of so many frames, looked at."""
    client = screen.yard.client
    simulation = client.create_simulation("figures", "film", inputs={"frames": frames})
    assert client.start(simulation["id"], "film", wait=60, reuse=False).state == "completed"
    screen.page.goto(f"/#/simulations/{simulation['id']}?model=film")
    show(screen.page, report)
    screen.wait_for_plot()


def show(page: Page, report: str) -> None:
    page.get_by_role("tab", name=report, exact=True).click()
    page.wait_for_selector(f"{STANDS}[aria-label='Plot: {report}']")


def title(page: Page) -> str:
    return page.locator(".gtitle").text_content() or ""


def save(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path()).read_bytes().decode("utf-8-sig")


def test_every_sort_of_figure_is_drawn_or_said_why_not_and_what_is_not_wanted_is_not_loaded(screen: Screen) -> None:
    page = screen.page
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url.rpartition("/")[2]))
    page.goto("/#/simulations")
    page.get_by_role("heading", name="Simulations").wait_for()
    assert not any("plotly-" in script for script in scripts)
    screen.pick("Figures", "All of them")
    screen.wait_for_plot()
    assert "plotly-cartesian.min.js" in scripts
    assert "plotly-strict.min.js" not in scripts
    parts = {
        "Decades": ".scatterlayer .trace", "Heat map": ".heatmaplayer image", "Surface": ".gl-container canvas", "Points in space": ".gl-container canvas",
        "Mesh": ".gl-container canvas", "Polar": ".polarlayer .trace", "Ternary": ".ternarylayer .trace", "Parallel coordinates": ".parcoords",
        "Flow": ".sankey-node", "Table": ".table-control-view",
    }  # fmt: skip
    for report, part in parts.items():
        show(page, report)
        page.wait_for_selector(f".js-plotly-plot {part}", state="attached")
        if report in {"Surface", "Polar", "Table"}:
            screen.picture(report.lower())
    assert "plotly-strict.min.js" in scripts
    page.get_by_role("tab", name="Map", exact=True).click()
    page.get_by_text("Maps cannot be drawn here").wait_for()
    page.get_by_role("tab", name="Unknown", exact=True).click()
    page.get_by_text("Plots of type “hologram” cannot be drawn here").wait_for()
    page.get_by_role("button", name="Save the numbers as CSV").wait_for()
    show(page, "Lines")
    wait_until(lambda: title(page) == "Shift 0")


def test_axes_become_logarithmic_where_that_makes_sense_and_what_vanishes_is_said(screen: Screen) -> None:
    page = screen.page
    screen.pick("Figures", "All of them")
    show(page, "Decades")
    log = page.get_by_role("button", name="log y: logarithmic axis")
    expect(log).to_have_attribute("aria-pressed", "false")
    log.click()
    page.get_by_text("3 values are not positive and are left out").wait_for()
    wait_until(lambda: page.evaluate("document.querySelector('.js-plotly-plot').layout.yaxis.type") == "log")
    screen.picture("log")
    show(page, "Heat map")
    expect(page.get_by_role("button", name="log y: logarithmic axis")).to_have_count(0)
    colours = page.get_by_label("Colours", exact=True)
    colours.select_option("magma")
    first = "document.querySelector('.js-plotly-plot')._fullData[0].colorscale[0][1]"
    wait_until(lambda: page.evaluate(first) == "#000004")
    page.reload()
    show(page, "Heat map")
    expect(page.get_by_label("Colours", exact=True)).to_have_value("magma")
    page.get_by_label("Colours", exact=True).select_option("")
    wait_until(lambda: page.evaluate(first) == "#440154")


def test_the_numbers_are_saved_with_names_and_units_and_the_picture_as_it_stands(screen: Screen) -> None:
    page = screen.page
    screen.pick("Figures", "All of them")
    screen.wait_for_plot()
    lines = save(page, "Save the numbers as CSV").split("\r\n")
    assert lines[0] == "time [s],wave 1 [mm],wave 2 [mm],wave 3 [mm]"
    assert len(lines) == 4002
    assert lines[1].startswith("0,0,0.644")
    assert save(page, "Save the plot as SVG").startswith("<svg")
    show(page, "Heat map")
    lines = save(page, "Save the numbers as CSV").split("\r\n")
    assert lines[0].startswith("y [mm] \\ x [mm]: density [1/mm²],-2,")
    assert lines[1].startswith("-4,")
    assert len(lines) == 82
    show(page, "Table")
    assert save(page, "Save the numbers as CSV").split("\r\n")[1:3] == ["name,length [m]", "qf,0.5"]


@pytest.mark.parametrize("report", ["Field", "Cloud"])
def test_a_film_plays_to_its_end_painted_over_the_plot_and_is_plotlys_again_when_it_stops(screen: Screen, report: str) -> None:
    page = screen.page
    film(screen, 30, report)
    page.evaluate(
        "() => { const o = window.Plotly.react; window.drawn = 0; window.Plotly.react = (...a) => { window.drawn += 1; return o(...a); }; }"
    )
    page.get_by_role("button", name="Play").click()
    page.wait_for_selector(".is-painted .plot-layer")
    screen.picture("playing")
    page.get_by_role("button", name="Play").wait_for()
    page.wait_for_selector(".report:not(:has(.is-painted))")
    wait_until(lambda: title(page) == ("Frame 30" if report == "Field" else "Turn 29"))
    # once to go back to the first, once for the last: those between are painted
    assert page.evaluate("window.drawn") <= 4


def test_frames_are_stepped_through_by_keyboard_and_only_what_is_wanted_is_asked_for(screen: Screen) -> None:
    page = screen.page
    film(screen, 200)
    asked: list[int] = []

    def note(request: Request) -> None:
        if "frame=" in request.url:
            asked.append(int(request.url.rpartition("=")[2]))

    page.on("request", note)
    slider = page.get_by_role("slider", name="Frame", exact=True)
    slider.press("Home")
    for key, frame in (("Home", 1), ("ArrowRight", 2), ("Shift+ArrowRight", 12), ("ArrowLeft", 11), ("End", 200)):
        slider.press(key)
        wait_until(lambda wanted=frame: title(page) == f"Frame {wanted}")
    slider.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    slider.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    asked.clear()
    for value in range(60, 160, 4):
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", value)
    wait_until(lambda: title(page) == "Frame 157")
    # each of the 25 may be begun, not one of those between
    assert not [frame for frame in asked if frame < 150 and frame % 4]


def test_an_answer_that_comes_too_late_never_takes_the_place_of_a_newer_one(screen: Screen) -> None:
    page = screen.page
    screen.pick("Figures", "All of them")
    screen.wait_for_plot()
    shift = page.get_by_label("Shift", exact=True)
    # the page itself holds the first answer back, and lets the second pass
    page.evaluate("""() => {
        const inner = window.fetch; let first = true;
        window.fetch = async (url, options) => {
            const mine = first && String(url).endsWith('/runs') && options?.method === 'POST';
            if (mine) { first = false; window.begun = true; }
            const answer = await inner(url, { ...options, signal: mine ? undefined : options?.signal });
            if (mine) { await new Promise((done) => { window.release = done; }); window.released = true; }
            return answer;
        };
    }""")
    shift.fill("1")
    comes_true(page, "window.begun")
    shift.fill("2")
    wait_until(lambda: title(page) == "Shift 2")
    page.wait_for_selector(STANDS)
    comes_true(page, "Boolean(window.release)")
    page.evaluate("window.release()")
    comes_true(page, "window.released")
    page.evaluate(A_WHILE)
    assert title(page) == "Shift 2"


def test_a_frame_that_comes_too_late_is_not_shown(screen: Screen) -> None:
    page = screen.page
    film(screen, 40)
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route("**/reports/field?frame=3", hold)
    slider = page.get_by_role("slider", name="Frame", exact=True)
    move = "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    slider.evaluate(move, 3)
    wait_until(lambda: bool(page.evaluate("true") and held))
    slider.evaluate(move, 7)
    wait_until(lambda: title(page) == "Frame 8")
    route, answer = held[0]
    route.fulfill(response=answer)
    page.evaluate(A_WHILE)
    assert title(page) == "Frame 8"


def test_a_plot_says_what_it_shows_and_lists_show_it_small_without_plotly(screen: Screen) -> None:
    page = screen.page
    screen.pick("Figures", "All of them")
    screen.wait_for_plot()
    figure = page.get_by_role("figure", name="Plot: Lines")
    words = page.locator(f"#{figure.get_attribute('aria-describedby')}").text_content() or ""
    assert "wave 1, wave 2, wave 3" in words
    assert "Horizontal axis: time [s]." in words
    page.goto("/#/simulations")
    page.reload()
    page.wait_for_selector(".thumb canvas")
    assert page.evaluate("typeof window.Plotly") == "undefined"
    screen.picture("thumbs")
