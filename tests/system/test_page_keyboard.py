"""Everything by keyboard alone: Tab, Enter, arrows and the page's own keys; the focus is always seen and never lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.system.axe_kit import show
from tests.system.page_kit import Screen, Yard, comes_true, looked_after, name_of, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    const label = one.labels?.[0]?.textContent ?? '';
    const name = one.getAttribute('aria-label') || label || one.textContent || one.value || '';
    // a ring may be drawn around what holds it (a field, a row), or what it holds (a handle)
    const outlined = (at) => at && getComputedStyle(at).outlineStyle !== 'none' && parseFloat(getComputedStyle(at).outlineWidth) > 0;
    const field = one.matches('input, select, textarea') && getComputedStyle(one.parentElement).boxShadow !== 'none';
    const ring = field || style.boxShadow !== 'none' || [one, one.firstElementChild, one.parentElement, one.closest('.sim, label, .search, .name-sizer')].some(outlined);
    return {name: name.trim().replace(/\\s+/g, ' '), tag: one.tagName, body: one === document.body, ring,
            seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth, id: one.id};
}"""


class Hands:
    """Somebody who has a keyboard and no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; the focus is somewhere afterwards."""
        for key in keys:
            self.page.keyboard.press(key)
        self.focus_is_somewhere()

    def focus_is_somewhere(self) -> None:
        wait_until(lambda: not self.page.evaluate(FOCUSED)["body"])

    def type(self, text: str) -> None:
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def tab_to(self, name: str, *, back: bool = False, exact: bool = True, limit: int = 150) -> None:
        """Go there with Tab; wherever that comes by, the focus is seen."""
        passed = []
        for _ in range(limit):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            at = self.page.evaluate(FOCUSED)
            if not at["body"]:
                assert at["ring"] or at["id"] == "content", f"no ring around {at}"
                assert at["seen"], f"out of sight: {at}"
            passed.append(at["name"])
            if at["name"] == name or (not exact and re.search(name, at["name"])):
                return
        raise AssertionError(f"Tab does not come to {name!r}: {passed}")


@pytest.fixture
def screen(browser: Browser, yard: Yard, request: pytest.FixtureRequest) -> Iterator[Screen]:
    with looked_after(Screen(browser, yard, name=name_of(request))) as made:
        made.expected |= {409, 422}
        yield made


def test_from_the_first_visit_to_a_run_that_is_stopped_and_run_again(screen: Screen) -> None:
    page, hands = screen.page, Hands(screen.page)
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    page.locator(".welcome, .recent").first.wait_for()
    page.locator(".code-card").get_by_role("button", name="Coral growth").wait_for()
    hands.tab_to("Skip to content")
    hands.press("Enter")
    hands.tab_to("Coral growth", exact=False)
    hands.press("Enter")
    page.wait_for_selector(".workspace")
    hands.focus_is_somewhere()
    hands.tab_to("Steps")
    hands.type("200000")
    page.get_by_text("Saved", exact=True).wait_for()
    hands.press("Control+Enter")
    screen.wait_for_state("Running")
    hands.tab_to("Stop")
    hands.press("Enter")
    screen.wait_for_state("Stopped")
    hands.focus_is_somewhere()
    screen.picture("stopped")

    page.get_by_label("Steps", exact=True).focus()
    hands.type("600")
    page.get_by_text("Saved", exact=True).wait_for()
    hands.press("Control+Enter")
    screen.wait_for_state("Completed")
    page.get_by_role("slider", name="Frame", exact=True).wait_for()
    hands.tab_to("Frame")
    hands.press("Home")
    wait_until(lambda: page.get_by_role("slider", name="Frame", exact=True).input_value() == "0")
    hands.press("ArrowRight")
    wait_until(lambda: page.get_by_role("slider", name="Frame", exact=True).input_value() == "1")
    hands.tab_to("Log", exact=False)
    hands.press("Enter")
    page.get_by_role("log", name="Log").wait_for()


