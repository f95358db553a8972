"""The whole beam, electron by electron: true progress, the same numbers on any number of tasks and after a stop, and SRW's own mean."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.lammps_environment import Work
from tests.madx_environment import Ran, Runs
from tests.srw_environment import Asked, Beams, Inputs
from tests.system.page_kit import wait_until

#: Milliseconds for an electron.
FAST = {"periods": 5, "points": 21, "window_x": 1.0, "window_y": 1.0, "electrons": 26, "frames": 4}
LINE = {"sampling": 0.2, "refine": 2.0, "picture_x": 400, "picture_y": 400}

#: What the job cmd hands to a code, as far as this model looks at it.
RUN = """
import os
import srw_electrons
class Run:
    model, files, exit_code, signal = "electrons", [], 0, None
    def __init__(self, name, inputs, resumed=False, stop_after=10**9):
        self.dir = os.path.abspath(name)
        os.makedirs(self.dir, exist_ok=True)
        self.inputs, self.resumed, self.stop_after = inputs, resumed, stop_after
        self.told, self.said = [], []
    @property
    def must_stop(self):
        return len(self.told) > self.stop_after
    def progress(self, **told):
        self.told.append(told)
    def log(self, text):
        self.said.append(text)
def frames(run):
    return [np.load(srw_electrons.frame_path(run.dir, n)) for n in range(srw_electrons.count(run))]
"""


def test_progress_only_rises_and_every_frame_is_there(srw_python: Path, run_code: Runs) -> None:
    reports = [("average", 0), ("average", -1), ("cuts", -1), ("convergence", -1)]
    ran = run_code(srw_python, "srw", "electrons", {**FAST, **LINE}, reports=reports)
    assert ran.final["state"] == "completed", ran.final
    told = [event["data"] for event in ran.events if event["event"] == "progress"]
    fractions = [data["fraction"] for data in told if data.get("fraction") is not None]
    assert fractions == sorted(fractions)
    assert (told[-1]["fraction"], told[-1]["frames"], told[-1]["message"]) == (1, 4, "26 of 26 electrons")
    results = ran.final["results"]
    assert results["electrons"] == 26
    assert 0 < results["uncertainty"] < 100
    first, last = ran.report("average", 0), ran.report("average")
    assert first["layout"]["title"]["text"].startswith("Mean of 6 electrons")
    assert last["layout"]["title"]["text"].startswith("Mean of 26 electrons")
    # a film keeps its colours
    assert first["data"][0]["zmax"] == last["data"][0]["zmax"]
    assert ran.report("convergence")["layout"]["title"]["text"].endswith("after 26 electrons")
    assert ran.report("cuts")["data"][0]["name"] == "along x"


def test_a_stop_in_between_changes_no_bit(ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(**FAST, **LINE)
    lines = f"""
inputs = {inputs!r}
one = Run("one", inputs)
srw_electrons.run_all(one)
part = Run("part", inputs, stop_after=3)
srw_electrons.run_all(part)
after = [part.told[-1], srw_electrons.count(part)]
rest = Run("part", inputs, resumed=True)
srw_electrons.run_all(rest)
same = all(np.array_equal(a, b) for a, b in zip(frames(one), frames(rest), strict=True))
rows = [srw_electrons.convergence(run) for run in (one, rest)]
print(json.dumps([same, rows, after, part.said, rest.said, rest.told[0], rest.told[-1]]))
"""
    same, rows, after, stopped, resumed, begins, ends = ask_srw(RUN + lines)
    assert same
    assert rows[0] == rows[1]
    assert [row[0] for row in rows[0]] == [6, 13, 19, 26]
    # it had been stopped in the middle, between two frames, and not at its end
    assert 0 < after[0]["fraction"] < 1
    assert after[1] < 4
    assert stopped == [f"It stops after {round(after[0]['fraction'] * 26)} of 26 electrons, with a checkpoint."]
    assert resumed == [f"It goes on after {round(after[0]['fraction'] * 26)} of 26 electrons."]
    assert begins["fraction"] == after[0]["fraction"]
    assert (ends["fraction"], ends["frames"]) == (1, 4)


def test_without_a_checkpoint_it_begins_anew(ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(**{**FAST, "electrons": 2, "elements": []})
    lines = f"""
