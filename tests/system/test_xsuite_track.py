"""Tracking by Xsuite tells how far it is and who is lost, goes on from a checkpoint bit by bit, and says in words what cannot be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simyard.job_cmd import runner
from tests.contract.runner_kit import until
from tests.madx_environment import DATA, Ran
from tests.xsuite_environment import WarmXsuite, ended

# the first of them installs Xsuite, 420 MB
pytestmark = [pytest.mark.xsuite, pytest.mark.timeout(600)]

RING = (DATA / "thin.madx").read_text()
#: Without a beam, and not used.
SEQUENCE = RING.partition("beam,")[0]


def frames(ran: Ran) -> list[np.ndarray[Any, Any]]:
    return [np.load(path) for path in sorted((ran.work / "simyard" / "frames").iterdir())]


def rows(ran: Ran, name: str) -> list[list[str]]:
    return [line.split(",") for line in (ran.work / "simyard" / name).read_text().splitlines()[1:]]


def test_progress_only_rises_and_every_frame_is_there(xsuite: WarmXsuite) -> None:
    ran = xsuite.run("track", {"turns": 203, "frames": 8, "particles": 30}, [DATA / "thin.madx"])
    assert ran.final["state"] == "completed", ran.final
    told = [event["data"] for event in ran.events if event["event"] == "progress"]
    fractions = [data["fraction"] for data in told if data.get("fraction") is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert told[-1]["frames"] == 8
    assert told[-1]["message"] == "turn 203 of 203, 30 of 30 particles"
    seen = frames(ran)
    ends = [0, *(-(-number * 203 // 8) for number in range(1, 9))]
    assert [(int(frame[:, 1].min()), int(frame[:, 1].max())) for frame in seen] == [
        (first, last - 1) for first, last in pairwise(ends)
    ]
    assert {len(np.unique(frame[:, 0])) for frame in seen} == {30}
    results = ran.final["results"]
    assert (results["survivors"], results["survival"], results["turns"]) == (30, 100.0, 203)
    assert "Done loading" not in ran.log
    assert "Warning" not in ran.log
    figure = xsuite.report(ran, "phase_space", 7)
    assert figure["layout"]["title"]["text"] == "Phase space up to turn 203 · 30 of 30 particles alive"
    assert xsuite.report(ran, "footprint")["layout"]["title"]["text"] == "Tunes of 30 particles"


def test_particles_beyond_the_aperture_are_lost_told_and_seen(xsuite: WarmXsuite) -> None:
    inputs = {
        "distribution": "line",
        "particles": 20,
        "amplitude_x": 38.0,
        "amplitude_y": 0.0,
        "aperture": 20.0,
        "turns": 60,
        "frames": 3,
    }
    ran = xsuite.run("track", inputs, [DATA / "thin.madx"])
    results = ran.final["results"]
    # who starts beside a lens at x, with alfa = √3, comes to √(1 + 3) x in the lenses: 9.5 mm stay, 11.4 mm do not
    assert results["survivors"] == 5
    assert results["stable_amplitude_x"]["value"] == pytest.approx(9.5)
    lost = rows(ran, "losses.csv")
    assert sorted(int(row[0]) for row in lost) == list(range(5, 20))
    assert all((float(row[4]) ** 2 + float(row[5]) ** 2) ** 0.5 >= 0.02 for row in lost)
    survivors = [int(row[1]) for row in rows(ran, "survivors.csv")]
    assert survivors == sorted(survivors, reverse=True)
    assert survivors[-1] == 5
    assert xsuite.report(ran, "survival")["layout"]["title"]["text"] == "5 of 20 particles alive after 60 turns"
    assert xsuite.report(ran, "losses", 2)["layout"]["title"]["text"] == "15 of 20 particles lost up to turn 60"


def test_it_ends_early_when_all_are_lost(xsuite: WarmXsuite) -> None:
    ran = xsuite.run(
        "track", {"aperture": 0.1, "turns": 10_000_000, "particles": 10, "emittance_x": 1000.0}, [DATA / "thin.madx"]
    )
    assert ran.final["state"] == "completed"
    assert ran.final["results"]["survivors"] == 0
    assert ran.final["results"]["turns"] < 1000


def test_a_run_that_is_stopped_in_its_middle_goes_on_bit_by_bit(xsuite: WarmXsuite, xsuite_python: Path) -> None:
    inputs = {"turns": 20_000, "frames": 100, "particles": 40, "aperture": 14.0, "emittance_x": 3.0, "momentum_spread": 0.0}
    spec: dict[str, Any] = {
        "cluster": True,
        "checkpoints": True,
        "cpus": [],
        "disk": 0,
        "launcher": [],
        "tasks": 1,
        "time_limit": 0,
    }
    directory = xsuite.prepare("track", inputs, [DATA / "thin.madx"], **spec)
    first = start(xsuite_python, directory, "1")
    try:
        # somewhere behind the turns that the tunes are made of, and far from the end
        until((directory / "work" / "simyard" / "frames" / "00005.npy").exists)
        first.send_signal(signal.SIGUSR1)
        assert first.wait(60) == 0
    finally:
        first.kill()
        first.wait()
    last = json.loads((directory / "events.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "paused"
    assert (directory / "work" / "simyard" / "checkpoint.npz").exists()
    # what a part that was cut short has written after its checkpoint is not there twice
    with (directory / "work" / "simyard" / "survivors.csv").open("a") as file:
        file.write("19999,1\n")
    second = start(xsuite_python, directory, "2")
    try:
        assert second.wait(60) == 0
    finally:
        second.kill()
        second.wait()
    parts, whole = ended(directory), xsuite.run("track", inputs, [DATA / "thin.madx"])
    assert parts.final["state"] == "completed", parts.final
    assert parts.final["results"] == whole.final["results"]
    assert "Going on after turn" in parts.log
    for one, other in zip(frames(parts), frames(whole), strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("losses.csv", "tunes.csv"):
        assert rows(parts, name) == rows(whole, name)
    turns = [int(row[0]) for row in rows(parts, "survivors.csv")]
    assert turns == sorted(set(turns))
    assert 0 < whole.final["results"]["survivors"] < 40
    assert not (parts.work / "simyard" / "checkpoint.npz").exists()


def start(python: Path, directory: Path, job: str) -> subprocess.Popen[bytes]:
    """A part of a run, as a cluster's job executes it."""
    environment = {**os.environ, "SLURM_JOB_ID": job}
    return subprocess.Popen([python, runner.__file__, "run", directory], env=environment, start_new_session=True)


