"""The statements that give magnets errors, what is told of seeds, and apertures in words and sizes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simyard.codes.declaration import Declaration

# a code's modules have no annotations
madx_aperture: Any = import_module("madx_aperture")
madx_errors: Any = import_module("madx_errors")
madx_optics: Any = import_module("madx_optics")
madx_ring: Any = import_module("madx_ring")


def test_each_kind_of_magnet_gets_its_errors_in_units_of_mad_x(madx: Declaration) -> None:
    inputs = madx.check_inputs({"quadrupole_offset": 100, "gradient_error": 5, "dipole_error": 0, "dipole_roll": 200})
    assert madx_errors.statements(7, inputs, {"quadrupole", "sbend", "marker"}) == [
        "eoption, seed=7, add=false;",
        "select, flag=error, clear;",
        "select, flag=error, class=quadrupole;",
        "ealign, dx:=0.0001*tgauss(3), dy:=0.0001*tgauss(3), dpsi:=0.0001*tgauss(3);",
        "efcomp, order=1, radius=0.01, dknr:={0, 0.0005*tgauss(3)};",
        "select, flag=error, clear;",
        "select, flag=error, class=sbend;",
        "ealign, dpsi:=0.0002*tgauss(3);",
        "efcomp, order=0, radius=0.01, dknr:={0*tgauss(3)};",
    ]
    assert any("class=sextupole" in line for line in madx_errors.statements(1, inputs, {"sextupole"}))


def test_seeds_are_summed_up_in_millimetres_and_per_cent() -> None:
    rows = np.array(
        [[1e-3, 2e-3, 2e-3, 4e-3, 0.01, 0.02, 0.03, 0.05, 5.1, 4.2], [3e-3, 9e-3, 0, 1e-3, 0.03, 0.04, 0.01, 0.02, 5.3, 4.2]]
    )
    assert madx_errors.results_of(rows) == pytest.approx(
        {
            "seeds": 2, "orbit_x_rms": 2.0, "orbit_y_rms": 1.0, "orbit_x_worst": 9.0, "orbit_y_worst": 4.0,
            "beating_x": 2.0, "beating_y": 2.0, "tune_x_spread": 0.1, "tune_y_spread": 0.0,
        }
    )  # fmt: skip
    assert madx_errors.told_of([], 9) == []
    (said,) = madx_errors.told_of(list(range(3, 13)), 20)
    assert said.startswith(
        "10 of 20 seeds have no closed orbit or no stable optics, and are left out: 3, 4, 5, 6, 7, 8, 9, 10, …."
    )


def test_the_report_grows_with_the_lines_that_are_complete(tmp_path: Path) -> None:
    run = SimpleNamespace(dir=str(tmp_path), inputs={"seeds": 5})
    with pytest.raises(ValueError, match="no seed yet"):
        madx_errors.draw_spread(run, -1)
    (tmp_path / "simyard").mkdir()
    line = "{},0.001,0.002,0.001,0.002,0.01,0.02,0.01,0.02,5.2,4.4\n"
    text = ",".join(madx_errors.HEAD) + "\n" + line.format(1) + line.format(2)
    (tmp_path / "simyard" / "seeds.csv").write_text(text + "3,0.001,0.0")
    figure = madx_errors.draw_spread(run, -1)
    assert figure["layout"]["title"]["text"] == "2 of 5 seeds · dashed: their mean"
    assert figure["data"][0]["x"].tolist() == [1, 2]
    np.testing.assert_allclose(figure["data"][0]["y"], 1.0)  # mm
    with pytest.raises(ValueError, match="no seed 3 yet: 2 have been done"):
        madx_errors.draw_seed(run, 2)


def columns(n1: list[float]) -> dict[str, Any]:
    kinds = ["ellipse", "circle", "rectellipse", "rectcircle", "racetrack"][: len(n1)]
    sizes = [(0.03, 0.012, 0, 0), (0.02, 0, 0, 0), (0.02, 0.03, 0.025, 0.01), (0.02, 0.03, 0.015, 0), (0.01, 0.02, 0, 0)]
    found: dict[str, Any] = {f"aper_{at + 1}": np.array([one[at] for one in sizes[: len(n1)]]) for at in range(4)}
    names = np.array([f"q{place}:1" for place in range(len(n1))])
    return {**found, "n1": np.array(n1), "apertype": np.array(kinds), "name": names, "s": np.arange(len(n1)) * 2.0}


def test_the_narrowest_place_is_named_and_no_aperture_at_all_is_refused() -> None:
    results, warnings = madx_aperture.results_of(columns([20.0, 6.0, 999999.0, 6.0 + 1e-13, 5e5]), 7.0)
    assert (results["n1_min"], results["narrowest"]["value"], results["narrowest_s"]["value"]) == (6.0, "q1", 2.0)
    assert warnings == ["The aperture is too small for 7 sigmas at 2 places (q1, q3): the smallest n1 is 6, in q1."]
    assert madx_aperture.results_of(columns([20.0]), 7.0)[1] == []
    with pytest.raises(ValueError, match="No element of the sequence in use has an aperture"):
        madx_aperture.results_of(columns([999999.0] * 3), 7.0)


def test_every_shape_has_its_half_width_and_half_height() -> None:
    width, height = madx_aperture.half_sizes(columns([20.0, 6.0, 7.0, 9.0, 999999.0]))
    np.testing.assert_array_equal(width, [0.03, 0.02, 0.02, 0.015, np.nan])
    np.testing.assert_array_equal(height, [0.012, 0.02, 0.01, 0.015, np.nan])


def test_the_emittance_is_the_inputs_or_that_of_the_beam() -> None:
    inputs = {"emittance_x": 5.0, "emittance_y": 0.0}
    assert madx_aperture.emittance(inputs, {"ex": 1.0}, "x") == pytest.approx(5e-9)
    assert madx_aperture.emittance(inputs, {"ey": 3e-10}, "y") == 3e-10
    with pytest.raises(ValueError, match="The beam has no vertical emittance"):
        madx_aperture.emittance(inputs, {"ey": 1.0}, "y")


def test_the_ring_has_a_chamber_unless_both_its_sizes_are_zero(madx: Declaration) -> None:
    assert "apertype" not in madx_ring.job(madx.check_inputs({"chamber_x": 0, "chamber_y": 0}))
    assert madx_ring.job(madx.check_inputs({})).count("apertype=ellipse, aperture={0.08,0.04};") == 5
    assert (
        madx_ring.job(madx.check_inputs({"chamber_x": 30, "chamber_y": 12})).count("apertype=ellipse, aperture={0.03,0.012};")
        == 5
    )
    with pytest.raises(ValueError, match="both a half width and a half height"):
        madx_ring.job(madx.check_inputs({"chamber_y": 0}))


def test_chromatic_functions_are_drawn_where_there_are_some() -> None:
    optics = {"s": np.array([0.0, 1.0]), **{name: np.array([1.0, 2.0]) for name in madx_optics.CHROMATIC}}
    figure = madx_optics.chromatic(optics, {"tune_x": 5.2})
    assert [trace["name"] for trace in figure["data"]][:3] == ["x", "y", "D₂<sub>,x</sub>"]
    assert {trace["yaxis"] for trace in figure["data"]} == {"y", "y2", "y4"}
    with pytest.raises(ValueError, match="has no chromatic functions: tick"):
        madx_optics.chromatic({"s": optics["s"]}, {})
