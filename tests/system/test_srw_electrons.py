"""The whole beam, electron by electron: true progress, the same numbers on any number of cores and after a stop, and SRW's own mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.madx_environment import Runs
from tests.srw_environment import Asked, Inputs

#: Milliseconds for an electron.
FAST = {"periods": 5, "points": 21, "window_x": 1.0, "window_y": 1.0, "electrons": 26, "frames": 4}
LINE = {"sampling": 0.2, "refine": 2.0, "picture_x": 400, "picture_y": 400}

#: What the job cmd hands to a code, as far as this model looks at it.
RUN = """
import os
import srw_electrons
class Run:
    model, files, exit_code, signal = "electrons", [], 0, None
    def __init__(self, name, inputs, cores=1, resumed=False, stop_after=10**9):
        self.dir = os.path.abspath(name)
        os.makedirs(self.dir, exist_ok=True)
        self.inputs, self.cores, self.resumed, self.stop_after = inputs, cores, resumed, stop_after
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


def test_two_cores_and_a_stop_in_between_change_no_bit(ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(**FAST, **LINE)
    lines = f"""
inputs = {inputs!r}
one = Run("one", inputs)
srw_electrons.run_all(one)
two = Run("two", inputs, cores=2)
srw_electrons.run_all(two)
part = Run("part", inputs, cores=2, stop_after=3)
srw_electrons.run_all(part)
after = [part.told[-1], srw_electrons.count(part)]
rest = Run("part", inputs, resumed=True)
srw_electrons.run_all(rest)
same = [all(np.array_equal(a, b) for a, b in zip(frames(one), frames(other), strict=True)) for other in (two, rest)]
rows = [srw_electrons.convergence(run) for run in (one, two, rest)]
print(json.dumps([same, rows, after, part.said, rest.said, rest.told[0], rest.told[-1]]))
"""
    same, rows, after, stopped, resumed, begins, ends = ask_srw(RUN + lines)
    assert same == [True, True]
    assert rows[0] == rows[1] == rows[2]
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


def test_a_worker_that_is_killed_fails_the_run_in_words(ask_srw: Asked, srw_inputs: Inputs) -> None:
    lines = f"""
import signal
run = Run("killed", {srw_inputs(**{**FAST, "elements": []})!r}, cores=2)
srw_electrons.of_electrons = killed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
killed.__qualname__ = "of_electrons"
killed.__module__ = "srw_electrons"
try:
    srw_electrons.run_all(run)
except RuntimeError as error:
    print(json.dumps(str(error)))
"""
    assert "was killed, most likely for want of memory: give the run more" in ask_srw(RUN + lines)


@pytest.mark.parametrize("cores", [1, 2])
def test_the_quick_models_picture_and_the_mean_lie_on_the_same_points(cores: int, ask_srw: Asked, srw_inputs: Inputs) -> None:
    inputs = srw_inputs(**{**FAST, **LINE, "electrons": 4, "frames": 1})
    lines = f"""
import srw_field
run = Run("points", {inputs!r}, cores={cores})
srw_electrons.run_all(run)
x, y = srw_field.picture_axes(run.inputs)
print(json.dumps([[x[0], x[-1], len(x)], [y[0], y[-1], len(y)], list(frames(run)[0].shape)]))
"""
    x, y, shape = ask_srw(RUN + lines)
    assert x == y == [pytest.approx(-200e-6), pytest.approx(200e-6), 21]
    assert shape == [21, 21]
