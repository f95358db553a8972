"""How a run of LAMMPS is begun, told of and gone on with, without LAMMPS."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import code_toml
from tests.lammps_environment import LAMMPS

PROGRAM = "/somewhere/lmp"
RUNNING = """LAMMPS (22 Jul 2025 - Update 4)
units lj
dump 1 all atom 100 atoms.dump
Setting up Verlet run ...
  Current step  : 0
Per MPI rank memory allocation (min/avg/max) = 3.119 | 3.119 | 3.119 Mbytes
   Step          Temp
         0   1.44
        25   1.2
"""


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("lammps_code", LAMMPS / "code.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "program", lambda: PROGRAM)
    return module


@pytest.fixture
def begin(tmp_path: Path, fake_run: Any) -> Any:
    def run(inputs: dict[str, Any], model: str = "dynamics", **more: Any) -> Any:
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        files = [inputs["script"]] if inputs.get("script") else []
        made = fake_run(folder, model, code_toml.read(LAMMPS).check_inputs(inputs, files))
        made.files, made.tasks, made.launcher, made.resumed, made.must_stop = files, 1, [], False, False
        for name, value in more.items():
            setattr(made, name, value)
        return made

    return run


def test_a_script_of_ones_own_runs_as_it_stands(code: Any, begin: Any) -> None:
    run = begin({"script": "in.melt"})
    assert code.prepare(run) == [PROGRAM, "-in", "in.melt", "-echo", "both", "-nonbuf", "-log", "log.lammps"]
    assert [path.name for path in Path(run.dir).iterdir()] == ["simyard"]


def test_on_several_cores_the_launcher_stands_first_and_without_one_it_says_so(code: Any, begin: Any) -> None:
    run = begin({}, tasks=4, launcher=["mpirun", "-n", "4"])
    assert code.prepare(run)[:5] == ["mpirun", "-n", "4", PROGRAM, "-in"]
    with pytest.raises(ValueError, match="no mpirun to start LAMMPS on 2 cores: ask for one core"):
        code.prepare(begin({}, tasks=2))


def test_a_file_that_has_the_name_of_simyards_own_script_is_left_alone(code: Any, begin: Any) -> None:
    assert "simyard_melt.in" in code.prepare(begin({}, files=["melt.in"]))


def test_the_check_includes_the_script_and_leaves_it_as_it_is(code: Any, begin: Any) -> None:
    run = begin({"script": "in 1.melt"}, "check")
    assert code.prepare(run)[1:4] == ["-skiprun", "-in", "simyard_check.in"]
    assert Path(run.dir, "simyard_check.in").read_text().startswith('include "in 1.melt"\n')


def test_what_goes_on_takes_the_newest_restart_file_and_forgets_what_comes_after_it(code: Any, begin: Any) -> None:
    run = begin({"frames": 4}, resumed=True)
    folder = Path(run.dir)
    for name in (
        "melt.900.restart",
        "melt.1200.restart",
        "melt.x.restart",
        "other.9000.restart",
        "simyard_stop",
        "particles.1200.dump",
    ):
        (folder / name).write_text("")
    (folder / "simyard").mkdir()
    (folder / "simyard" / "frames.json").write_text('[["particles.dump", 0, 9, 1000, 4], ["particles.1200.dump", 0, 9, 2000, 4]]')
    assert code.prepare(run)[-1] == "log.1200.lammps"
    assert "read_restart melt.1200.restart" in (folder / "melt.in").read_text()
    assert [frame.step for frame in code.lammps_dump.load(str(folder))] == [1000]
    assert not (folder / "simyard_stop").exists()
    assert not (folder / "particles.1200.dump").exists()


def test_without_a_restart_file_it_begins_anew(code: Any, begin: Any) -> None:
    run = begin({}, resumed=True)
    (Path(run.dir) / "simyard").mkdir()
    (Path(run.dir) / "simyard" / "frames.json").write_text('[["particles.dump", 0, 9, 1000, 4]]')
    assert code.prepare(run)[-1] == "log.lammps"
    assert code.lammps_dump.load(run.dir) == []
    assert "read_restart" not in (Path(run.dir) / "melt.in").read_text()


def test_told_to_stop_only_simyards_own_systems_are_asked_to(code: Any, begin: Any) -> None:
    code.progress(begin({"script": "in.melt"}, must_stop=True))
    assert not list(Path(begin({}).dir).glob("simyard_stop"))
    code.progress(begin({}, must_stop=True))
    assert list(Path(begin({}).dir).glob("simyard_stop"))


@pytest.mark.parametrize(
    "script, log, told",
    [
        ("run 100\n", "", {"message": "LAMMPS reads the script", "frames": 0}),
        ("run 100\n", RUNNING, {"fraction": 0.25, "message": "step 25 of 100", "frames": 0}),
        ("label a\nrun 100\njump SELF a\n", RUNNING, {"message": "run 1, step 25", "frames": 0}),
        ("run 25\n", RUNNING, {"fraction": 0.999, "message": "step 25 of 25", "frames": 0}),
        ("run 25\n", RUNNING + "Total wall time: 0:00:00\n", {"fraction": 1.0, "message": "25 steps", "frames": 0}),
        ("run 25\nquit\n", RUNNING + "quit\n", {"fraction": 1.0, "message": "25 steps", "frames": 0}),
    ],
    ids=["reading", "known", "loop", "not-yet", "ended", "quit"],
)
def test_a_script_tells_a_fraction_where_its_steps_are_known(script: str, log: str, told: Any, code: Any, begin: Any) -> None:
    run = begin({"script": "in.melt"})
    (Path(run.dir) / "in.melt").write_text(script)
    (Path(run.run_dir) / "run.log").write_text(log)
    assert code.progress(run) == told


def test_a_log_is_read_on_from_where_it_was_and_half_a_line_is_left_for_later(code: Any, begin: Any) -> None:
    run = begin({"script": "in.melt"})
    (Path(run.dir) / "in.melt").write_text("run 100\n")
    log = Path(run.run_dir) / "run.log"
    log.write_text(RUNNING + "        50   1")
    assert code.progress(run)["fraction"] == 0.25
    log.write_text(RUNNING + "        50   1.1\n")
    assert code.progress(run)["fraction"] == 0.5


def test_tasks_that_do_not_know_of_each_other_are_told(code: Any, begin: Any) -> None:
    run = begin({"script": "in.melt"}, tasks=2, launcher=["mpirun"], exit_code=0)
    (Path(run.run_dir) / "run.log").write_text("  1 by 1 by 1 MPI processor grid\n" + RUNNING)
    assert "LAMMPS ran as 2 processes that did not know of each other" in code.finish(run)["warnings"][0]


def test_a_script_in_which_nothing_runs_says_so(code: Any, begin: Any) -> None:
    run = begin({"script": "in.melt"}, exit_code=0)
    (Path(run.run_dir) / "run.log").write_text("LAMMPS (22 Jul 2025)\nunits lj\nTotal wall time: 0:00:00\n")
    assert code.finish(run)["warnings"] == [
        "The script ran to its end, but nothing moved in it: it has no run or minimize command."
    ]


def test_a_crash_is_told_with_the_line_that_it_came_at(code: Any, begin: Any) -> None:
    run = begin({"script": "in.melt"}, signal="SIGSEGV", exit_code=None)
    (Path(run.dir) / "in.melt").write_text("units lj\nrun 100\n")
    (Path(run.run_dir) / "run.log").write_text("units lj\nrun 100\n")
    assert code.finish(run)["reason"] == "LAMMPS crashed with SIGSEGV (in.melt, line 2: run 100). The log has its last words."
