"""Tracking tells how far it is, shows phase space while it runs, and its shares of turns add up to one run of MAD-X."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.madx_environment import DATA, Ran, Runs
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.madx, on_each_target]

#: Three turns of a line of particles, by MAD-X alone, in one go.
DIRECT = """
from cpymad import libmadx
import sys
libmadx.start()
libmadx.input('call, file="thin.madx"; track, onepass, onetable, dump=false;')
for n in range(1, 9):
    libmadx.input("start, x=%r, y=%r;" % (n / 8 * 4.0 / 1000, n / 8 * 2.0 / 1000))
libmadx.input("run, turns=300; endtrack;")
x = libmadx.get_table_column("tracksumm", "x")[-8:]
print("X", *[repr(float(one)) for one in x])
"""


def frames(ran: Ran) -> list[np.ndarray[Any, Any]]:
    return [np.load(path) for path in sorted((ran.work / "simyard" / "frames").iterdir())]


def test_progress_only_rises_and_every_frame_is_there(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(
        madx_python, "madx", "track", {"turns": 400, "frames": 8, "particles": 10}, reports=[("phase_space", 7), ("survival", -1)]
    )
    assert ran.final["state"] == "completed", ran.final
    told = [event["data"] for event in ran.events if event["event"] == "progress"]
    fractions = [data["fraction"] for data in told if data.get("fraction") is not None]
    assert fractions == sorted(fractions)
    assert told[-1]["frames"] == 8
    assert told[-1]["message"] == "turn 400 of 400, 10 of 10 particles"
    turns = [(int(frame[:, 1].min()), int(frame[:, 1].max())) for frame in frames(ran)]
    assert turns == [(50 * n + 1 if n else 0, 50 * n + 50) for n in range(8)]
    results = ran.final["results"]
    assert (results["survivors"], results["turns"], results["sequence"]) == (10, 400, "ring")
    assert results["tune_x"] == pytest.approx(5.2, abs=0.01)
    figure = ran.report("phase_space", 7)
    assert figure["layout"]["title"]["text"] == "Phase space, turns 351 to 400 · 10 of 10 particles alive"
    assert len(base64.b64decode(figure["data"][0]["x"]["bdata"])) == 50 * 10 * 4
    assert ran.report("survival")["layout"]["title"]["text"] == "10 of 10 particles alive after 400 turns"


def test_many_shares_of_turns_are_bit_by_bit_one_run_of_mad_x(madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    import shutil
    import subprocess

    inputs = {"turns": 300, "particles": 8, "amplitude_x": 4.0, "amplitude_y": 2.0}
    many, few = (run_code(madx_python, "madx", "track", {**inputs, "frames": n}, [DATA / "thin.madx"]) for n in (60, 1))
    last = [frame[frame[:, 1] == 300] for frame in (frames(many)[-1], frames(few)[-1])]
    np.testing.assert_array_equal(*last)
    shutil.copy(DATA / "thin.madx", tmp_path)
    said = subprocess.run([madx_python, "-c", DIRECT], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    direct = [float(one) for line in said.splitlines() if line.startswith("X ") for one in line.split()[1:]]
    np.testing.assert_array_equal(last[0][:, 2], np.array(direct, np.float32))


def test_particles_beyond_the_dynamic_aperture_are_lost_and_told(madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    inputs = {"phase_x": 94.0, "amplitude_x": 80.0, "amplitude_y": 2.0, "particles": 20, "turns": 300, "frames": 5}
    ran = run_code(madx_python, "madx", "track", inputs, reports=[("survival", -1), ("phase_space", -1)])
    results = ran.final["results"]
    assert 0 < results["survivors"] < 20
    losses = (ran.work / "simyard" / "losses.csv").read_text().splitlines()[1:]
    assert len(losses) == 20 - results["survivors"]
    # those near the orbit stay
    assert min(int(line.split(",")[0]) for line in losses) * 80.0 / 20 == pytest.approx(results["stable_amplitude_x"])
    assert results["stable_amplitude_x"] > 10
    assert {trace.get("name") for trace in ran.report("survival")["data"]} == {None, "alive", "lost"}
    survivors = [int(line.split(",")[1]) for line in (ran.work / "simyard" / "survivors.csv").read_text().splitlines()[1:]]
    assert survivors == sorted(survivors, reverse=True)
    assert survivors[-1] == results["survivors"]


def test_it_ends_early_when_all_are_lost(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "track", {"aperture": 0.1, "turns": 100_000, "frames": 3})
    assert ran.final["state"] == "completed"
    assert ran.final["results"]["survivors"] == 0
    assert ran.final["results"]["turns"] < 100


@pytest.mark.parametrize(
    "job", [["thin.madx"], ["booster.madx", "booster.seq", "Booster-Optics.str"]], ids=["thin", "placed-by-entries"]
)
def test_a_job_of_ones_own_is_tracked_through_the_sequence_that_it_leaves_in_use(
    job: list[str], madx_python: Path, run_code: Runs
) -> None:
    files = [DATA / name for name in job]
    inputs = {"turns": 60, "particles": 6, "amplitude_x": 1.0, "amplitude_y": 1.0, "frames": 3, "slices": 8}
    twiss, track = (run_code(madx_python, "madx", model, inputs, files) for model in ("twiss", "track"))
    assert track.final["state"] == "completed", track.final
    assert track.final["results"]["survivors"] == 6
    assert track.final["results"]["sequence"] == twiss.final["results"]["sequence"]
    # of thin lenses, but the same machine
    for tune in ("tune_x", "tune_y"):
        assert track.final["results"][tune] == pytest.approx(twiss.final["results"][tune], abs=0.02)


def test_a_momentum_offset_moves_the_particles_by_the_dispersion(madx_python: Path, run_code: Runs) -> None:
    inputs = {
        "turns": 400,
        "particles": 1,
        "frames": 1,
        "amplitude_x": 0.0,
        "amplitude_y": 0.0,
        "momentum_offset": 0.05,
        "sextupoles": False,
    }
    twiss, track = (run_code(madx_python, "madx", model, inputs) for model in ("twiss", "track"))
    table = np.load(twiss.work / "simyard" / "optics.npy")
    (seen,) = frames(track)
    # it starts on the axis, and swings around the orbit of its momentum
    assert seen[:, 2].mean() == pytest.approx(table["dx"][0] * 0.0005, rel=0.05)
