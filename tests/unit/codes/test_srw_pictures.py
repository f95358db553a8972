"""Spots are measured, and pictures are figures with units, whatever the numbers are."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import tests.srw_environment  # noqa: F401 - its import makes the code's modules importable

# a code's modules have no annotations
pictures: Any = import_module("srw_pictures")

X = np.linspace(-100e-6, 100e-6, 81)
Y = np.linspace(-50e-6, 50e-6, 81)
SPOT = 5e12 * np.exp(-(X[None, :] ** 2) / (2 * (20e-6) ** 2) - Y[:, None] ** 2 / (2 * (10e-6) ** 2))


def test_a_gaussian_spot_has_its_widths_and_its_flux() -> None:
    told = pictures.measure(X, Y, SPOT)
    assert told["peak_density"] == 5e12
    assert told["fwhm_x"] == pytest.approx(20 * 2.35482, rel=2e-3)
    assert told["fwhm_y"] == pytest.approx(10 * 2.35482, rel=2e-3)
    # photons per mm², times mm²
    assert told["flux"] == pytest.approx(5e12 * 2 * math.pi * 20e-3 * 10e-3, rel=1e-4)


def test_a_spot_that_does_not_end_in_the_picture_has_no_width() -> None:
    told = pictures.measure(X, Y, np.ones((81, 81)))
    assert set(told) == {"peak_density", "flux"}
    assert "fwhm_x" not in pictures.measure(X, Y, np.zeros((81, 81)))


def test_the_cut_of_an_even_number_of_points_goes_through_the_middle() -> None:
    values = np.arange(16.0).reshape(4, 4)
    along_x, along_y = pictures.on_axis(values)
    assert along_x.tolist() == [6, 7, 8, 9]
    assert along_y.tolist() == [1.5, 5.5, 9.5, 13.5]


def test_a_heat_map_has_even_cells_in_the_unit_that_fits() -> None:
    (trace,) = pictures.heat(X, Y, SPOT, "Spot")["data"]
    assert (trace["x0"], trace["dx"], trace["z"].dtype) == (pytest.approx(-100), pytest.approx(2.5), np.float32)
    figure = pictures.heat(X * 100, Y * 100, SPOT, "Spot", top=1e13)
    assert figure["layout"]["xaxis"]["title"]["text"] == "x [mm]"
    assert figure["data"][0]["x0"] == pytest.approx(-10)
    assert figure["data"][0]["zmax"] == 1e13
    # darkness has a colour, too
    assert pictures.heat(X, Y, SPOT * 0, "Dark")["data"][0]["zmax"] == 1.0


def test_a_spectrum_names_its_curves_and_marks() -> None:
    energies = np.linspace(100, 200, 5)
    figure = pictures.spectrum(energies, {"one": energies, "whole": energies / 2}, False, [(150.0, "1")], 20.0)
    assert [trace["name"] for trace in figure["data"]] == ["one electron", "whole beam"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "flux per area [ph/s/0.1%bw/mm²]"
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["1"]
    assert "flux [ph/s/0.1%bw]" in str(pictures.spectrum(energies, {"one": energies}, True, [], 20.0)["layout"]["yaxis"])


def test_the_convergence_is_drawn_beside_that_of_chance() -> None:
    figure = pictures.converging([(25, 9.0, 0.2), (100, 8.0, 0.05)])
    drawn, chance = figure["data"]
    np.testing.assert_allclose(drawn["y"], [20, 5])
    np.testing.assert_allclose(chance["y"], [10, 5])
    assert figure["layout"]["title"]["text"] == "Uncertainty of the mean: 5.00% after 100 electrons"
