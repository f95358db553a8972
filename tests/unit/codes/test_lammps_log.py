"""What LAMMPS printed becomes tables and progress, and what it dumped becomes frames; both were recorded, and shortened."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# a code's modules have no annotations
lammps_log: Any = import_module("lammps_log")
lammps_dump: Any = import_module("lammps_dump")
lammps_pictures: Any = import_module("lammps_pictures")

BEGUN = """LAMMPS (22 Jul 2025 - Update 4)
units lj
  1 by 1 by 2 MPI processor grid
Created 256 atoms
dump d all custom 100 out.$n.dump id type x y z
dump d all custom 100 out.4.dump id type x y z
dump e all atom 100 other.dump
"""
SETUP = """Setting up Verlet run ...
  Unit style    : lj
  Current step  : {0}
  Time step     : 0.005
Per MPI rank memory allocation (min/avg/max) = 3.119 | 3.119 | 3.119 Mbytes
"""
ONE = """   Step          Temp          TotEng         Press
         0   1.44          -4.6218056     -5.0244179
WARNING: something in between (src/src/x.cpp:1)
        10   1.1298532     -4.6213906     -2.6058175
        20   0.6239063     -4.6254403      0.97451173
"""
LOOP = "Loop time of 0.5 on 2 procs for 20 steps with 256 atoms\n"
MULTI = """------------ Step              0 ----- CPU =            0 (sec) -------------
TotEng   =        -4.6218056 KinEng   =         2.1515625 Temp     =         1.44
Press    =        -5.0244179
------------ Step             20 ----- CPU = 0.0007 (sec) -------------
TotEng   =        -4.6254403 KinEng   =         0.9322037 Temp     =         0.6239063
Press    =         0.97451173
"""
YAML = """---
keywords: ['Step', 'Temp', 'TotEng', 'Press', ]
data:
  - [0, 1.44, -4.6218056, -5.0244179, ]
  - [20, 0.6239063, -4.6254403, 0.97451173, ]