run = Run("new", {inputs!r}, resumed=True)
srw_electrons.run_all(run)
print(json.dumps([run.told[0]["fraction"], run.told[-1]["fraction"], run.said]))
"""
    assert ask_srw(RUN + lines) == [0, 1, ["It goes on after 0 of 2 electrons."]]


def test_the_mean_is_that_of_srws_own_multi_electron_function(ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(
        **{**FAST, "elements": [], "emittance_x": 1.0, "emittance_y": 1.0, "points": 15, "window_x": 1.5, "window_y": 1.5}
    )
    lines = f"""
import contextlib, io
import srw_field
from srwpy.srwlib import srwl_wfr_emit_prop_multi_e, SRWLRadMesh
inputs = {inputs!r}
ours = srw_electrons.of_electrons(inputs, 0, 100)[0] / 100
energy = inputs["photon_energy"]
mesh = SRWLRadMesh(energy, energy, 1, -0.75e-3, 0.75e-3, 15, -0.75e-3, 0.75e-3, 15, inputs["distance"])
with contextlib.redirect_stdout(io.StringIO()):
    theirs = srwl_wfr_emit_prop_multi_e(
        srw_field.beam(inputs), srw_field.magnet(inputs), mesh, 1, 0.01, 100, _file_path="theirs.dat", _rand_meth=2, _tryToUseMPI=False)
one = srw_field.picture(inputs, srw_field.beam(inputs))[0]
print(json.dumps([ours.tolist(), np.array(theirs.arS[:225]).reshape(15, 15).tolist(), one.tolist()]))
"""
    ours, theirs, one = (np.array(values) for values in ask_srw(RUN + lines))

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sqrt(np.mean((a - b) ** 2) / np.mean(b**2)))

    assert apart(ours, theirs) < 0.03
    # and the beam's size is seen: one electron's light is another picture
    assert apart(one, theirs) > 0.1


def test_without_apertures_the_mean_is_the_convolution(ask_srw: Asked, srw_inputs: Inputs) -> None:
    given = {
        **FAST,
        "elements": [],
        "energy_spread": 0,
        "emittance_x": 1.0,
        "emittance_y": 1.0,
        "points": 41,
        "window_x": 5,
        "window_y": 5,
    }
    lines = f"""
import srw_field
inputs = {srw_inputs(**given)!r}
mean = srw_electrons.of_electrons(inputs, 0, 60)[0] / 60
whole = srw_field.picture(inputs, srw_field.beam(inputs), srw_field.WHOLE)[0]
inner = slice(12, 29)
print(json.dumps([mean[inner, inner].tolist(), whole[inner, inner].tolist()]))
"""
    mean, whole = (np.array(values) for values in ask_srw(RUN + lines))
    assert np.sqrt(np.mean((mean - whole) ** 2) / np.mean(whole**2)) < 0.03


def test_electrons_that_are_all_the_same_are_one_electron(ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(**{**FAST, **LINE, "emittance_x": 0, "emittance_y": 0, "energy_spread": 0})
    lines = f"""
import srw_field
inputs = {inputs!r}
mean = srw_electrons.of_electrons(inputs, 0, 3)[0] / 3
one = srw_field.picture(inputs, srw_field.beam(inputs))[0]
print(json.dumps([mean.tolist(), one.tolist()]))
"""
    mean, one = ask_srw(RUN + lines)
    np.testing.assert_allclose(mean, one, rtol=1e-6)


def pictures(ran: Ran) -> dict[str, bytes]:
    """What all runs of the same inputs have alike, bit for bit."""
    return {path.name: path.read_bytes() for path in [*(ran.work / "frames").iterdir(), ran.work / "convergence.csv"]}


def fractions(work: Work) -> list[float]:
    told = [one["data"].get("fraction") for one in work.events() if one["event"] == "progress"]
    return [one for one in told if one is not None]


def tasks_of(work: Work) -> list[int]:
    """The processes that are tasks of that run, by their ranks."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = dict(word.partition(b"=")[::2] for word in (entry / "environ").read_bytes().split(b"\0"))
            here = (entry / "cwd").readlink() == work.directory / "work"
        except OSError:
            continue  # it has just ended
        if here and b"PMI_RANK" in words:
            found[int(words[b"PMI_RANK"])] = int(entry.name)
    return [found[rank] for rank in sorted(found)]


