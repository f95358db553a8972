"""How large the atoms of a picture are, and in what range their colours lie."""

from __future__ import annotations

from importlib import import_module
from itertools import product
from typing import Any

import numpy as np

# a code's modules have no annotations
lammps_dump: Any = import_module("lammps_dump")
lammps_pictures: Any = import_module("lammps_pictures")


def atoms(count: int, density: float) -> Any:
    side = (count / density) ** (1 / 3)
    corners = side * np.array(list(product((0.0, 1.0), repeat=3)))
    places = np.random.default_rng(1).uniform(0, side, (count, 3)).astype(np.float32)
    return lammps_dump.Atoms(
        step=0, all=count, positions=places, values=np.zeros(count, np.float32), name="c_pe", corners=corners
    )


def marker(some: Any) -> Any:
    return lammps_pictures.cloud(some, lammps_pictures.own_limits(some), own=True)["data"][0]["marker"]


def test_the_atoms_of_a_gas_are_as_large_as_they_are_and_its_colours_are_of_its_own_energies() -> None:
    melt, gas = marker(atoms(2048, 0.8442)), marker(atoms(864, 0.1))
    assert (melt["cmin"], melt["cmax"]) == (-9, -3)
    assert (gas["cmin"], gas["cmax"]) == (-2, 0)
    # as many pixels for each σ, which is a larger part of a smaller box
    assert 9 < melt["size"] < 10
    assert 6 < gas["size"] < 6.5


def test_atoms_of_a_script_of_ones_own_fill_the_box_whatever_its_unit() -> None:
    some = atoms(864, 1e28)._replace(name="")
    assert lammps_pictures.cloud(some, (0.0, 1.0), own=False)["data"][0]["marker"]["size"] == 12.6
