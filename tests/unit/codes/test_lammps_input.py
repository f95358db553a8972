"""The scripts of the systems that Simyard makes: every stage runs up to its step, and what goes on runs the rest."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import Declaration
from tests.lammps_environment import LAMMPS

# a code's modules have no annotations
lammps_input: Any = import_module("lammps_input")


@pytest.fixture(scope="module")
def lammps() -> Declaration:
    return code_toml.read(LAMMPS)


def script(lammps: Declaration, inputs: dict[str, Any], *more: Any, **named: Any) -> list[str]:
    text: str = lammps_input.script(lammps.check_inputs(inputs, []), *more, **named)
    return text.splitlines()


def runs(lines: list[str]) -> list[tuple[int, int]]:
    found = [re.fullmatch(r"run (\d+) upto start (\d+)", line) for line in lines if line.startswith("run ")]
    return [(int(one[1]), int(one[2])) for one in found if one]


def test_every_example_makes_a_script_of_the_steps_that_it_tells_of(lammps: Declaration) -> None:
    for example in lammps.examples.values():
        inputs = lammps.check_inputs(example.inputs, [])
        lines = script(lammps, dict(example.inputs))
        steps = runs(lines)
        assert [end for end, _ in steps] == [stage.end for stage in lammps_input.stages(inputs)]
        assert [begin for _, begin in steps] == [0, *(end for end, _ in steps[:-1])]
        assert steps[-1][0] == lammps_input.steps(inputs)
        assert lines[-1] == f"write_restart {inputs['system']}.*.restart"
        assert not [line for line in lines if "{length}" in line]


def test_a_melt_is_heated_cooled_and_measured(lammps: Declaration) -> None:
    lines = script(lammps, {"temperature": 0.9, "equilibration": 1000, "steps": 500})
    assert runs(lines) == [(500, 0), (1000, 500), (1500, 1000)]
    assert "fix bath all nvt temp 2.1 0.9 $(100*dt)" in lines
    assert lines.count("unfix bath") == 2
    assert "fix motion all nve" in lines
    assert "pair_modify tail yes" in lines
    assert "velocity all create 2.1 4711 mom yes rot yes loop geom" in lines


def test_a_crystal_starts_with_twice_its_temperature_and_is_not_heated(lammps: Declaration) -> None:
    lines = script(lammps, {"temperature": 0.3, "melted": False, "ensemble": "nvt", "tail": False})
    assert runs(lines) == [(1500, 0), (4500, 1500)]
    assert "velocity all create 0.6 4711 mom yes rot yes loop geom" in lines
    assert "fix motion all nvt temp 0.3 0.3 $(100*dt)" in lines
    assert not [line for line in lines if "tail" in line]


def test_the_pull_lasts_until_the_strain_is_reached(lammps: Declaration) -> None:
    inputs = {"system": "tension", "strain": 0.1, "strain_rate": 0.01, "timestep": 0.004, "equilibration": 300}
    lines = script(lammps, inputs)
    assert runs(lines) == [(300, 0), (2800, 300)]
    assert "fix pull all deform 1 x erate 0.01 remap x" in lines
    assert lines.index("unfix relax") < lines.index("variable now equal lx") < lines.index("variable length equal $(v_now:%.15g)")


def test_what_goes_on_reads_its_restart_file_and_runs_the_rest(lammps: Declaration) -> None:
    inputs = {"equilibration": 1000, "steps": 500}
    lines = script(lammps, inputs, "melt.700.restart", 700)
    assert "read_restart melt.700.restart" in lines
    assert not [line for line in lines if line.split()[:1] in (["lattice"], ["create_atoms"], ["velocity"])]
    assert runs(lines) == [(1000, 500), (1500, 1000)]
    assert any(line.startswith("dump particles ") and " particles.700.dump " in line for line in lines)
    assert runs(script(lammps, inputs, "melt.1500.restart", 1500)) == []


def test_a_pull_that_goes_on_keeps_the_length_that_it_began_with(lammps: Declaration) -> None:
    inputs = {"system": "tension", "equilibration": 300}
    within = script(lammps, inputs, "tension.900.restart", 900, "12.25")
    assert "variable length equal 12.25" in within
    assert "variable now equal lx" not in within
    before = script(lammps, inputs, "tension.150.restart", 150, "")
    assert "variable length equal $(v_now:%.15g)" in before


def test_numbers_are_written_without_loss() -> None:
    assert [lammps_input.number(one) for one in (0.1 + 0.2, 2.0, 1e-7, 3)] == ["0.30000000000000004", "2", "1e-07", "3"]


def test_the_input_file_is_chosen_by_its_ending_and_hides_the_system(lammps: Declaration) -> None:
    assert lammps.input_for("in.melt") == "script"
    assert lammps.input_for("flow.lmp") == "script"
    assert lammps.input_for("cu.data") == ""
    chosen = lammps.check_inputs({"script": "in.melt", "cells": 20}, ["in.melt"])
    assert chosen["script"] == "in.melt"


def test_its_folder_has_a_lock_with_the_mpi_that_the_program_was_made_for(lammps: Declaration) -> None:
    lock = Path(lammps.folder, "requirements.lock").read_text()
    names = re.findall(r"^(\w+)==", lock, re.MULTILINE)
    assert {"lammps", "mpich", "numpy"} == set(names)
