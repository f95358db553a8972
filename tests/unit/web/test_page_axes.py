"""Where a plot offers logarithmic axes, and where one would make no sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.page_modules import blank_page

pytestmark = pytest.mark.browser

OFFERED = "async (figure) => (await import('/js/parts/plot/axes.js')).logarithms(figure)"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with blank_page() as one:
        yield one


@pytest.mark.parametrize(
    "what, figure, x, y",
    [
        (
            "decades",
            {"data": [{"x": [0, 1, 2, 3], "y": [1, 10, 100, 1000]}]},
            {"positive": 3, "lost": 1},
            {"positive": 4, "lost": 0},
        ),
        ("a swing around zero", {"data": [{"x": [1, 2, 3, 4], "y": [1, -1, 1, 1.0, -1]}]}, {"positive": 4, "lost": 0}, None),
        ("a floor plan", {"data": [{"x": [1, 2], "y": [1, 2]}], "layout": {"yaxis": {"scaleanchor": "x"}}}, None, None),
        ("names", {"data": [{"x": ["a", "b"], "y": [1, 2]}]}, None, {"positive": 2, "lost": 0}),
        (
            "a code's own, beside a plain one",
            {
                "data": [{"x": [0, -1], "y": [1, 2]}, {"x": [1, 10], "y": [1, 2], "xaxis": "x2"}],
                "layout": {"xaxis2": {"type": "log"}},
            },
            {"positive": 2, "lost": 0},
            {"positive": 4, "lost": 0},
        ),
    ],
)
def test_a_logarithm_is_offered_where_nearly_all_of_a_plot_has_one(page: Page, what: str, figure: Any, x: Any, y: Any) -> None:
    assert page.evaluate(OFFERED, figure) == {"x": x, "y": y}, what
