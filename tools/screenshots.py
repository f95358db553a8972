"""Makes the pictures of README and tutorial (docs/images) from a real Simyard that runs MAD-X and Gray–Scott.

python -m tools.screenshots            # from the root of the checkout; needs Chromium (tools/debian)
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.system.page_kit import ROOT, Screen, Yard, chromium, install_madx, wait_until

IMAGES = ROOT / "docs" / "images"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        yard = Yard(Path(folder) / "home", Path(folder))
        install_madx(yard.home)
        with yard, chromium() as browser:
            ring(browser, yard)
            patterns(browser, yard)


def save(screen: Screen, name: str) -> None:
    screen.page.mouse.move(700, 5)  # nothing is hovered over
    screen.page.wait_for_timeout(600)  # what fades has faded
    screen.page.screenshot(path=IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png")


def ring(browser: Browser, yard: Yard) -> None:
    """The tutorial's storage ring: codes, the first plot, a changed input."""
    screen = Screen(browser, yard, name="ring")
    screen.page.wait_for_selector(".code-card")
    save(screen, "codes")
    screen.pick("MAD-X", "Electron storage ring")
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    save(screen, "twiss")
    screen.page.get_by_label("FODO cells", exact=True).fill("16")
    screen.page.locator(".numbers", has_text="3.46667").wait_for()
    screen.wait_for_plot()
    save(screen, "twiss-changed")
    screen.close()


def patterns(browser: Browser, yard: Yard) -> None:
    """The tutorial's long run: while it computes, stopped, and the list of runs."""
    screen = Screen(browser, yard, name="patterns", dark=True)
    screen.pick("Gray–Scott", "Coral growth")
    screen.page.get_by_label("Grid", exact=True).fill("256")
    screen.page.get_by_label("Steps", exact=True).fill("40000")
    screen.page.get_by_label("Frames", exact=True).fill("200")
    screen.page.get_by_text("Saved", exact=True).wait_for()
    screen.page.get_by_role("button", name="Run", exact=True).click()
    frame = screen.page.get_by_role("slider", name="Frame", exact=True)
    frame.wait_for()
    wait_until(lambda: int(frame.get_attribute("max") or "0") >= 40, 120)
    screen.wait_for_plot()
    screen.page.evaluate("scrollTo(0, 0)")
    save(screen, "running")
    screen.page.get_by_role("button", name="Stop").click()
    screen.wait_for_state("Stopped")
    screen.page.get_by_text("Open this run").click()
    screen.page.get_by_role("link", name="run.log").wait_for()
    screen.wait_for_plot()
    save(screen, "run")
    screen.page.goto("/#/runs")
    screen.page.wait_for_selector("table")
    save(screen, "runs")
    screen.close()


if __name__ == "__main__":
    main()
