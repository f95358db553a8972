"""LAMMPS run by Simyard gives LAMMPS' own numbers, line by line, and what is known of Lennard-Jones atoms without it."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.lammps_environment import Direct, Works
from tests.system import lammps_theory

#: A crystal that melts, in two runs; the second in steps that no other output divides.
SCRIPT = """# melt
units lj
atom_style atomic
variable n index 5
lattice fcc 0.8442
region box block 0 $n 0 $n 0 $n
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 1.44 87287 loop geom
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0 2.5
fix 1 all nve
thermo 50
thermo_modify format float %.14g
dump pictures all custom 100 pictures.dump id type x y z
run 200
thermo 30
run 130
"""


def table(said: str) -> list[str]:
    """The lines of thermodynamic output, to the last digit."""
    found, inside = [], False
    for line in said.splitlines():
        if line.startswith("Loop time"):
            inside = False
        if inside:
            found.append(line.strip())
        if line.split()[:1] == ["Step"]:
            inside = True
    assert found
    return found


def test_a_script_of_ones_own_prints_the_same_lines_as_lammps_used_directly(lammps: Works, lmp: Direct, tmp_path: Path) -> None:
    script = tmp_path / "melt.in"
    script.write_text(SCRIPT)
    ran = lammps({"script": "melt.in"}, [script]).run()
    assert ran.final["state"] == "completed", ran.final
    direct = table(lmp(script))
    assert table(ran.log) == direct
    assert table((ran.work / "log.lammps").read_text()) == direct
    last = [float(word) for word in direct[-1].split()]
    results = ran.final["results"]
    assert [results[name] for name in ("temperature", "potential_energy", "total_energy", "pressure")] == [
        last[n] for n in (1, 2, 4, 5)
    ]
    assert (results["steps"], results["atoms"]) == (330, 500)
    # the same atoms, byte by byte
    assert (ran.work / "pictures.dump").read_bytes() == (tmp_path / "pictures.dump").read_bytes()


def test_the_benchmark_that_comes_with_lammps_gives_its_published_output(lammps: Works, lammps_python: Path) -> None:
    bench = next(lammps_python.parent.parent.glob("lib/python*/site-packages/lammps/share/lammps/bench"))
    ran = lammps({"script": "in.lj"}, [bench / "in.lj"]).run()
    (published,) = bench.glob("log.*.lj.fixed.g++.1")
    said, wanted = (np.array([line.split() for line in table(text)], float) for text in (ran.log, published.read_text()))
    np.testing.assert_allclose(said, wanted, rtol=1e-6)
    assert ran.final["results"]["atoms"] == 32000


def test_the_melt_has_the_energy_and_pressure_of_the_published_equation_of_state(lammps: Works) -> None:
    inputs = {
        "cells": 6,
        "density": 0.8,
        "temperature": 1.0,
        "ensemble": "nvt",
        "cutoff": 3.0,
        "equilibration": 1500,
        "steps": 2000,
    }
    results = lammps(inputs).run().final["results"]
    assert results["temperature"] == pytest.approx(1.0, abs=0.02)
    # the equation itself is good to about 0.01 in the energy; the rest is what so few atoms and steps leave uncertain
    assert results["potential_energy"] == pytest.approx(lammps_theory.potential_energy(1.0, 0.8), abs=0.03)
    assert results["pressure"] == pytest.approx(lammps_theory.pressure(1.0, 0.8), abs=0.12)


def test_the_equation_of_state_itself_agrees_with_published_simulations() -> None:
    # NIST Standard Reference Simulation Website, Lennard-Jones fluid, T = 0.85: density, energy, pressure
    for density, energy, pressure in ((0.776, -5.5121, 0.0068), (0.820, -5.7947, 0.5535)):
        assert lammps_theory.potential_energy(0.85, density) == pytest.approx(energy, abs=0.01)
        assert lammps_theory.pressure(0.85, density) == pytest.approx(pressure, abs=0.02)


def test_energy_is_conserved_and_the_more_so_the_shorter_the_step(lammps: Works) -> None:
    spread = []
    # a cold crystal whose shells of neighbours are all well within the cut-off, or beyond: the potential jumps there
    crystal = {"cells": 5, "density": 1.0, "temperature": 0.05, "melted": False, "cutoff": 2.63, "equilibration": 200}
    for timestep, steps in ((0.008, 400), (0.002, 1600)):
        work = lammps({**crystal, "timestep": timestep, "steps": steps})
        results = work.run().final["results"]
        assert abs(results["energy_drift"]) < 1e-5
        total = next(one for one in work.report("energy")["data"] if one["name"] == "total")
        time, energy = (np.frombuffer(base64.b64decode(total[name]["bdata"]), total[name]["dtype"]) for name in "xy")
        spread.append(float(energy[time > 220 * timestep].std()))
    assert spread[0] < 3e-5  # of a kinetic energy of 0.075
    assert spread[1] < spread[0] / 2


def test_a_cold_crystal_is_as_stiff_as_the_sum_over_its_lattice(lammps: Works) -> None:
    inputs = {
        "system": "tension", "length": 6, "width": 5, "solid_temperature": 0.005, "strain": 0.012, "strain_rate": 0.001, "equilibration": 800,
    }  # fmt: skip
    work = lammps(inputs)
    results = work.run().final["results"]
    side, modulus = lammps_theory.crystal(2.5)
    assert results["modulus"] == pytest.approx(modulus, rel=0.05)
    length = float((work.directory / "work" / "simyard_length").read_text())
    assert length / 6 == pytest.approx(side, rel=0.002)
    figure = work.report("stress")
    assert figure["layout"]["xaxis"]["title"]["text"] == "strain [%]"


def test_two_tasks_give_what_lammps_gives_on_two_tasks(lammps: Works, lammps_python: Path, tmp_path: Path) -> None:
    script = tmp_path / "melt.in"
    script.write_text(SCRIPT.replace("run 200", "run 60").replace("run 130", "run 40"))
    ran = lammps({"script": "melt.in"}, [script], tasks=2).run()
    assert ran.final["state"] == "completed", ran.final
    assert "1 by 1 by 2 MPI processor grid" in ran.log
    folder = lammps_python.parent
    command = [str(folder / "mpirun"), "-n", "2", str(folder / "lmp"), "-in", script.name]
    environ = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(folder.parent / "lib"), "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True, text=True, timeout=60).stdout
    assert table(ran.log) == table(said)
    # and of one task, at first to nearly all digits
    alone = lammps({"script": "melt.in"}, [script]).run()
    first, other = (np.array([line.split() for line in table(one.log)[:2]], float) for one in (ran, alone))
    np.testing.assert_allclose(first, other, rtol=1e-9, atol=1e-9)
