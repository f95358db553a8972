"""Makes the pictures of README and documentation (docs/images): does what the tutorial says, step by step, on the page of a
real Simyard that runs MAD-X and Gray–Scott.

python -m tools.screenshots [NAME …]     # from the root of the checkout; needs Chromium (tools/debian)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.system.page_kit import ROOT, Screen, Yard, chromium, install_madx, wait_until
from tools.png import shrink

IMAGES = ROOT / "docs" / "images"
#: What is made, in the order of the tutorial; each is named in the documentation (tests/unit/test_docs.py).
PICTURES = ("codes", "twiss", "twiss-changed", "running", "run", "compare", "take-away", "simulations", "runs")
#: Whether all pictures of codes that can be seen are there; those below are not asked for before somebody comes to them.
PAINTED = """
    [...document.images].every((one) => one.getBoundingClientRect().top > innerHeight || (one.complete && one.naturalWidth > 0))
"""
#: A picture is as small as that (bytes).
LIMIT = 200_000


class Album:
    """Keeps pictures; at the end, each of `PICTURES` has been made."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted
        self.made: list[str] = []

    def keep(self, screen: Screen, name: str) -> None:
        """A picture of the page, once nothing moves any more."""
        assert name in PICTURES, name
        self.made.append(name)
        page = screen.page
        page.mouse.move(700, 3)  # nothing is hovered over
        page.evaluate("document.activeElement?.blur()")
        page.evaluate("for (const one of document.querySelectorAll('.pane')) one.scrollTop = 0")
        page.evaluate("scrollTo(0, 0)")
        wait_until(lambda: page.evaluate(PAINTED))
        page.wait_for_timeout(700)  # what fades has faded
        page.locator(".toast").first.wait_for(state="hidden")
        if name not in self.wanted:
            return
        path = IMAGES / f"{name}.png"
        page.screenshot(path=path)
        size = shrink(path, LIMIT)
        assert size <= LIMIT, f"{path} has {size} bytes"
        print(f"docs/images/{name}.png: {size // 1000} kB", flush=True)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    album = Album(set(sys.argv[1:]) or set(PICTURES))
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        yard = Yard(Path(folder) / "home", Path(folder))
        install_madx(yard.home)
        with yard, chromium() as browser:
            ring(browser, yard, album)
            patterns(browser, yard, album)
            lists(browser, yard, album)
    assert tuple(album.made) == PICTURES, album.made


def ring(browser: Browser, yard: Yard, album: Album) -> None:
    """Open the page, pick the storage ring, change an input."""
    screen = Screen(browser, yard, name="ring")
    page = screen.page
    page.wait_for_selector(".code-card")
    album.keep(screen, "codes")
    screen.pick("MAD-X", "Electron storage ring")
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    album.keep(screen, "twiss")
    page.get_by_label("FODO cells", exact=True).fill("16")
    page.locator(".numbers", has_text="3.46667").wait_for()
    screen.wait_for_plot()
    album.keep(screen, "twiss-changed")
    screen.close()


def patterns(browser: Browser, yard: Yard, album: Album) -> None:
    """Follow a long run, stop it, look at what is left of it; run it with another input, compare, take away."""
    screen = Screen(browser, yard, name="patterns", dark=True)
    page = screen.page
    screen.pick("Gray–Scott", "Coral growth")
    page.get_by_label("Steps", exact=True).fill("40000")
    page.get_by_label("Frames", exact=True).fill("200")
    page.get_by_text("Saved", exact=True).wait_for()
    page.get_by_role("button", name="Run", exact=True).first.click()
    frame = page.get_by_role("slider", name="Frame", exact=True)
    frame.wait_for()
    wait_until(lambda: int(frame.get_attribute("max") or "0") >= 40, 240)
    screen.wait_for_plot()
    album.keep(screen, "running")
    page.get_by_role("button", name="Stop", exact=True).first.click()
    screen.wait_for_state("Stopped")
    simulation = page.url.rsplit("/", 1)[1].partition("?")[0]
    page.get_by_text("Open this run").click()
    page.locator(".run-page").wait_for()
    screen.wait_for_plot()
    album.keep(screen, "run")

    page.goto(f"/#/simulations/{simulation}?model=evolve")
    for kill in ("0.062", "0.0605"):
        page.get_by_label("Kill rate k", exact=True).fill(kill)
        page.get_by_label("Steps", exact=True).fill("6000")
        page.get_by_text("Saved", exact=True).wait_for()
        before = len(list(yard.client.runs(simulation=simulation)))
        page.keyboard.press("Control+Enter")
        wait_until(lambda before=before: len(list(yard.client.runs(simulation=simulation))) > before)
        wait_until(lambda: all(run.final for run in yard.client.runs(simulation=simulation)), 240)
    screen.wait_for_state("Completed")
    page.locator("summary", has_text="Earlier runs").click()
    for row in (0, 1):
        page.locator(".history-row").nth(row).get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare", exact=True).click()
    page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    page.locator(".skeletons, [aria-busy=true]").first.wait_for(state="detached")
    page.set_viewport_size({"width": 1360, "height": 1240})
    page.wait_for_timeout(1000)
    album.keep(screen, "compare")
    page.set_viewport_size({"width": 1360, "height": 860})
    done = next(run for run in yard.client.runs(simulation=simulation) if run.state == "completed")
    page.goto(f"/#/runs/{done.id}")
    page.locator(".run-page").wait_for()
    screen.wait_for_plot()
    page.get_by_label("Search the files").fill("mass.csv")
    page.get_by_role("link", name="work/mass.csv", exact=True).click()
    page.get_by_role("dialog").locator("table, [role=grid], [role=table]").first.wait_for()
    album.keep(screen, "take-away")
    screen.close()


def lists(browser: Browser, yard: Yard, album: Album) -> None:
    """What has been made and run."""
    for name, example in (("Mitosis", "mitosis"), ("Moving spots", "spots"), ("Labyrinth", "labyrinth")):
        yard.client.run("grayscott", "preview", name=name, example=example, wait=30).wait(60)
    screen = Screen(browser, yard, name="lists")
    page = screen.page
    for place in ("simulations", "runs"):
        page.goto(f"/#/{place}")
        page.locator("main:not([aria-busy=true]) h1").first.wait_for()
        page.locator(".skeletons, [aria-busy=true]").first.wait_for(state="detached")
        page.wait_for_timeout(1500)  # thumbnails arrive one after the other
        album.keep(screen, place)
    screen.close()


if __name__ == "__main__":
    main()
