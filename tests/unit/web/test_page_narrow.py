"""Where a plot has little room its title is parted into lines that fit, plots stand below each other, and a box is seen from farther off."""

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
STACK = """async ([layout, clientWidth]) => {
    const { moveLegend, panelsOf, stack } = await import('/js/parts/plot/stack.js');
    const panels = panelsOf(layout, clientWidth);
    moveLegend(layout, { clientWidth, clientHeight: 400 });
    stack(layout, clientWidth);
    return { panels, ...layout };
}"""


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


def test_plots_side_by_side_stand_below_each_other_where_there_is_no_room_and_keep_their_ranges(page: Page) -> None:
    given = {
        "title": {"text": "t"}, "margin": {"t": 50}, "legend": {"y": 1.02},
        "xaxis": {"domain": [0, 0.4], "range": [0, 9]}, "yaxis": {"domain": [0, 0.8]}, "yaxis3": {"domain": [0.9, 1]},
        "xaxis2": {"domain": [0.6, 1], "anchor": "y2"}, "yaxis2": {"anchor": "x2"},
    }  # fmt: skip
    assert page.evaluate(STACK, [given, 900]) == {**given, "panels": 1}
    assert page.evaluate(STACK, [given, 0]) == {**given, "panels": 1}
    narrow = page.evaluate(STACK, [given, 320])
    assert narrow["panels"] == 2
    assert narrow["xaxis"] == {"domain": [0, 1], "range": [0, 9]}
    assert narrow["xaxis2"]["domain"] == [0, 1]
    assert narrow["yaxis2"]["domain"] == pytest.approx([0, 0.425])
    assert narrow["yaxis"]["domain"] == pytest.approx([0.575, 0.915])
    assert narrow["yaxis3"]["domain"] == pytest.approx([0.9575, 1])
    assert narrow["margin"]["t"] > 50


@pytest.mark.parametrize(
    "layout",
    [
        {"xaxis": {}, "yaxis": {"domain": [0, 0.4]}, "yaxis2": {"domain": [0.5, 1]}},  # below each other already
        {"xaxis": {"domain": [0, 0.6]}, "xaxis2": {"domain": [0.4, 1]}, "yaxis": {}},  # an inset
        {"xaxis": {"domain": [0, 0.4]}, "xaxis2": {"domain": [0.6, 1]}, "yaxis": {"anchor": "free"}},
    ],
)
def test_what_does_not_stand_side_by_side_stays_where_it_is(page: Page, layout: Any) -> None:
    assert {**page.evaluate(STACK, [layout, 320]), "panels": 0} == {**layout, "panels": 0}


def test_a_legend_below_stays_clear_of_the_words_of_the_axis(page: Page) -> None:
    assert page.evaluate(STACK, [{"legend": {"y": -0.2}}, 900])["legend"]["y"] == -0.2
    assert page.evaluate(STACK, [{"legend": {"y": -0.2}}, 320])["legend"]["y"] == pytest.approx(-0.29, abs=0.01)