def test_a_button_that_was_disabled_for_a_moment_does_not_lose_the_focus(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    page.evaluate("""() => {
        const one = document.createElement('button');
        one.id = 'moment';
        document.getElementById('content').append(one);
        one.focus();
        one.disabled = true;
        // the browser takes the focus away with its next painting
        requestAnimationFrame(() => requestAnimationFrame(() => { one.disabled = false; }));
    }""")
    wait_until(lambda: page.evaluate("!document.getElementById('moment').disabled"))
    # the button again, or what is around it where the machine is slow
    Hands(page).focus_is_somewhere()
    page.evaluate("document.getElementById('moment').remove()")


def test_simulations_are_renamed_deleted_and_taken_back(screen: Screen, yard: Yard) -> None:
    yard.client.create_simulation("grayscott", "Alpha", example="tiny")
    page, hands = screen.page, Hands(screen.page)
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    hands.press("g", "s")
    page.get_by_role("heading", name="Simulations", exact=True).wait_for()
    page.get_by_text("Alpha").first.wait_for()
    hands.press("/")
    comes_true(page, "document.activeElement.type === 'search'")
    hands.type("Alpha")
    page.get_by_role("link", name="Alpha").first.wait_for()
    hands.tab_to("Alpha", exact=False)
    hands.press("F2")
    wait_until(lambda: page.evaluate("document.activeElement.matches('.rename')"))
    hands.type("Alpha and Omega")
    hands.press("Enter")
    page.get_by_role("link", name="Alpha and Omega").first.wait_for()
    hands.focus_is_somewhere()
    hands.tab_to("Alpha and Omega", exact=False)
    hands.press("Delete")
    page.get_by_role("link", name="Alpha and Omega").wait_for(state="detached")
    page.locator(".toast", has_text="is in the bin").wait_for()
    hands.focus_is_somewhere()
    hands.press("u")
    page.get_by_role("link", name="Alpha and Omega").first.wait_for()
    hands.focus_is_somewhere()


def test_the_files_of_a_run_are_opened_walked_and_closed(screen: Screen, yard: Yard) -> None:
    made = yard.client.create_simulation("leaves", "Leaves")
    yard.client.start(made["id"], "leave", wait=60)
    page, hands = screen.page, Hands(screen.page)
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    hands.press("g", "r")
    page.get_by_role("link", name="Leaves").first.wait_for()
    hands.tab_to("^Leaves", exact=False)
    hands.press("Enter")
    page.locator(".run-files").wait_for()
    hands.tab_to("work/orbit.csv")
    hands.press("Enter")
    page.get_by_role("dialog", name="orbit.csv").get_by_text("5 000 rows").wait_for()
    hands.press("n")
    page.get_by_role("dialog", name="page.html").wait_for()
    hands.press("p", "p")
    page.get_by_role("dialog", name="noise.bin").wait_for()
    hands.press("?")
    page.get_by_role("dialog", name="Keys").get_by_text("The next file").wait_for()
    hands.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="detached")
    hands.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    hands.focus_is_somewhere()
    assert page.evaluate(FOCUSED)["name"] == "work/orbit.csv", "the focus comes back to what opened the viewer"


def test_runs_are_compared(screen: Screen, yard: Yard) -> None:
    made = yard.client.create_simulation("grayscott", "Compared", example="tiny")
    for seed in (1, 2):
        sim = yard.client.change_simulation(yard.client.simulation(made["id"]), inputs={"seed": seed})
        yard.client.start(sim["id"], "evolve", wait=60)
    page, hands = screen.page, Hands(screen.page)
    page.goto("/#/runs")
    page.get_by_role("link", name="Compared").nth(1).wait_for()
    hands.press("/")
    hands.type("Compared")
    for _ in range(2):
        hands.tab_to("^Select .*Compared", exact=False)
        hands.press(" ")
    screen.picture("selected")
    hands.tab_to("Compare", back=True)
    hands.press("Enter")
    page.get_by_role("heading", name="Compare runs").wait_for()
    page.locator("main", has_text="Seed").wait_for()
    hands.focus_is_somewhere()


def test_single_keys_are_quiet_while_one_types_and_can_be_switched_off(screen: Screen) -> None:
    page, hands = screen.page, Hands(screen.page)
    page.get_by_role("heading", name="What do you want to simulate?").wait_for()
    page.locator(".code-card").first.wait_for()
    theme = page.evaluate("document.documentElement.dataset.theme ?? ''")
    hands.press("/")
    page.keyboard.type("t gr?")
    comes_true(page, "document.activeElement.value === 't gr?'")
    assert page.evaluate("document.documentElement.dataset.theme ?? ''") == theme
    assert page.get_by_role("dialog").count() == 0
    hands.type("")
    page.keyboard.press("Delete")
    hands.tab_to("Codes", back=True, exact=False)
    hands.press("t")
    comes_true(page, "document.documentElement.dataset.theme === 'light'")
    hands.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    hands.tab_to("Single-character keys", exact=False)
    hands.press(" ", "Escape")
    dialog.wait_for(state="detached")
    hands.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    hands.press("g", "r")
    assert not page.url.endswith("#/runs")


def test_the_list_of_keys_in_the_reference_is_that_of_the_page(screen: Screen, yard: Yard) -> None:
    page = screen.page
    said = (Path(__file__).parents[2] / "docs" / "reference" / "keys.md").read_text("utf-8")
    made = yard.client.create_simulation("grayscott", "For its keys", example="tiny")
    run = yard.client.start(made["id"], "evolve", wait=60)
    places = [
        "codes",
        "simulations",
        f"simulations/{made['id']}?model=evolve",
        "runs",
        f"runs/{run.id}",
        f"runs/{run.id}?file=run.log",
    ]
    seen, missing = set(), []
    for place in places:
        show(screen, "nowhere")
        show(screen, place)
        if "model=" in place:
            page.get_by_role("slider", name="Frame", exact=True).wait_for()
        if "file=" in place:
            page.locator(".file-viewer").wait_for()
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        dialog.wait_for()
        for row in dialog.locator("dl > div").all():
            words = row.locator("dt").inner_text()
            keys = [" ".join(one.locator("kbd").all_inner_texts()) for one in row.locator(".keys-one").all()]
            seen.add(words)
            wanted = f"| {words} | {', '.join(f'`{key}`' for key in keys)} |"
            if wanted not in said:
                missing.append(f"{place}: {wanted}")
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
    listed = {line.split("|")[1].strip() for line in said.splitlines() if line.startswith("| ")} - {"what", "---"}
    assert not missing, "docs/reference/keys.md lacks\n" + "\n".join(missing)
    assert listed == seen