...
"""


def read(text: str) -> Any:
    log = lammps_log.Log()
    log.feed(text)
    return log.finished()


@pytest.mark.parametrize("table", [ONE, MULTI, YAML], ids=["one", "multi", "yaml"])
def test_each_style_of_output_becomes_the_same_columns(table: str) -> None:
    log = read(BEGUN + SETUP.format(0) + table + LOOP)
    step, temperature, pressure = lammps_pictures.columns(log, ("Step", "Temp", "Press"))
    assert (step[0], step[-1]) == (0, 20)
    assert (temperature[0], temperature[-1]) == (1.44, 0.6239063)
    assert pressure[-1] == 0.97451173
    assert (log.done, log.steps(), log.atoms, log.processes, log.seconds) == (20, 20, 256, 2, 0.5)


def test_lines_between_are_no_rows_and_numbers_after_a_run_are_neither() -> None:
    log = read(BEGUN + SETUP.format(0) + ONE + LOOP + "1 2 3 4\n")
    assert len(log.tables[0][1]) == 3


def test_steps_are_counted_over_runs_and_within_one() -> None:
    again = SETUP.format(20) + ONE.replace("   0 ", "  20 ").replace("  10 ", "  30 ").replace("  20   0.6", "  40   0.6")
    log = read(BEGUN + SETUP.format(0) + ONE + LOOP + again)
    assert log.running
    assert (log.step, log.steps()) == (40, 40)
    assert read(BEGUN + SETUP.format(0) + ONE[: ONE.index("WARNING")]).steps() == 0


def test_the_first_dump_that_can_be_read_is_followed() -> None:
    assert read(BEGUN).dump_files() == ["out.4.dump"]
    assert read("dump 1 all xyz 100 a.xyz\ndump 2 all atom 5 b.gz\ndump 3 all atom 5 c.*.dump\n").dump_files() == ["c.*.dump"]
    assert read("units lj\n").dump_files() == []


def test_the_end_is_known_and_a_next_part_takes_it_back() -> None:
    assert read(BEGUN + "Total wall time: 0:00:04\n").ended
    assert not read(BEGUN + "Total wall time: 0:00:04\n" + BEGUN).ended


def frame(step: int, atoms: int = 3, *, box: str = "pp pp pp\n0 4\n0 5\n0 6", columns: str = "id type xs ys zs") -> str:
    rows = "".join(f"{n + 1} 1 {0.25 * n} 0.5 0.5\n" for n in range(atoms))
    return f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{atoms}\nITEM: BOX BOUNDS {box}\nITEM: ATOMS {columns}\n{rows}"


def test_frames_count_once_they_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.dump"
    file.write_text(frame(0) + frame(10)[:-4])
    index = lammps_dump.Index(str(tmp_path))
    assert index.look(["a.dump"], forward=True) == 1
    file.write_text(frame(0) + frame(10) + "ITEM: TIMESTEP\n")
    assert index.look(["a.dump"], forward=True) == 2
    assert lammps_dump.Index(str(tmp_path)).look(["a.dump"], forward=True) == 2  # another process goes on from the index
    assert [one.step for one in lammps_dump.load(str(tmp_path))] == [0, 10]


def test_a_run_that_goes_on_repeats_frames_and_the_later_ones_hold(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text(frame(0) + frame(10) + frame(20))
    (tmp_path / "a.15.dump").write_text(frame(20) + frame(30))
    index = lammps_dump.Index(str(tmp_path))
    assert index.look(["a.dump", "a.15.dump"], forward=True) == 4
    assert [(one.file, one.step) for one in index.frames][2:] == [("a.15.dump", 20), ("a.15.dump", 30)]


def test_a_file_for_each_step_is_put_in_the_order_of_steps(tmp_path: Path) -> None:
    for step in (0, 1000, 200):
        (tmp_path / f"shot.{step}.dump").write_text(frame(step))
    index = lammps_dump.Index(str(tmp_path))
    assert index.look(["shot.*.dump"], forward=False) == 3
    assert [one.step for one in index.frames] == [0, 200, 1000]
    assert index.look(["shot.*.dump"], forward=False) == 3


def test_a_dump_outside_of_the_runs_folder_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "a.dump").write_text(frame(0))
    assert lammps_dump.Index(str(tmp_path / "work")).look(["../a.dump", str(tmp_path / "a.dump")], forward=False) == 0


def test_scaled_positions_and_a_tilted_box_are_put_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text(frame(0) + frame(10, box="xy xz yz pp pp pp\n0 6 2\n0 5 0\n0 6 0"))
    straight, tilted = (lammps_dump.read(str(tmp_path), one) for one in lammps_dump.scan(str(tmp_path), "a.dump"))
    np.testing.assert_allclose(straight.positions, [[0, 2.5, 3], [1, 2.5, 3], [2, 2.5, 3]])
    np.testing.assert_allclose(tilted.positions, [[1, 2.5, 3], [2, 2.5, 3], [3, 2.5, 3]])
    assert tilted.corners.max(axis=0).tolist() == [6, 5, 6]
    assert (straight.name, straight.values.tolist()) == ("type", [1, 1, 1])


def test_of_many_atoms_every_so_many_are_shown_and_the_title_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text(frame(7, 1000, columns="id type x y z"))
    (found,) = lammps_dump.scan(str(tmp_path), "a.dump")
    atoms = lammps_dump.read(str(tmp_path), found, most=300)
    assert len(atoms.positions) == 250
    figure = lammps_pictures.cloud(atoms, (0, 1), own=False)
    assert figure["layout"]["title"]["text"] == "Step 7 · 1,000 atoms, 250 of them shown"


def test_a_dump_without_positions_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text(frame(0, columns="id type vx vy vz"))
    (found,) = lammps_dump.scan(str(tmp_path), "a.dump")
    with pytest.raises(ValueError, match="must name x y z"):
        lammps_dump.read(str(tmp_path), found)


def test_curves_say_what_is_missing_and_carry_the_units_of_the_script() -> None:
    with pytest.raises(ValueError, match="no thermodynamic output yet"):
        lammps_pictures.energy(read(BEGUN))
    with pytest.raises(ValueError, match="thermo_style has none of"):
        lammps_pictures.temperature(read(BEGUN + SETUP.format(0) + ONE.replace("Temp", "Lx") + LOOP))
    log = read("units metal\n" + SETUP.format(0) + ONE + LOOP)
    assert lammps_pictures.temperature(log)["layout"]["yaxis"]["title"]["text"] == "temperature [K]"
    assert lammps_pictures.stress(log)["layout"]["yaxis"]["title"]["text"] == "pressure [bar]"


def test_a_script_that_prints_strain_and_stress_has_its_curve() -> None:
    table = "Step v_strain v_stress\n0 0 0.1\n10 0.05 3.5\n20 0.1 1.2\n"
    figure = lammps_pictures.stress(read(SETUP.format(0) + table + LOOP))
    assert figure["layout"]["title"]["text"] == "Largest stress 3.500 at 5.0 % strain"
    assert figure["data"][0]["x"].tolist() == [0, 5, 10]
