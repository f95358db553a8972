"""What is wrong with a report: whether it is a figure that Plotly draws, looked at without Plotly. Pure."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

#: The bytes of a number of each type that a typed array may have.
_SIZES = {"f8": 8, "f4": 4, "i4": 4, "i2": 2, "i1": 1, "u4": 4, "u2": 2, "u1": 1}
_NAMES = """bar barpolar box candlestick carpet choropleth choroplethmap choroplethmapbox cone contour contourcarpet densitymap
    densitymapbox funnel funnelarea heatmap histogram histogram2d histogram2dcontour icicle image indicator isosurface mesh3d
    ohlc parcats parcoords pie sankey scatter scatter3d scattercarpet scattergeo scattergl scattermap scattermapbox scatterpolar
    scatterpolargl scattersmith scatterternary splom streamtube sunburst surface table treemap violin volume waterfall"""
#: Every type of trace of Plotly.
TRACES = frozenset(_NAMES.split())
#: Values that go together, by the type of trace: as many of one as of the other.
_TOGETHER = {"scatter": ("x", "y"), "scattergl": ("x", "y"), "bar": ("x", "y"), "scatter3d": ("x", "y", "z")}
_ARRAYS = ("x", "y", "z", "r", "theta", "values", "labels", "open", "high", "low", "close")
_AN_EXAMPLE = '{"data": [{"type": "scatter", "x": […], "y": […]}], "layout": {…}}'


def wrong(figure: Any) -> str:
    """What is wrong with a figure, in words that name the place; "" where nothing is."""
    if not isinstance(figure, dict):
        return f"it is not a Plotly figure: {_AN_EXAMPLE}"
    if odd := sorted(set(figure) - {"data", "layout", "frames", "config"}):
        return f"it is not a Plotly figure: {odd[0]!r} does not belong to one; write {_AN_EXAMPLE}"
    data = figure.get("data")
    if not isinstance(data, list):
        return f"it is not a Plotly figure: data must be a list of traces, not {_kind(data)}; write {_AN_EXAMPLE}"
    if not isinstance(figure.get("layout", {}), dict):
        return f"it is not a Plotly figure: layout must be a dict, not {_kind(figure['layout'])}; write {_AN_EXAMPLE}"
    for number, trace in enumerate(data):
        if words := _wrong_trace(trace):
            return f"data[{number}]{words}"
    for name, axis in figure.get("layout", {}).items():
        if name.startswith(("xaxis", "yaxis")) and not isinstance(axis, dict):
            return f"layout.{name}: must be a dict, not {_kind(axis)}"
    return ""


def _wrong_trace(trace: Any) -> str:
    if not isinstance(trace, dict):
        return f': must be a dict like {{"type": "scatter", …}}, not {_kind(trace)}'
    kind = trace.get("type", "scatter")
    if kind not in TRACES:
        from simyard.codes.closest import did_you_mean

        return f".type: {str(kind)[:40]!r} is no trace of Plotly's{did_you_mean(str(kind), TRACES)}"
    for name in _ARRAYS:
        if name in trace and (words := _wrong_array(trace[name])):
            return f".{name}: {words}"
    names = [name for name in _TOGETHER.get(kind, ()) if _length(trace.get(name)) is not None]
    lengths = {name: _length(trace[name]) for name in names}
    if len(set(lengths.values())) > 1:
        return f": {' and '.join(f'{name} has {many} values' for name, many in lengths.items())}; they must be as many"
    return ""


def _wrong_array(value: Any) -> str:
    if isinstance(value, list) or value is None:
        return ""
    if not isinstance(value, dict):
        return f"must be a list or an array, not {_kind(value)}"
    if "bdata" not in value or value.get("dtype") not in _SIZES:
        return f'a typed array is {{"dtype": "f8", "bdata": base64}} with one of {", ".join(sorted(_SIZES))}'
    try:
        many = len(base64.b64decode(value["bdata"], validate=True))
    except (binascii.Error, TypeError, ValueError):
        return "its bdata is not base64"
    size = _SIZES[value["dtype"]]
    if many % size:
        return f"its bdata has {many} bytes, which is no whole number of {value['dtype']}"
    shape = _shape(value)
    if shape is not None and math.prod(shape) != many // size:
        return f"its shape is {value['shape']}, and it has {many // size} values"
    return ""


def _shape(value: dict[str, Any]) -> list[int] | None:
    try:
        return [int(part) for part in str(value["shape"]).split(",")] if "shape" in value else None
    except ValueError:
        return [-1]


def _length(value: Any) -> int | None:
    """How many values a flat array has; None where it is no such thing."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, dict) and "bdata" in value:
        shape = _shape(value)
        return shape[0] if shape else len(base64.b64decode(value["bdata"])) // _SIZES[value["dtype"]]
    return None


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
