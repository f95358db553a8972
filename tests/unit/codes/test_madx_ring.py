"""The built-in ring's design: thin-lens theory, and clear words for rings that cannot be."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from simyard.codes.declaration import Declaration

# a code's modules have no annotations
madx_ring: Any = import_module("madx_ring")


def cell(first: float, second: float, drift: float) -> Any:
    def lens(strength: float) -> Any:
        return np.array([[1, 0], [-strength, 1]])

    free = np.array([[1, drift], [0, 1]])
    return free @ lens(-second) @ free @ lens(first)


@pytest.mark.parametrize("phases", [(90, 90), (78, 66), (30, 120), (120, 30), (10, 170)])
def test_the_strengths_give_the_phase_advances(phases: tuple[float, float]) -> None:
    focusing, defocusing = madx_ring.thin_lens(*phases, 4.0)
    assert np.trace(cell(focusing, defocusing, 4.0)) / 2 == pytest.approx(math.cos(math.radians(phases[0])))
    assert np.trace(cell(-focusing, -defocusing, 4.0)) / 2 == pytest.approx(math.cos(math.radians(phases[1])))


def test_equal_phase_advances_give_the_textbooks_formula() -> None:
    focusing, defocusing = madx_ring.thin_lens(60, 60, 5.0)
    assert focusing == pytest.approx(defocusing)
    assert math.sin(math.radians(30)) == pytest.approx(5.0 * focusing / 2)


def test_the_elements_of_a_cell_never_overlap(madx: Declaration) -> None:
    for sextupoles in (True, False):
        inputs = madx.check_inputs({"sextupoles": sextupoles, "dipole_length": 3.0 if sextupoles else 3.4})
        length = {"qf": 0.4, "qd": 0.4, "sf": 0.2, "sd": 0.2, "b": inputs["dipole_length"]}
        end = 0.0
        for line in madx_ring.job(inputs).partition("cell: sequence")[2].partition("endsequence")[0].splitlines()[1:]:
            name, at = line.split(":")[1].strip(" ;").split(", at=")
            start = float(at) - length[name] / 2
            assert start > end - 1e-12
            end = float(at) + length[name] / 2
        assert end < inputs["cell_length"]


@pytest.mark.parametrize(
    "inputs, words",
    [
        ({"dipole_length": 5.0}, "has room for a dipole of 3.2"),
        ({"quadrupole_length": 10.0}, "room for a dipole of 0 m"),
        ({"particle": "proton", "energy": 0.5}, "0.5 GeV is not above the rest energy of a proton, 0.938272 GeV"),
    ],
)
def test_a_ring_that_cannot_be_is_refused_in_words(madx: Declaration, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        madx_ring.job(madx.check_inputs(inputs))
