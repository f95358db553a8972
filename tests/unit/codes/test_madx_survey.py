"""Elements become arcs and outlines of a floor plan; a ring that does not close is told."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

# a code's modules have no annotations
madx_optics: Any = import_module("madx_optics")
madx_survey: Any = import_module("madx_survey")


def square(angle: float = math.pi / 2, sides: int = 4) -> dict[str, Any]:
    """As MAD-X's survey: drifts of 4 m and bends of a radius of 1 m, each row at the end of its element."""
    x = z = theta = s = 0.0
    rows = [("ring$start:1", "marker", 0.0, 0.0, 0.0, x, z, theta)]
    for side in range(sides):
        for name, keyword, length, turn in ((f"d{side}:1", "drift", 4.0, 0.0), (f"b{side}:1", "sbend", abs(angle), angle)):
            arc_x, arc_z, turned = madx_survey.arc(x, z, theta, length, -turn)
            x, z, theta, s = float(arc_x[-1]), float(arc_z[-1]), float(turned[-1]), s + length
            rows.append((name, keyword, s, length, turn, x, z, theta))
    names = ("name", "keyword", "s", "l", "angle", "x", "z", "theta")
    columns: dict[str, Any] = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return {**columns, **{name: np.zeros(len(rows)) for name in ("y", "phi", "psi")}}


def test_a_bend_is_an_arc_and_a_drift_a_line() -> None:
    x, z, theta = madx_survey.arc(0.0, 0.0, 0.0, math.pi, -math.pi / 2)  # a quarter of a circle of 2 m
    assert (x[-1], z[-1], theta[-1]) == pytest.approx((-2.0, 2.0, -math.pi / 2))
    np.testing.assert_allclose(np.hypot(x + 2, z), 2.0)  # every point is on the circle, not only its ends
    x, z, theta = madx_survey.arc(1.0, 2.0, math.pi / 6, 2.0, 0.0)
    assert (x[-1], z[-1], theta[-1]) == pytest.approx((2.0, 2.0 + math.sqrt(3), math.pi / 6))


def test_a_ring_closes_and_one_that_does_not_is_told() -> None:
    results, warnings = madx_survey.results_of(square(), "ring")
    assert results["bending"] == pytest.approx(1)
    assert results["gap"] == pytest.approx(0, abs=1e-12)
    assert results["width"]["value"] == pytest.approx(6.0)
    assert warnings == []
    open_ring = square()
    open_ring["x"] = open_ring["x"] + np.linspace(0, 0.3, len(open_ring["x"]))
    (said,) = madx_survey.results_of(open_ring, "ring")[1]
    assert said == "The bends add up to 1 × 2π, but the end is 0.3 m from the start: the ring does not close."
    (said,) = madx_survey.results_of(square(angle=1.55), "ring")[1]
    assert "0.986761 × 2π: this is no closed ring" in said
    assert madx_survey.results_of(square(angle=0.1), "line")[1] == []  # a beamline owes nobody a closure


def test_the_plan_has_equal_axes_and_each_magnet_where_it_stands(tmp_path: Path) -> None:
    columns = square()
    madx_optics.save(str(tmp_path), columns, madx_survey.FILE)
    figure = madx_survey.draw(SimpleNamespace(dir=str(tmp_path)), {})
    assert (figure["layout"]["yaxis"]["scaleanchor"], figure["layout"]["yaxis"]["scaleratio"]) == ("x", 1)
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["axis", "dipole", "dipoles", "start"]
    outline = figure["data"][1]
    assert int(np.isnan(outline["x"]).sum()) == 4
    wide = madx_survey.WIDTH * 6.0
    first = slice(0, int(np.flatnonzero(np.isnan(outline["x"]))[0]))
    away = np.hypot(outline["x"][first] - 4.0, outline["y"][first] + 1.0)  # the first bend turns around (Z, X) = (4, −1)
    assert away.min() == pytest.approx(1 - wide, rel=1e-4)
    assert away.max() == pytest.approx(1 + wide, rel=1e-4)
    assert figure["data"][2]["text"][0].startswith("b0 · dipole · 1571 mrad<br>s 4.000 to 5.571 m")


def test_an_element_that_leaves_the_plane_is_a_line_between_its_ends() -> None:
    columns = square()
    columns["z"][1] -= 2.0  # 4 m of drift that go up, and 2 m forward
    x, z, _ = madx_survey.axis_of(columns, 1)
    assert (x.tolist(), z.tolist()) == ([0.0, 0.0], [0.0, 2.0])
    with pytest.raises(ValueError, match="nothing to draw"):
        madx_optics.load("/nonexistent", madx_survey.FILE)
