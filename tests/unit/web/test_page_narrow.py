"""Where a plot has little room its title is parted into lines that fit, and a box is seen from farther off; else all is as the figure says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.page_modules import blank_page

pytestmark = pytest.mark.browser

OPTICS = "ring · Q<sub>x</sub> = 3.7333 · Q<sub>y</sub> = 3.3333 · ξ<sub>x</sub> = 0.00"
LINES = "async ([title, width]) => (await import('/js/parts/plot/narrow.js')).linesOf(title, width)"
CAMERA = """async ([scene, clientWidth, clientHeight]) =>
    (await import('/js/parts/plot/narrow.js')).cameraOf(scene, { clientWidth, clientHeight })"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with blank_page() as one:
        yield one


@pytest.mark.parametrize(
    "title, width, shown",
    [
        (OPTICS, 900, OPTICS),
        (OPTICS, 300, OPTICS.replace(" · ξ", "<br>ξ")),
        ("Uncertainty of the mean: 21.19% after 12 electrons", 300, "Uncertainty of the mean: 21.19% after<br>12 electrons"),
        (
            "What the code<br>has parted itself into lines of its own",
            200,
            "What the code<br>has parted itself into lines of its own",
        ),
        ("ring · one_word_that_is_longer_than_any_line_there", 200, "ring<br>one_word_that_is_longer_than_any_line_there"),
    ],
)
def test_a_title_is_parted_into_lines_that_fit(page: Page, title: str, width: int, shown: str) -> None:
    assert "<br>".join(page.evaluate(LINES, [title, width])) == shown


def camera(page: Page, scene: Any, width: int) -> Any:
    return page.evaluate(CAMERA, [scene, width, 460])


def test_a_box_is_seen_from_farther_off_only_where_it_is_too_narrow(page: Page) -> None:
    own = {"eye": {"x": 1.0, "y": 2.0, "z": 0.5}, "center": {"x": 0, "y": 0, "z": -0.1}}
    assert camera(page, {"camera": own}, 900) == {**own, "up": {"x": 0, "y": 0, "z": 1}}
    assert camera(page, None, 900)["eye"] == {"x": 1.25, "y": 1.25, "z": 1.25}
    eye = camera(page, {"camera": own}, 300)["eye"]
    assert eye["y"] == pytest.approx(2 * eye["x"])
    assert 1.5 < eye["x"] <= 2.0
