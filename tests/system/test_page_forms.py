"""The form of a simulation on a real Chromium: inputs of every type, conditions, tables, expressions, undo, saves."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.system.page_kit import Screen, Yard, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def start(screen: Screen, **inputs: Any) -> str:
    """A new simulation, looked at; answers its id."""
    made = screen.yard.client.create_simulation("forms", "Every input there is", inputs=inputs)
    screen.page.goto(f"/#/simulations/{made['id']}")
    saved(screen.page)
    return str(made["id"])


def saved(page: Page) -> None:
    page.locator(".save-state.saved").wait_for()


def field(page: Page, name: str) -> Locator:
    return page.locator(f"[data-input={name}]")


def inputs_of(screen: Screen, simulation: str) -> dict[str, Any]:
    found: dict[str, Any] = screen.yard.client.simulation(simulation)["inputs"]
    return found


def test_an_expression_stands_as_typed_and_shows_what_it_comes_to(screen: Screen) -> None:
    page, simulation = screen.page, start(screen)
    phase = page.get_by_label("Phase advance", exact=True)
    assert phase.input_value() == "360/cells"
    field(page, "phase").get_by_text("= 15").wait_for()
    phase.fill("720/cels")
    field(page, "phase").get_by_text("There is no number called “cels” here.").wait_for()
    assert phase.get_attribute("aria-invalid") == "true"
    assert "input-phase-error" in (phase.get_attribute("aria-describedby") or "")
    assert inputs_of(screen, simulation)["phase"] == "360/cells", "what is wrong is not saved"
    phase.fill("720/cells")
    field(page, "phase").get_by_text("= 30").wait_for()
    saved(page)
    page.locator(".numbers", has_text="30").wait_for()
    # of two inputs that only fit together neither is saved alone
    page.get_by_label("Cells", exact=True).fill("4")
    field(page, "phase").get_by_text("The largest allowed value is 170 °.").wait_for()
    page.get_by_text("1 input needs attention").wait_for()
    assert inputs_of(screen, simulation)["cells"] == 24
    screen.picture("needs-attention")
    phase.fill("90")
    saved(page)
    assert (inputs_of(screen, simulation)["cells"], inputs_of(screen, simulation)["phase"]) == (4, 90)
    page.get_by_role("button", name="Phase advance: Back to the default, 360/cells °").click()
    field(page, "phase").get_by_text("= 90").wait_for()


def test_an_input_is_shown_only_when_it_matters_and_keeps_its_value(screen: Screen) -> None:
    page, simulation = screen.page, start(screen)
    assert field(page, "mass").count() == field(page, "seed").count() == field(page, "section").count() == 0
    page.get_by_label("Proton", exact=True).check()
    page.get_by_label("Mass", exact=True).fill("2*0.938")
    saved(page)
    page.get_by_label("Mass", exact=True).fill("wrong")
    field(page, "mass").locator(".field-error").wait_for()
    page.get_by_label("Electron", exact=True).check()
    field(page, "mass").wait_for(state="detached")
    expect(page.locator(".save-state")).not_to_contain_text("attention")
    wait_until(lambda: inputs_of(screen, simulation)["particle"] == "electron")
    assert inputs_of(screen, simulation)["mass"] == "2*0.938"
    page.get_by_label("Another one", exact=True).check()
    assert page.get_by_label("Mass", exact=True).input_value() == "wrong", "what was typed is still there"
    page.get_by_label("Mass", exact=True).fill("1")
    page.get_by_label("Charge", exact=True).fill("-3")
    page.get_by_role("switch", name="With errors").check()
    field(page, "spread").wait_for()
    page.get_by_label("Seed", exact=True).fill("7")
    field(page, "spread").wait_for(state="detached")
    saved(page)
    screen.drop(".workspace", {"ring.seq": "x"})
    field(page, "section").wait_for()
    screen.picture("shown")


def test_a_table_is_filled_by_keyboard_and_from_a_spreadsheet(screen: Screen) -> None:
    page, simulation = screen.page, start(screen)
    table = field(page, "magnets")
    strength = table.get_by_label("Row 1, Strength")
    strength.fill("99")
    table.get_by_text("Row 1, Strength: The largest allowed value is 10 1/m².").wait_for()
    assert table.locator("input[aria-invalid=true]").count() == 1
    screen.picture("cell")
    strength.fill("0.7")
    saved(page)
    strength.press("Enter")
    page.keyboard.press("Enter")  # from the last row on: a new one
    table.get_by_text("3 rows").wait_for()
    wait_until(lambda: page.evaluate("document.activeElement.dataset.cell") == "2.strength")
    page.keyboard.press("Alt+ArrowUp")
    wait_until(lambda: [row["name"] for row in inputs_of(screen, simulation)["magnets"]] == ["qf", "", "qd"])
    page.evaluate("""() => {
        const cell = document.querySelector('[data-cell="1.name"]');
        const data = new DataTransfer();
        data.setData('text/plain', 'Name\\tPosition\\tStrength\\r\\nb1\\t1,5\\t−2\\r\\nb2\\t2.5\\t3\\r\\nb3\\tx\\t4\\r\\n');
        cell.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }""")
    table.get_by_text("Row 4, Position: “x” is not a number.").wait_for()
    screen.picture("pasted")
    table.get_by_role("button", name="Row 4: what to do").click()
    page.get_by_role("menuitem", name="Remove the row").click()
    saved(page)
    rows = inputs_of(screen, simulation)["magnets"]
    assert [(row["name"], row["position"], row["strength"], row["kind"]) for row in rows] == [
        ("qf", 0, 0.7, "focusing"), ("b1", 1.5, -2, "focusing"), ("b2", 2.5, 3, "defocusing"),
    ]  # fmt: skip
    page.get_by_role("button", name="Edit Magnets in a large window").click()
    dialog = page.get_by_role("dialog", name="Magnets")
    dialog.get_by_label("Row 2, Kind").select_option("Defocusing")
    screen.picture("large")
    page.keyboard.press("Escape")
    wait_until(lambda: inputs_of(screen, simulation)["magnets"][1]["kind"] == "defocusing")


def test_undo_and_redo_work_across_a_reload_and_in_two_windows(screens: list[Screen], browser: Browser, yard: Yard) -> None:
    one, other = (Screen(browser, yard, name=f"forms-undo-{n}") for n in (1, 2))
    screens += [one, other]
    simulation = start(one)
    other.page.goto(one.page.url)
    saved(other.page)
    page = one.page
    length = page.get_by_label("Length", exact=True)
    length.press("End")
    length.press_sequentially("0")
    wait_until(lambda: inputs_of(one, simulation)["length"] == 80)
    saved(page)
    page.get_by_label("Solver", exact=True).select_option("heun")
    saved(page)
    wait_until(lambda: other.page.get_by_label("Solver", exact=True).input_value() == "heun")
    page.reload()
    saved(page)
    page.get_by_role("button", name="Undo the last change").click()
    wait_until(lambda: inputs_of(one, simulation)["solver"] == "euler")
    page.locator("body").press("Control+z")
    wait_until(lambda: length.input_value() == "8")
    wait_until(lambda: other.page.get_by_label("Length", exact=True).input_value() == "8")
    expect(page.get_by_role("button", name="Undo the last change")).to_be_disabled()
    other.page.locator("body").press("Control+Shift+z")
    wait_until(lambda: length.input_value() == "80")
    page.locator("body").press("Control+y")
    wait_until(lambda: other.page.get_by_label("Solver", exact=True).input_value() == "heun")
    saves = yard.client.http.get(f"/api/v1/simulations/{simulation}/revisions")["items"]
    assert [save["restores"] for save in saves][:4] == [3, 2, 1, 2]
    # in a field that is being typed in, the key is the field's own
    page.evaluate("addEventListener('keydown', (event) => { window.taken = event.defaultPrevented; })")
    label = page.get_by_label("Label", exact=True)
    label.press_sequentially("ab")
    label.press("Control+z")
    assert page.evaluate("window.taken") is False
    label.blur()
    page.locator("body").press("Control+z")
    assert page.evaluate("window.taken") is True


def test_the_saves_show_what_changed_and_the_way_back(screen: Screen) -> None:
    page, simulation = screen.page, start(screen, script="a;\nb;\nc;\n")
    page.get_by_label("Script", exact=True).fill("a;\nB;\nc;\nd;\n")
    saved(page)
    page.get_by_label("Cells", exact=True).fill("12")
    saved(page)
    page.get_by_role("button", name="Saves and differences").click()
    dialog = page.get_by_role("dialog", name="Saves and differences")
    dialog.locator(".difference", has_text="24").get_by_text("12").wait_for()
    dialog.get_by_role("button", name="As it was made").click()
    wait_until(lambda: dialog.locator(".diff-lines .new").all_inner_texts() == ["+\nB;", "+\nd;"])
    screen.picture("difference")
    dialog.get_by_role("button", name="One magnet").click()
    dialog.locator(".difference dt", has_text="Magnets").wait_for()
    page.keyboard.press("ArrowUp")
    expect(dialog.get_by_role("button", name="The defaults")).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name="As it was made").click()
    dialog.get_by_role("button", name="Go back to this").click()
    dialog.get_by_role("button", name="Back to save 1").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Script", exact=True)).to_have_value("a;\nb;\nc;\n")
    assert inputs_of(screen, simulation)["cells"] == 24


def test_many_inputs_are_searched_and_groups_fold(screen: Screen) -> None:
    page = screen.page
    start(screen, cells=12)
    find = page.get_by_label("Find an input")
    find.fill("magn")
    field(page, "magnets").wait_for()
    expect(page.locator(".field")).to_have_count(1)
    find.fill("nothing like it")
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("button", name="Changed 1", exact=True).click()
    expect(page.locator(".field")).to_have_count(1)
    expect(page.locator(".field")).to_have_attribute("data-input", "cells")
    screen.picture("changed")
    page.get_by_role("button", name="Changed 1", exact=True).click()
    head = page.locator(".group-head", has_text="Numbers")
    page.get_by_label("Length", exact=True).fill("x")
    head.get_by_text("1 to mend").wait_for()
    head.click()
    expect(head).to_have_attribute("aria-expanded", "false")
    head.get_by_text("1 to mend").wait_for()
    page.reload()
    saved(page)
    expect(page.locator(".group-head", has_text="Numbers")).to_have_attribute("aria-expanded", "false")
    page.locator(".group-head", has_text="Numbers").click()
    page.get_by_role("button", name="1 more setting").click()
    page.get_by_label("Free number", exact=True).wait_for()
    line = page.get_by_role("separator", name="Width of the inputs")
    before = int(line.get_attribute("aria-valuenow") or "0")
    line.press("ArrowRight")
    expect(line).to_have_attribute("aria-valuenow", str(before + 16))


def test_what_lies_in_the_bin_can_be_read_and_taken_back(screen: Screen, yard: Yard) -> None:
    page, simulation = screen.page, start(screen)
    yard.client.delete_simulation(simulation)
    page.get_by_text("This simulation lies in the bin.").wait_for()
    expect(page.get_by_label("Length", exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name="Run again")).to_be_disabled()
    screen.picture("bin")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_label("Length", exact=True)).to_be_enabled()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_form_fits_a_narrow_screen(screens: list[Screen], browser: Browser, yard: Yard, dark: bool) -> None:
    screen = Screen(browser, yard, name=f"forms-narrow-{'dark' if dark else 'light'}", width=360, dark=dark)
    screens.append(screen)
    page = screen.page
    start(screen, particle="other", errors=True)
    screen.picture("top")
    page.locator(".work-foot").get_by_role("button", name="Inputs").click()
    field(page, "cells").wait_for()
    screen.picture("inputs")
    field(page, "magnets").scroll_into_view_if_needed()
    screen.picture("table")
    screen.fits(360)
    page.get_by_role("button", name="More for this simulation").click()
    page.get_by_role("menuitem", name="Saves and differences").click()
    page.locator(".saves").wait_for()
    screen.picture("saves")
    page.keyboard.press("Escape")
