"""What LAMMPS prints becomes errors and warnings in its own words, at their lines; its output here was recorded."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# a code's modules have no annotations
lammps_words: Any = import_module("lammps_words")

SCRIPT = """# a melt
units        lj    # reduced
atom_style atomic
lattice fcc &
   0.8442
region box block 0 4 0 4 0 4
create_box 1 box
include pair.in
fix 1 all nve
label loop
variable i loop 3
run 20
next i
jump SELF loop
timestep 0.2
run 1000
"""
PAIR = "pair_style lj/cut 2.5\npair_coeff 1 2 1.0 1.0\n"
#: As printed by LAMMPS (22 Jul 2025), shortened.
BEGUN = """LAMMPS (22 Jul 2025 - Update 4)
  using 1 OpenMP thread(s) per MPI task
# a melt
units        lj    # reduced
atom_style atomic
lattice fcc    0.8442
Lattice spacing in x,y,z = 1.6795962 1.6795962 1.6795962
region box block 0 4 0 4 0 4
create_box 1 box
Created orthogonal box = (0 0 0) to (6.7183848 6.7183848 6.7183848)
"""
INCLUDED = BEGUN + "include pair.in\npair_style lj/cut 2.5\npair_coeff 1 2 1.0 1.0\n"
LOOPED = (
    BEGUN
    + "include pair.in\npair_style lj/cut 2.5\npair_coeff 1 2 1.0 1.0\nfix 1 all nve\nlabel loop\n"
    + "variable i loop 3\nrun 20\nnext i\njump SELF loop\n" * 3
)
LOST = """ERROR: Lost atoms: original 256 current 5
For more information see https://docs.lammps.org/err0008 (src/src/thermo.cpp:526)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.melt").write_text(SCRIPT)
    (tmp_path / "pair.in").write_text(PAIR)
    return tmp_path


def read(log: str, folder: Path) -> list[Any]:
    return list(lammps_words.read(log, lammps_words.Place(str(folder), "in.melt")))


def reason(log: str, folder: Path, files: tuple[str, ...] = ("in.melt",), potentials: tuple[str, ...] = ()) -> str:
    said: str = lammps_words.reason(read(log, folder), files, potentials)
    return said


def test_an_error_in_an_included_file_carries_that_files_line(folder: Path) -> None:
    log = INCLUDED + (
        "ERROR: Numeric index 2 is out of bounds (1-1)\n"
        "For more information see https://docs.lammps.org/err0019 (src/src/pair_lj_cut.cpp:449)\n"
        "Last input line: pair_coeff 1 2 1.0 1.0\n"
    )
    assert reason(log, folder) == (
        "LAMMPS: Numeric index 2 is out of bounds (1-1) (pair.in, line 2: pair_coeff 1 2 1.0 1.0). "
        "There are fewer types than it names: create_box or the data file says how many."
    )


def test_a_line_that_goes_on_in_the_next_is_named_by_its_first(folder: Path) -> None:
    log = "lattice fcc    0.8442\nERROR: Illegal lattice command: missing argument(s) (src/src/lattice.cpp:79)\n"
    assert "(in.melt, line 4: lattice fcc 0.8442)" in reason(log, folder)


def test_after_a_loop_the_place_is_found_again(folder: Path) -> None:
    assert "(in.melt, line 12: run 20)" in reason(LOOPED.removesuffix("next i\njump SELF loop\n") + LOST, folder)
    said = reason(LOOPED + "timestep 0.2\nrun 1000\n" + LOST, folder)
    assert said.startswith("LAMMPS: Lost atoms: original 256 current 5 (in.melt, line 16: run 1000). Atoms moved too far")


def test_an_error_of_several_lines_is_told_whole_and_what_follows_is_not(folder: Path) -> None:
    log = (
        "run 20\nERROR: All pair coeffs are not set. Status:\nPair style not yet initialized\n (src/src/pair.cpp:258)\nTotal 7\n"
    )
    (message,) = read(log, folder)
    assert message.words == "All pair coeffs are not set. Status: Pair style not yet initialized"
    assert "pair_coeff * * holds for all" in reason(log, folder)


def test_a_warning_stands_with_its_line_and_how_often_it_came(folder: Path) -> None:
    warning = "WARNING: No fixes with time integration, atoms won't move\nFor more information see https://docs.lammps.org/err0028 (src/src/verlet.cpp:60)\n"
    log = BEGUN + "fix 1 all nve\nlabel loop\nvariable i loop 3\nrun 20\n" + warning * 2
    assert lammps_words.warnings(read(log, folder)) == [
        "LAMMPS warning: No fixes with time integration, atoms won't move (in.melt, line 12: run 20) [2 times]"
    ]


