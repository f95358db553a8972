"""The page, on a real Chromium against a real Simyard: by mouse and keyboard, as a new user would."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Response

from tests.system.page_kit import Screen, Yard, chromium, install_madx, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

JOB = """
call, file="magnets.seq";
beam, particle=electron, energy=1.5;
use, sequence=cell;
twiss, file="twiss.tfs";
"""
SEQUENCE = """
l := 5.0;
qf: quadrupole, l=0.5, k1=0.5;
qd: quadrupole, l=0.5, k1=-0.5;
cell: sequence, refer=centre, l=2*l;
  qf, at=0.25;
  qd, at=l;
endsequence;
"""


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    # short: a Unix socket's path has an end
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        made = Yard(Path(folder) / "home", Path(__file__).parent / "codes")
        install_madx(made.home)
        with made:
            yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    """Screens that a test opens are closed, and nothing on them may have been complained of."""
    opened: list[Screen] = []
    yield opened
    try:
        for screen in opened:
            screen.picture("end")
            screen.check()
    finally:
        for screen in opened:
            screen.close()


@pytest.fixture
def screen(screens: list[Screen], browser: Browser, yard: Yard, request: pytest.FixtureRequest) -> Screen:
    name = request.node.name.removeprefix("test_")[:40]
    screens.append(Screen(browser, yard, name=name))
    return screens[0]


def test_a_browser_without_a_session_is_told_how_to_get_in(screens: list[Screen], browser: Browser, yard: Yard) -> None:
    screen = Screen(browser, yard, name="no-session", enter=False)
    screens.append(screen)
    screen.expected.add(401)
    screen.page.get_by_text("simyard open", exact=True).wait_for()
    screen.picture("login")
    screen.complaints.clear()


@pytest.mark.madx
def test_from_the_first_visit_to_a_twiss_plot_that_follows_a_changed_input(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    screen.picture("codes")
    screen.pick("MAD-X", "Electron storage ring")
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    screen.picture("twiss")
    assert page.locator(".numbers").inner_text().split("Tune x")[1].split()[0] == "5.2"

    page.get_by_label("FODO cells", exact=True).fill("32")
    page.locator(".numbers", has_text="6.93333").wait_for()
    screen.wait_for_plot()
    screen.picture("follows")
    page.get_by_text("Saved", exact=True).wait_for()

    page.get_by_role("tab", name="Dispersion").click()
    screen.wait_for_plot()
    screen.picture("dispersion")
    with page.expect_download() as png:
        page.get_by_role("button", name="Save the plot as PNG").click()
    assert png.value.suggested_filename == "dispersion.png"
    assert Path(png.value.path()).read_bytes().startswith(b"\x89PNG")

    # reloaded, everything is as it was
    page.reload()
    page.locator(".numbers", has_text="6.93333").wait_for()
    assert page.get_by_label("FODO cells", exact=True).input_value() == "32"


@pytest.mark.madx
def test_what_is_wrong_with_an_input_is_said_at_its_field_and_why_a_run_failed_comes_first(screen: Screen) -> None:
    page = screen.page
    screen.pick("MAD-X", "Electron storage ring")
    screen.wait_for_state("Completed")
    energy = page.get_by_label("Energy", exact=True)
    energy.fill("three")
    page.get_by_text("“three” is not a number.").wait_for()
    assert energy.get_attribute("aria-invalid") == "true"
    assert page.get_by_role("button", name="Run again").is_disabled()
    energy.fill("0")
    page.get_by_text("The smallest allowed value is 0.001 GeV.").wait_for()
    screen.picture("error-at-the-field")
    page.get_by_role("button", name="Energy: Back to the default, 3 GeV").click()
    page.get_by_text("Saved", exact=True).wait_for()
    assert energy.input_value() == "3"

    page.get_by_label("Cell length", exact=True).fill("0.6")
    screen.wait_for_state("Failed")
    page.locator(".reason", has_text="too short").wait_for()
    page.get_by_text("Plot of an earlier run").wait_for()
    screen.picture("failed")


@pytest.mark.madx
def test_lattice_files_that_are_dropped_run_with_the_files_that_they_call(screen: Screen) -> None:
    page = screen.page
    page.locator(".code-card").filter(has=page.get_by_role("heading", name="MAD-X", exact=True)).get_by_role(
        "button", name="New simulation"
    ).click()
    page.wait_for_selector(".workspace")
    screen.drop(".workspace", {"magnets.seq": SEQUENCE, "cell.madx": JOB})
    page.get_by_text("2 files were added.").wait_for()
    assert page.get_by_label("MAD-X job", exact=True).input_value() == "cell.madx"
    page.locator(".numbers", has_text="cell").wait_for()
    screen.wait_for_plot()
    screen.picture("dropped")

    page.get_by_role("button", name="Remove magnets.seq").click()
    screen.wait_for_state("Failed")
    page.locator(".reason", has_text="magnets.seq").wait_for()
    screen.picture("missing-file")


def test_a_long_run_shows_its_frames_while_it_runs_and_is_stopped_and_run_again(screen: Screen, yard: Yard) -> None:
    page = screen.page
    screen.expected.add(422)  # a curve of which there is no point yet
    screen.pick("Gray–Scott", "Coral growth")
    page.get_by_label("Steps", exact=True).fill("200000")
    page.get_by_label("Frames", exact=True).fill("1000")
    page.get_by_text("Saved", exact=True).wait_for()
    page.keyboard.press("Control+Enter")
    screen.wait_for_state("Running")
    page.get_by_text("frames ·").wait_for()
    screen.wait_for_plot()
    bar = page.get_by_role("progressbar", name="Progress")
    first = float(bar.get_attribute("aria-valuenow") or "0")
    frame = page.get_by_role("slider", name="Frame", exact=True)
    seen = int(frame.get_attribute("max") or "0")
    wait_until(lambda: int(frame.get_attribute("max") or "0") > seen + 3)
    assert frame.evaluate("one => one.value === one.max"), "live: the newest frame is shown"
    screen.picture("running")

    frame.focus()
    page.keyboard.press("Home")
    screen.wait_for_plot()
    assert frame.input_value() == "0"
    page.get_by_role("button", name="Live").click()
    wait_until(lambda: frame.evaluate("one => one.value === one.max"))

    page.locator("summary", has_text="Log").click()
    page.get_by_role("log", name="Log").wait_for()
    page.get_by_role("button", name="Stop").click()
    screen.wait_for_state("Stopped after")
    page.get_by_text("stopped on request").wait_for()
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
    page.get_by_role("link", name="work/mass.csv").wait_for()
    screen.picture("run-page")
    with page.expect_download() as bundle:
        page.get_by_role("link", name="Download all").click()
    assert Path(bundle.value.path()).read_bytes().startswith(b"PK")
    page.get_by_role("link", name="Runs", exact=True).first.click()
    page.get_by_role("button", name="Stopped", exact=True).click()
    page.get_by_role("row", name="Coral growth").first.wait_for()
    screen.picture("runs")


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
    # the other has not seen that; what it changes is put together with it
    other.page.get_by_label("Frames", exact=True).fill("7")
    other.page.get_by_text("the two sets of changes were put together").wait_for()
    wait_until(lambda: other.page.get_by_label("Seed", exact=True).input_value() == "11")
    other.page.get_by_role("button", name="Run", exact=True).click()
    other.wait_for_state("Completed")
    one.wait_for_state("Completed")


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
    run = client.start(made["id"], "evolve", wait=30)
    screen = Screen(browser, yard, name="narrow-dark" if dark else "narrow-light", width=360, dark=dark)
    screens.append(screen)
    for place in ("codes", "simulations", f"simulations/{made['id']}", "runs", f"runs/{run.id}", "nowhere"):
        screen.page.goto(f"/#/{place}")
        screen.page.wait_for_selector("main")
        screen.page.locator(".skeletons, [aria-busy=true]").first.wait_for(state="detached")
        screen.picture(place.split("/")[0] + ("-one" if "/" in place else ""))
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= 360, place


def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
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
