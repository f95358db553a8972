"""What is wrong with a figure is told with its place; what Plotly draws is let pass."""

from __future__ import annotations

from typing import Any

import pytest

from simyard.cli.figures import wrong

F8 = {"dtype": "f8", "bdata": "AAAAAAAA8D8AAAAAAAAAQA=="}  # 1.0, 2.0


@pytest.mark.parametrize(
    "figure",
    [
        {"data": []},
        {"data": [{"x": [1, 2], "y": [3, 4]}], "layout": {"xaxis": {"title": {"text": "x [mm]"}}}},
        {"data": [{"type": "scatter", "x": F8, "y": [3, None]}]},
        {"data": [{"type": "scatter", "y": [3, 4, 5]}]},
        {"data": [{"type": "heatmap", "z": {**F8, "shape": "1, 2"}}]},
        {"data": [{"type": "heatmap", "x": [1, 2, 3], "y": [1, 2], "z": [[1, 2], [3, 4]]}]},
        {"data": [{"type": "scatter3d", "x": [1], "y": [1], "z": [1]}, {"type": "table", "cells": {}}], "frames": []},
    ],
)
def test_a_figure_that_plotly_draws_is_let_pass(figure: dict[str, Any]) -> None:
    assert wrong(figure) == ""


@pytest.mark.parametrize(
    "figure, words",
    [
        ([], "it is not a Plotly figure"),
        ({}, "data must be a list of traces, not nothing"),
        ({"data": {}}, "data must be a list of traces, not dict"),
        ({"data": [], "layout": []}, "layout must be a dict, not list"),
        ({"data": [], "lay": 1}, "'lay' does not belong to one"),
        ({"data": [], "layout": {"xaxis2": "x"}}, "layout.xaxis2: must be a dict, not str"),
        ({"data": [{}, 3]}, "data[1]: must be a dict"),
        ({"data": [{"type": "lines"}]}, "data[0].type: 'lines' is no trace of Plotly's"),
        ({"data": [{"type": "scater"}]}, "did you mean 'scatter'?"),
        ({"data": [{"x": 3, "y": [1]}]}, "data[0].x: must be a list or an array, not int"),
        ({"data": [{"x": F8, "y": [1]}]}, "x has 2 values and y has 1 values"),
        ({"data": [{"y": {"dtype": "f9", "bdata": ""}}]}, "data[0].y: a typed array is"),
        ({"data": [{"y": {"dtype": "f8", "bdata": "?"}}]}, "data[0].y: its bdata is not base64"),
        ({"data": [{"y": {"dtype": "f8", "bdata": "AAAA"}}]}, "data[0].y: its bdata has 3 bytes"),
        ({"data": [{"type": "heatmap", "z": {**F8, "shape": "2, 2"}}]}, "data[0].z: its shape is 2, 2, and it has 2 values"),
        ({"data": [{"type": "heatmap", "z": {**F8, "shape": "two"}}]}, "data[0].z: its shape is two"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(figure: Any, words: str) -> None:
    assert words in wrong(figure)
