"""TFS tables are read, and optics become figures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# a code's modules have no annotations
madx_optics: Any = import_module("madx_optics")
madx_tfs: Any = import_module("madx_tfs")

TABLE = """@ NAME             %05s "TWISS"
@ Q1               %le      2.379556020
@ TITLE            %08s "no title"
* NAME                S                  BETX               BETY
$ %s                  %le                %le                %le
 "QF:1"               0.5                12.49762308        nan
 "B 1"                3.5                4.83695123         9.1
"""


def test_a_table_is_read_with_its_header(tmp_path: Path) -> None:
    (tmp_path / "twiss.tfs").write_text(TABLE)
    header, columns = madx_tfs.read(str(tmp_path / "twiss.tfs"))
    assert header == {"name": "TWISS", "q1": 2.37955602, "title": "no title"}
    assert columns["name"] == ["QF:1", "B 1"]
    np.testing.assert_array_equal(columns["betx"], [12.49762308, 4.83695123])
    assert np.isnan(columns["bety"][0])


def test_a_table_that_is_torn_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twiss.tfs").write_text(TABLE.rstrip()[:-6] + "\n")
    with pytest.raises(ValueError, match="not a complete TFS table"):
        madx_tfs.read(str(tmp_path / "twiss.tfs"))


def test_only_a_twiss_table_of_this_run_counts(tmp_path: Path) -> None:
    assert madx_tfs.newest_twiss(str(tmp_path), 0) is None
    (tmp_path / "other.tfs").write_text("@ NAME %s x\n* A\n$ %le\n 1\n")
    (tmp_path / "t.tfs").write_text(TABLE)
    found = madx_tfs.newest_twiss(str(tmp_path), 0)
    assert found is not None
    assert found[0]["q1"] == 2.37955602
    assert madx_tfs.newest_twiss(str(tmp_path), (tmp_path / "t.tfs").stat().st_mtime + 10) is None


def drift(length: float, beta: float, alfa: float, steps: int) -> Any:
    """Exact optics in a drift."""
    s = np.linspace(0, length, steps)
    gamma = (1 + alfa**2) / beta
    return {"s": s, "betx": beta - 2 * alfa * s + gamma * s**2, "alfx": alfa - gamma * s}


def test_curves_are_smooth_and_exact_in_a_drift() -> None:
    coarse = drift(10, 5.0, 1.2, 3)
    s, beta = madx_optics.smooth(coarse, "betx", -2 * coarse["alfx"])
    exact = 5.0 - 2 * 1.2 * s + (1 + 1.2**2) / 5.0 * s**2
    assert len(s) > 100
    np.testing.assert_allclose(beta, exact, rtol=1e-12)


def optics() -> Any:
    return {
        "s": np.array([0.0, 0.5, 2.5, 3.0, 3.0]),
        "l": np.array([0, 0.5, 2.0, 0.5, 0.0]),
        "name": np.array(["RING$START:1", "QF:1", "B:1", "QD:1", "M:1"]),
        "keyword": np.array(["marker", "quadrupole", "sbend", "quadrupole", "multipole"]),
        "k1l": np.array([0, 0.4, 0, -0.4, 0]),
        "k2l": np.array([0, 0, 0, 0, 3.0]),
        "angle": np.array([0, 0, 0.1, 0, 0]),
        "betx": np.array([9.0, 8, 4, 3, 3]),
        "bety": np.array([3.0, 3, 6, 9, np.nan]),
        "dx": np.array([1.0, 1, 2, 2, 2]),
    }


def test_the_lattice_stands_above_the_plot_with_each_kind_in_its_place() -> None:
    figure = madx_optics.beta(optics(), {"tune_x": 2.25, "tune_y": 1.75, "chromaticity_x": -1e-9, "sequence": "ring"})
    names = [trace.get("name") for trace in figure["data"]]
    assert names == [
        "β<sub>x</sub>", "β<sub>y</sub>", "D<sub>x</sub>", None,
        "dipole", "quadrupole, focusing in x", "quadrupole, focusing in y", "sextupole", "element",
    ]  # fmt: skip
    blocks = {trace["name"]: trace for trace in figure["data"][4:8]}
    assert np.nanmin(blocks["quadrupole, focusing in x"]["y"]) == 0
    assert np.nanmax(blocks["quadrupole, focusing in y"]["y"]) == 0
    assert list(blocks["dipole"]["x"][:4]) == [0.5, 0.5, 2.5, 2.5]
    assert figure["layout"]["title"]["text"] == "ring · Q<sub>x</sub> = 2.2500 · Q<sub>y</sub> = 1.7500 · ξ<sub>x</sub> = 0.00"
    assert figure["layout"]["yaxis2"]["overlaying"] == "y"
    assert figure["data"][-1]["text"][0] == "qf · quadrupole · k1·l = 0.4/m"


def test_a_table_with_few_columns_is_drawn_all_the_same() -> None:
    few = {key: value for key, value in optics().items() if key in {"s", "betx", "bety"}}
    assert len(madx_optics.beta(few, {})["data"]) == 2
    with pytest.raises(ValueError, match="select the columns dx and dy"):
        madx_optics.dispersion(few, {})


def test_what_was_kept_is_what_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Twiss table to draw"):
        madx_optics.load(str(tmp_path))
    madx_optics.save(str(tmp_path), optics())
    kept = madx_optics.load(str(tmp_path))
    assert list(kept["keyword"]) == list(optics()["keyword"])
    np.testing.assert_array_equal(kept["bety"], optics()["bety"])


def test_results_are_finite_numbers_and_small_letters() -> None:
    assert madx_optics.results({"q1": 2.0, "q2": float("nan"), "sequence": "RING"}) == {"tune_x": 2.0, "sequence": "ring"}


def test_the_optics_that_earlier_runs_kept_are_still_drawn(tmp_path: Path) -> None:
    kept = optics()
    (tmp_path / "simyard").mkdir()
    np.savez(tmp_path / "simyard" / "optics.npz", **kept)
    found = madx_optics.load(str(tmp_path))
    assert set(found) == set(kept)
    assert (found["betx"] == kept["betx"]).all()
