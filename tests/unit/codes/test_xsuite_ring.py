"""The ring that Simyard makes for Xsuite: thin-lens theory, clear words for rings that cannot be, and what code.toml offers."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import Declaration
from simyard.errors import SimyardError

# a code's modules have no annotations
xsuite_ring: Any = import_module("xsuite_ring")
FOLDER = Path(__file__).parents[3] / "src" / "simyard" / "codes" / "xsuite"


@pytest.fixture(scope="module")
def declared() -> Declaration:
    return code_toml.read(FOLDER)


def cell(first: float, second: float, drift: float) -> Any:
    def lens(strength: float) -> Any:
        return np.array([[1, 0], [-strength, 1]])

    free = np.array([[1, drift], [0, 1]])
    return free @ lens(-second) @ free @ lens(first)


@pytest.mark.parametrize("phases", [(90, 90), (84, 75), (30, 120), (10, 170)])
def test_the_strengths_give_the_phase_advances(phases: tuple[float, float]) -> None:
    focusing, defocusing = xsuite_ring.thin_lens(*phases, 4.0)
    assert np.trace(cell(focusing, defocusing, 4.0)) / 2 == pytest.approx(math.cos(math.radians(phases[0])))
    assert np.trace(cell(-focusing, -defocusing, 4.0)) / 2 == pytest.approx(math.cos(math.radians(phases[1])))


@pytest.mark.parametrize("quadrupole", [0.02, 0.4, 2.0, 4.9])
def test_the_elements_of_a_cell_never_overlap_and_its_dipoles_make_one_turn(declared: Declaration, quadrupole: float) -> None:
    inputs = declared.check_inputs({"quadrupole_length": quadrupole, "cells": 10})
    text = xsuite_ring.job(inputs)
    dipole = float(text.partition("b: sbend, l=")[2].partition(",")[0])
    length = {"qf": quadrupole, "qd": quadrupole, "sf": 0.0, "sd": 0.0, "b": dipole}
    end, names = 0.0, []
    for line in text.partition("cell: sequence")[2].partition("endsequence")[0].splitlines()[1:]:
        name, at = line.split(":")[1].strip(" ;").split(", at=")
        assert float(at) - length[name] / 2 > end - 1e-12
        end = float(at) + length[name] / 2
        names.append(name)
    assert end < inputs["cell_length"]
    assert names.count("b") == 2
    assert "angle=twopi/20;" in text


def test_what_is_not_asked_for_is_not_matched(declared: Declaration) -> None:
    plain = xsuite_ring.job(declared.check_inputs({"match": False, "sextupoles": False}))
    assert "match" not in plain
    assert plain.endswith("use, sequence=ring;\n")
    assert xsuite_ring.job(declared.check_inputs({})).count("endmatch;") == 2


@pytest.mark.parametrize(
    "inputs, words",
    [
        ({"quadrupole_length": 6.0}, "has no room for a dipole beside a quadrupole of 6 m.*at least 14.4 m"),
        ({"particle": "proton", "energy": 0.5}, "0.5 GeV is not above the rest energy of a proton, 0.938272 GeV"),
    ],
)
def test_a_ring_that_cannot_be_is_refused_in_words(declared: Declaration, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        xsuite_ring.job(declared.check_inputs(inputs))


@pytest.mark.parametrize("inputs", [{"particles": 100_001}, {"particles": 0}, {"turns": 0}, {"energy": -1.0}, {"aperture": 0.0}])
def test_numbers_out_of_bounds_are_refused_before_anything_runs(declared: Declaration, inputs: dict[str, Any]) -> None:
    with pytest.raises(SimyardError):
        declared.check_inputs(inputs)


def test_the_form_offers_each_kind_of_lattice_file_and_runs_that_checkpoint(declared: Declaration) -> None:
    assert {declared.input_for(name) for name in ("ring.madx", "ring.mad", "ring.seq")} == {"lattice"}
    assert declared.model("track").checkpoints
    assert not declared.model("twiss").checkpoints