@pytest.mark.parametrize(
    "words, files, step",
    [
        ("Cannot open file cu.data: No such file or directory", (), "cu.data is not among the run's files (none). Add it"),
        ("Cannot open file data/cu.data: No such file or directory", ("cu.data",), "write cu.data alone"),
        ("Cannot open file CU.data: No such file or directory", ("cu.data",), "LAMMPS tells capital from small letters"),
        ("cannot open eam potential file cu_u3.eam: No such file or directory", (), "LAMMPS comes with Cu_u3.eam"),
        ("Cannot open input script more.in: No such file or directory", ("a.in",), "more.in is not among the run's files (a.in)"),
        ("Cannot open restart file old.rst: No such file or directory", (), "old.rst is not among"),
    ],
)
def test_a_file_that_is_missing_is_named_with_the_next_step(words: str, files: tuple[str, ...], step: str, folder: Path) -> None:
    log = f"ERROR on proc 0: {words} (src/src/input.cpp:1045)\nAbort(1) on node 0 (rank 0 in comm 0)\n"
    assert step in reason(log, folder, files, ("Cu_u3.eam",))


@pytest.mark.parametrize(
    "words, step",
    [
        ("Unknown command: latice fcc 1", "misspelt command"),
        (
            "Unrecognized pair style 'lj/cut/gpu' is part of the GPU package which is not enabled in this LAMMPS binary.",
            "without that package",
        ),
        ("Unrecognized pair style 'lj/cutt'", "misspelt name of a style"),
        ("Not all per-type masses are set. Type 1 is missing.", "Add a mass command"),
        ("Substitution for illegal variable a", "Define it with a variable command"),
        ("Mass command before simulation box is defined", "Put it after create_box"),
        ("Expected floating point parameter instead of 'abc' in input script or data file", "There must be a number"),
        ("Non-numeric pressure - simulation unstable", "too fast for the time step"),
    ],
)
def test_known_errors_come_with_what_to_do(words: str, step: str, folder: Path) -> None:
    said = reason(f"{BEGUN}ERROR: {words} (src/src/x.cpp:1)\n", folder)
    assert said.startswith(f"LAMMPS: {words.rstrip('.')} (in.melt, line 7: create_box 1 box). ")
    assert step in said


def test_without_the_echo_the_last_input_line_is_looked_for_and_claimed_only_where_it_is_one(tmp_path: Path) -> None:
    (tmp_path / "in.melt").write_text("echo none\nunits lj\nrun 5\nrun 5\nlatice fcc 1\n")
    for line, place in (("latice fcc 1", "(in.melt, line 5: latice fcc 1)"), ("run 5", "")):
        log = f"echo none\nERROR: Something (src/src/input.cpp:314)\nLast input line: {line}\n"
        said = reason(log, tmp_path)
        assert said == f"LAMMPS: Something{' ' + place if place else ''}."


def test_an_included_file_outside_the_run_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password\n")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "in.melt").write_text("include ../secret\n")
    log = "include ../secret\npassword\nERROR: Unknown command: password (src/src/input.cpp:314)\nLast input line: password\n"
    assert [(one.file, one.line) for one in read(log, tmp_path / "work")] == [("in.melt", 1)]
    assert lammps_words.total_steps(str(tmp_path / "work"), "in.melt") is None


@pytest.mark.parametrize(
    "text, steps",
    [
        ("run 100\nrun 50 # more\n", 150),
        ("variable n equal 40\nrun $n\nrun ${n}\nrun v_n\n", 120),
        ("variable n index 40 80\nrun $n\n", None),
        ("run 100 every 10 NULL\nminimize 0 1e-6 100 100\n", 100),
        ("include more.in\nrun &\n 1\n", 8),
        ("include nowhere.in\nrun 1\n", None),
        ("label a\nrun 100\njump SELF a\n", None),
        ("run 100 upto\n", None),
        ("run ${unknown}\n", None),
        ("units lj\n", 0),
    ],
)
def test_all_steps_are_known_from_the_text_or_not_claimed(text: str, steps: int | None, tmp_path: Path) -> None:
    (tmp_path / "in.run").write_text(text)
    (tmp_path / "more.in").write_text("run 7\n")
    assert lammps_words.total_steps(str(tmp_path), "in.run") == steps