@pytest.mark.parametrize(
    "text, inputs, words",
    [
        ('call, file="ring.seq";\n', {}, 'cannot open input file: ring.seq (after: call, file="ring.seq";). It calls a file that is not'),
        ("q1: quadrupole, l=0.3, k1=0.5\nq2: quadrupole, l=0.3;\n", {}, "illegal format near: k1 (after: q2: quadrupole, l=0.3;)."),
        ("this is no lattice\n", {}, "The lattice has no sequence: is it a MAD-X file"),
        ("", {}, "The lattice has no sequence"),
        (RING.replace("sin(pi/6)", "1.1"), {}, "cos µx = "),
        (RING.replace("sin(pi/6)", "1.1").replace("twiss;", ""), {}, "must lie between −1 and 1"),
        (SEQUENCE + "two: sequence, l=9;\nqf, at=1;\nendsequence;\n", {}, "2 sequences and uses none: ring, two. Name one under Sequence"),
        (RING, {"sequence": "nope"}, "The lattice has no sequence 'nope'. It has ring."),
        (SEQUENCE, {"energy": 0.5}, "0.5 GeV is not above the rest energy of a proton"),
    ],
    ids=["missing-file", "syntax", "no-lattice", "empty", "unstable", "unstable-untold", "which", "unknown-sequence", "energy"],
)  # fmt: skip
def test_a_lattice_that_cannot_be_is_refused_in_words(
    text: str, inputs: dict[str, Any], words: str, xsuite: WarmXsuite, tmp_path: Path
) -> None:
    lattice = tmp_path / "ring.madx"
    lattice.write_text(text)
    final = xsuite.run("twiss", inputs, [lattice]).final
    assert (final["state"], final["cause"]) == ("failed", "input")
    assert words in final["reason"]


def test_a_sequence_file_takes_the_beam_and_the_sequence_of_the_inputs(xsuite: WarmXsuite, tmp_path: Path) -> None:
    lattice = tmp_path / "ring.seq"
    lattice.write_text(SEQUENCE + "two: sequence, l=9;\nqf, at=1;\nendsequence;\n")
    results = xsuite.run("twiss", {"sequence": "RING", "particle": "electron", "energy": 2.5}, [lattice]).final["results"]
    assert (results["particle"], results["sequence"], results["energy"]) == ("electron", "ring", pytest.approx(2.5))
    assert results["tune_x"] == pytest.approx(20 / 6)


def test_too_many_particles_for_the_memory_are_refused_with_how_many_fit(xsuite: WarmXsuite) -> None:
    final = xsuite.run("track", {"particles": 100_000, "turns": 10}, memory=600 << 20).final
    assert (final["state"], final["cause"]) == ("failed", "input")
    assert final["reason"].startswith("100,000 particles need about ")
    assert "take at most " in final["reason"]


def test_tracking_through_an_unstable_ring_is_refused_and_an_orbit_beyond_the_aperture_is_told(
    xsuite: WarmXsuite, tmp_path: Path
) -> None:
    lattice = tmp_path / "ring.madx"
    lattice.write_text(RING.replace("sin(pi/6)", "1.1"))
    assert "no stable optics" in xsuite.run("track", {}, [lattice]).final["reason"]
    kicked = RING.replace("endsequence;", "kick: hkicker, kick=2e-3, at=119.5;\nendsequence;").replace("twiss;", "")
    lattice.write_text(kicked)
    final = xsuite.run("track", {"aperture": 0.5, "turns": 5, "particles": 4}, [lattice]).final
    assert final["state"] == "completed"
    assert any("The closed orbit itself goes" in words for words in final["warnings"])
