"""axe-core on a page: looks for violations of WCAG 2.2 AA and of good practice, light and dark, wide and narrow."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.system.page_kit import ROOT, Screen

AXE = (ROOT / "tests" / "data" / "axe" / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What a page looks like: (width, colour scheme). Each is looked at in full.
LOOKS = [(1360, "light"), (1360, "dark"), (360, "light"), (360, "dark")]

_RUN = """async ([tags]) => {
    // what moves has arrived: colours in the middle of a transition are nobody's
    for (const one of document.getAnimations()) { try { one.finish(); } catch { /* it has no end */ } }
    const found = await axe.run(document, {
        runOnly: {type: 'tag', values: tags}, rules: {'target-size': {enabled: true}}, resultTypes: ['violations'],
    });
    return found.violations.map((one) => [one.id, one.help, one.nodes.slice(0, 6).map((node) => [node.target.join(' '), node.html.slice(0, 160),
        [...node.any, ...node.all, ...node.none].map((check) => check.message).join('; ').slice(0, 240)])]);
}"""


def prepare(screen: Screen) -> None:
    """axe, in the page that is shown and in each one after it. The policy of the page is not touched: this is no script tag."""
    screen.context.add_init_script(AXE)
    screen.page.evaluate(AXE)


def violations(page: Page) -> list[Any]:
    """What axe, which is in the page, finds in it as it looks now: (rule, its words, [(place, markup, why)])."""
    found: list[Any] = page.evaluate(_RUN, [TAGS])
    return found


def examine(screen: Screen, what: str, looks: list[tuple[int, str]] = LOOKS) -> list[str]:
    """What is wrong with what is shown now, a line for each place, none where all is well; a picture of each look is kept."""
    page, faults = screen.page, dict[str, list[str]]()
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 860})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        # from the top: what a header covers when the page is scrolled is not out of reach
        page.evaluate(
            "() => new Promise((done) => { scrollTo(0, 0); requestAnimationFrame(() => requestAnimationFrame(done)); })"
        )
        found = violations(page)
        for rule, words, nodes in found:
            for target, html, why in nodes:
                faults.setdefault(f"{rule}: {words}\n    {target}\n    {html}\n    {why}", []).append(f"{width} {scheme}")
        screen.picture(f"{what}-{width}-{scheme}".replace(" ", "-"))
    page.set_viewport_size({"width": LOOKS[0][0], "height": 860})
    return [f"{what} ({', '.join(where)}): {fault}" for fault, where in faults.items()]


def path_of(address: str) -> str:
    """The view of an address of the page, without its query: what has the same one stays as it is drawn."""
    return address.partition("#/")[2].partition("?")[0] or "codes"


def show(screen: Screen, place: str) -> None:
    """Go there, and wait until nothing is being loaded any more."""
    if path_of(screen.page.url) != path_of(f"#/{place}"):
        # what stood before stands for a moment more
        screen.page.wait_for_selector("main")
        screen.page.evaluate("document.querySelector('main').dataset.gone = ''")
    screen.page.goto(f"{screen.yard.url}/#/{place}")
    screen.page.wait_for_selector("main:not([data-gone], [aria-busy=true])")
    settle(screen)


def settle(screen: Screen) -> None:
    """Until nothing is being loaded."""
    screen.page.locator(".skeletons, [aria-busy=true]").first.wait_for(state="detached")