def test_tasks_change_no_bit_nor_does_a_stop_after_which_they_are_fewer(whole_beam: Beams, srw_python: Path) -> None:
    inputs = {**FAST, **LINE}
    one = whole_beam(inputs).run()
    two = whole_beam(inputs, tasks=2).run()
    work = whole_beam(inputs, tasks=2, cluster=True, checkpoints=True, launcher=[str(srw_python.parent / "mpirun"), "-n", "2"])
    work.pause(0)  # it looks after each share
    assert work.events()[-1]["event"] == "paused"
    before = work.fraction()
    assert 0 < before < 1
    spec = work.directory / "run.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"tasks": 1}))
    rest = work.run()
    for ran in (one, two, rest):
        assert ran.final["state"] == "completed", ran.final
        assert pictures(ran) == pictures(one)
        assert ran.final["results"] == one.final["results"]
    assert f"It goes on after {round(before * 26)} of 26 electrons." in rest.log
    assert fractions(work) == sorted(fractions(work))


def ended(work: Work, end: Callable[[subprocess.Popen[bytes]], None]) -> dict[str, Any]:
    """The final event's data of a run on two tasks that would last for long, and is ended so."""
    with subprocess.Popen(work.command) as process:
        try:
            wait_until(lambda: work.fraction() > 0, 60)
            assert len(tasks_of(work)) == 2
            end(process)
            process.wait(60)
        finally:
            process.kill()
    assert not tasks_of(work)
    final: dict[str, Any] = work.events()[-1]["data"]
    return final


def test_a_task_that_is_killed_fails_the_run_in_words_and_leaves_nothing(whole_beam: Beams) -> None:
    work = whole_beam({**FAST, **LINE, "electrons": 100_000}, tasks=2)
    final = ended(work, lambda _: os.kill(tasks_of(work)[1], signal.SIGKILL))
    assert final["state"] == "failed"
    assert "was killed, most likely for want of memory: give the run more" in final["reason"]


def test_a_run_that_is_canceled_leaves_no_task(whole_beam: Beams) -> None:
    work = whole_beam({**FAST, **LINE, "electrons": 100_000}, tasks=2)
    final = ended(work, subprocess.Popen.terminate)
    assert final["state"] == "canceled"


def test_tasks_that_do_not_know_of_each_other_touch_nothing(whole_beam: Beams, srw_python: Path) -> None:
    # as where srun belongs to another MPI: each believes that it is alone
    alone = [str(srw_python.parent / "mpirun"), "-n", "1"]
    ran = whole_beam({**FAST, "elements": [], "electrons": 4}, tasks=2, cluster=True, launcher=alone).run()
    assert ran.final["state"] == "failed"
    assert "2 tasks that know of each other, but 1 do: what has started them belongs to another MPI" in ran.final["reason"]
    assert not (ran.work / "frames").exists()


def test_what_a_task_raises_is_the_reason(whole_beam: Beams) -> None:
    work = whole_beam({**FAST, "elements": [], "electrons": 4}, tasks=2)
    (work.directory / "work" / "convergence.csv.part").mkdir()
    final = work.run().final
    assert (final["state"], final["cause"]) == ("failed", "exception")
    assert "Is a directory: " in final["reason"]


def test_the_quick_models_picture_and_the_mean_lie_on_the_same_points(ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(**{**FAST, **LINE, "electrons": 4, "frames": 1})
    lines = f"""
import srw_field
run = Run("points", {inputs!r})
srw_electrons.run_all(run)
x, y = srw_field.picture_axes(run.inputs)
print(json.dumps([[x[0], x[-1], len(x)], [y[0], y[-1], len(y)], list(frames(run)[0].shape)]))
"""
    x, y, shape = ask_srw(RUN + lines)
    assert x == y == [pytest.approx(-200e-6), pytest.approx(200e-6), 21]
    assert shape == [21, 21]
