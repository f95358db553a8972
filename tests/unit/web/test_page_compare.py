"""What is laid over each other and subtracted when runs are compared: the same quantity in the same unit, the same curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.page_modules import blank_page

pytestmark = pytest.mark.browser

COMPARED = """async ([one, other]) => {
    const { difference, overlaid } = await import('/js/compare.js');
    const part = (figure, short) => ({ run: short, label: short, short, figure, colour: 'red' });
    const found = difference(part(one, 'A'), part(other, 'B'));
    return {
        over: overlaid([part(one, 'A'), part(other, 'B')])?.data.length ?? 0,
        why: found.why ?? '', curves: (found.figure?.data ?? []).map((one) => [one.name, [...one.y]]),
    };
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with blank_page() as one:
        one.goto(one.url.replace("icon.svg", "style/"))  # a list of files: an HTML page, where canvases are
        yield one


def figure(unit: str, **curves: list[float]) -> Any:
    data = [{"type": "scatter", "name": name, "x": [1, 2], "y": values} for name, values in curves.items()]
    return {"data": data, "layout": {"xaxis": {"title": {"text": "s [m]"}}, "yaxis": {"title": {"text": f"flux [{unit}]"}}}}


def test_curves_of_other_units_are_neither_laid_over_each_other_nor_subtracted(page: Page) -> None:
    found = page.evaluate(COMPARED, [figure("1/mm²", whole=[1, 2]), figure("1", whole=[1, 2])])
    assert found == {"over": 0, "why": "quantity", "curves": []}


def test_a_curve_is_subtracted_from_that_of_its_name_and_from_no_other(page: Page) -> None:
    found = page.evaluate(COMPARED, [figure("1", one=[5, 5], whole=[1, 2]), figure("1", whole=[4, 4])])
    assert found == {"over": 3, "why": "", "curves": [["B − A", [3, 2]]]}


def test_one_name_in_two_plots_of_a_figure_is_two_curves(page: Page) -> None:
    def both(upper: list[float], lower: list[float]) -> Any:
        made = figure("1", x=upper)
        made["data"].append({"type": "scatter", "name": "x", "x": [1, 2], "y": lower, "yaxis": "y2"})
        return made

    found = page.evaluate(COMPARED, [both([0, 0], [10, 10]), both([1, 1], [12, 12])])
    assert [values for _, values in found["curves"]] == [[1, 1], [2, 2]]


def test_curves_whose_names_changed_are_matched_by_their_place(page: Page) -> None:
    found = page.evaluate(COMPARED, [figure("1", old=[1, 1]), figure("1", new=[3, 3])])
    assert found["curves"] == [["B − A", [2, 2]]]
