"""The page, on a real Chromium against a real Simyard: from the first visit to a plot, as a new user would."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.system.page_kit import Screen, Yard
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), on_each_target]

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
    screen.run_where_nothing_follows()
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    screen.picture("twiss")
    numbers = page.locator(".numbers", has_text="Tune x")
    assert numbers.inner_text().split("Tune x")[1].split()[0] == "5.2"

    page.get_by_label("FODO cells", exact=True).fill("32")
    screen.run_where_nothing_follows()
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
    expect(page.get_by_label("FODO cells", exact=True)).to_have_value("32")


@pytest.mark.madx
def test_what_is_wrong_with_an_input_is_said_at_its_field_and_why_a_run_failed_comes_first(screen: Screen) -> None:
    page = screen.page
    screen.pick("MAD-X", "Electron storage ring")
    screen.run_where_nothing_follows()
    screen.wait_for_state("Completed")
    energy = page.get_by_label("Energy", exact=True)
    energy.fill("three")
    page.get_by_text("“three” is not a number.").wait_for()
    expect(energy).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Run again")).to_be_disabled()
    energy.fill("0")
    page.get_by_text("The smallest allowed value is 0.001 GeV.").wait_for()
    screen.picture("error-at-the-field")
    page.get_by_role("button", name="Energy: Back to the default, 3 GeV").click()
    page.get_by_text("Saved", exact=True).wait_for()
    expect(energy).to_have_value("3")

    page.get_by_label("Cell length", exact=True).fill("0.6")
    screen.run_where_nothing_follows()
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
    expect(page.get_by_label("MAD-X job", exact=True)).to_have_value("cell.madx")
    screen.run_where_nothing_follows()
    page.locator(".numbers", has_text="cell").wait_for()
    screen.wait_for_plot()
    screen.picture("dropped")

    page.get_by_role("button", name="Remove magnets.seq").click()
    screen.run_where_nothing_follows()
    screen.wait_for_state("Failed")
    page.locator(".reason", has_text="magnets.seq").wait_for()
    screen.picture("missing-file")
