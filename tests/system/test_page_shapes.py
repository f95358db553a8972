"""The page on screens of any shape, and as its readers set their browsers: reflow, spacing of text, size of targets, forced colours."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.system.axe_kit import settle, show
from tests.system.page_kit import Screen, Yard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: WCAG 1.4.12: what a reader may set without losing anything. A constructed sheet, for the policy allows no inline style.
SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; } p { margin-bottom: 2em !important; }');
    document.adoptedStyleSheets = [sheet];
}"""
#: WCAG 2.5.8: what is pressed and is smaller than 24 × 24, but for links within a text.
SMALL = """() => [...document.querySelectorAll('button, input, select, summary, a[href], [role=button], [role=tab], [role=slider]')]
    .filter((one) => one.checkVisibility({ opacityProperty: false, visibilityProperty: true }) && !one.closest('.visually-hidden, .skip, p, .hint, .plot, .facts, .crumbs'))
    .map((one) => {
        // a label is pressed as well as the field that it names
        const boxes = [one, ...(one.labels ?? [])].map((at) => at.getBoundingClientRect());
        return [one, Math.max(...boxes.map((box) => box.width)), Math.max(...boxes.map((box) => box.height))];
    })
    .filter(([one, width, height]) => width > 0 && (width < 23.5 || height < 19.5 || (height < 23.5 && !(one.tagName === 'A' && one.textContent.trim().length > 3))))
    .map(([one, width, height]) => `${one.outerHTML.slice(0, 120)}: ${Math.round(width)} × ${Math.round(height)}`)"""


@pytest.fixture(scope="module")
def places(yard: Yard) -> list[str]:
    made = yard.client.create_simulation("grayscott", "A simulation with a name that is rather long", example="tiny")
    run = yard.client.start(made["id"], "evolve", wait=60)
    return [
        "codes",
        "simulations",
        f"simulations/{made['id']}?model=evolve",
        "runs",
        f"runs/{run.id}",
        f"runs/{run.id}?file=work/mass.csv",
        "nowhere",
    ]


@pytest.mark.parametrize("shape", ["320", "spacing", "forced"])
def test_nothing_is_cut_off_and_everything_can_be_hit(browser: Browser, yard: Yard, places: list[str], shape: str) -> None:
    # 320 CSS pixels are a screen of 1280 at 400 %
    screen = Screen(browser, yard, name=f"shape-{shape}", width=320 if shape == "320" else 680)
    page = screen.page
    try:
        if shape == "forced":
            page.emulate_media(forced_colors="active", reduced_motion="reduce")
        faults = []
        for place in places:
            show(screen, place)
            if "file=" in place:
                page.locator(".file-viewer .view-content").wait_for()
                settle(screen)
            if shape == "spacing":
                page.evaluate(SPACING)
            screen.picture(place.split("/")[0] + ("-one" if "/" in place else ""))
            screen.fits(page.evaluate("innerWidth"))
            faults += [f"{place}: {one}" for one in page.evaluate(SMALL)] if shape != "spacing" else []
        assert not faults, "\n".join(faults)
        screen.check()
    finally:
        screen.close()
