"""Xsuite through the job cmd gives Xtrack's own numbers, agrees with MAD-X, and obeys what theory knows."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.madx_environment import DATA, Ran
from tests.xsuite_environment import WarmXsuite

# the first of them installs Xsuite, 420 MB
pytestmark = [pytest.mark.xsuite, pytest.mark.timeout(600)]

JOBS = {"thin": ["thin.madx"], "fodo": ["fodo.madx", "fodo.seq", "fodo.str"]}
#: With edges that focus and combined dipoles: most of its chromaticity is of dipoles.
BOOSTER = ["booster.madx", "booster.seq", "Booster-Optics.str"]
TURNS = 200
TRACK = {"distribution": "line", "particles": 6, "amplitude_x": 3.0, "amplitude_y": 2.0, "turns": TURNS, "frames": 4}
#: MAD-X and Xtrack without Simyard: the optics by both, and particles tracked in one go, with no aperture and nothing optimised.
DIRECT = """
import json, sys
import numpy as np, xtrack as xt
from cpymad.madx import Madx
xt.settings.print_mode = "suppress"
told = {}
for job in sys.argv[2:]:
    mad = Madx(stdout=False)
    mad.call(job + ".madx")
    name = mad._libmadx.get_active_sequence_name()
    summ, beam = mad.table.summ, mad.sequence[name].beam
    line = xt.Line.from_madx_sequence(mad.sequence[name], with_progress=False)
    line.particle_ref = xt.Particles(p0c=beam.pc * 1e9, mass0=beam.mass * 1e9, q0=beam.charge)
    line.configure_bend_model(edge="full")
    table = line.twiss4d()
    line.discard_tracker()
    line.configure_bend_model(edge="linear")
    line.slice_thick_elements([xt.Strategy(xt.Teapot(4))])
    share = np.arange(1, 7) / 6
    orbit = line.twiss4d().particle_on_co
    particles = xt.Particles(
        p0c=beam.pc * 1e9, mass0=beam.mass * 1e9, q0=beam.charge,
        x=float(orbit.x[0]) + share * 0.003, y=float(orbit.y[0]) + share * 0.002, px=float(orbit.px[0]), py=float(orbit.py[0]),
    )
    line.track(particles, num_turns=int(sys.argv[1]), turn_by_turn_monitor=True)
    seen = line.record_last_track
    told[job] = {
        "tune_x": table.qx, "tune_y": table.qy, "chromaticity_x": table.dqx, "chromaticity_y": table.dqy,
        "beta_x_max": float(table.betx.max()), "dispersion_max": float(table.dx.max()),
        "x": seen.x[:, -1].tolist(), "py": seen.py[:, -1].tolist(),
        "madx": {key: float(summ[key][0]) for key in ("q1", "q2", "dq1", "dq2", "betxmax", "betymax", "dxmax")} | {"beta": beam.beta},
    }
    mad.quit()
print("TOLD", json.dumps(told))
"""


@pytest.fixture(scope="module")
def direct(xsuite_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("direct")
    for name in (*(name for names in JOBS.values() for name in names), *BOOSTER):
        shutil.copy(DATA / name, folder)
    done = subprocess.run(
        [xsuite_python, "-c", DIRECT, str(TURNS), *JOBS, "booster"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    told: dict[str, Any] = json.loads(done.stdout.partition("TOLD ")[2])
    return told


def frames(ran: Ran) -> list[np.ndarray[Any, Any]]:
    return [np.load(path) for path in sorted((ran.work / "simyard" / "frames").iterdir())]


@pytest.mark.parametrize("job", JOBS)
def test_the_optics_are_xtracks_own_and_agree_with_mad_x(job: str, xsuite: WarmXsuite, direct: dict[str, Any]) -> None:
    ran = xsuite.run("twiss", files=[DATA / name for name in JOBS[job]])
    assert ran.final["state"] == "completed", ran.final
    results, alone = ran.final["results"], direct[job]
    for name in ("tune_x", "tune_y", "chromaticity_x", "chromaticity_y", "beta_x_max", "dispersion_max"):
        assert results[name] == pytest.approx(alone[name], rel=1e-9, abs=1e-9), name
    madx = alone["madx"]
    for name, key in (("tune_x", "q1"), ("tune_y", "q2"), ("beta_x_max", "betxmax"), ("beta_y_max", "betymax")):
        assert results[name] == pytest.approx(madx[key], rel=1e-8), name
    # MAD-X's are derivatives by pt, which is β δ
    assert results["dispersion_max"] == pytest.approx(madx["dxmax"] * madx["beta"], rel=1e-6, abs=1e-8)
    near = 1e-6 if job == "thin" else 2e-4  # of thick magnets each takes along another order of the momentum
    for plane, key in (("x", "dq1"), ("y", "dq2")):
        assert results[f"chromaticity_{plane}"] == pytest.approx(madx[key] * madx["beta"], rel=near), plane
    assert results["method"] == "4d"


@pytest.mark.parametrize("job", JOBS)
def test_tracking_in_shares_gives_xtracks_own_coordinates(job: str, xsuite: WarmXsuite, direct: dict[str, Any]) -> None:
    ran = xsuite.run("track", TRACK, [DATA / name for name in JOBS[job]])
    assert ran.final["state"] == "completed", ran.final
    last = frames(ran)[-1]
    last = last[last[:, 1] == TURNS - 1]
    assert last[:, 0].tolist() == list(range(6))
    for column, name in ((2, "x"), (5, "py")):
        wanted = np.array(direct[job][name])
        np.testing.assert_allclose(last[:, column], wanted, atol=1e-6 * np.abs(wanted).max())


def test_the_chromaticity_of_strong_dipoles_is_that_of_mad_x(xsuite: WarmXsuite, direct: dict[str, Any]) -> None:
    results, madx = xsuite.run("twiss", files=[DATA / name for name in BOOSTER]).final["results"], direct["booster"]["madx"]
    for plane, number in (("x", 1), ("y", 2)):
        assert results[f"tune_{plane}"] == pytest.approx(madx[f"q{number}"], rel=2e-4), plane
        # with linear edges it would be -4.0 in place of -2.4, and -1.7 in place of -4.9
        assert results[f"chromaticity_{plane}"] == pytest.approx(madx[f"dq{number}"] * madx["beta"], rel=0.03), plane


def test_thin_lenses_have_the_tunes_and_the_beta_of_the_textbook(xsuite: WarmXsuite) -> None:
    results = xsuite.run("twiss", files=[DATA / "thin.madx"]).final["results"]
    assert results["tune_x"] == pytest.approx(20 / 6, rel=1e-10)
    assert results["tune_y"] == pytest.approx(20 / 6, rel=1e-10)
    assert results["beta_x_max"] == pytest.approx(6 * (1 + 0.5) / 0.75**0.5, rel=1e-9)
    # with equal phase advances the natural chromaticity is -tan(mu/2) / pi a cell
    assert results["chromaticity_x"] == pytest.approx(-20 * math.tan(math.pi / 6) / math.pi, rel=1e-5)


def test_the_ring_of_short_lenses_has_the_tunes_of_thin_lens_theory(xsuite: WarmXsuite) -> None:
    short = {"match": False, "sextupoles": False, "quadrupole_length": 0.01, "cells": 60, "cell_length": 10}
    results = xsuite.run("twiss", {**short, "phase_x": 91, "phase_y": 61}).final["results"]
    assert results["tune_x"] == pytest.approx(60 * 91 / 360, rel=5e-3)
    assert results["tune_y"] == pytest.approx(60 * 61 / 360, rel=5e-3)


def test_the_ring_that_is_matched_has_the_tunes_it_was_asked_for_and_reports(xsuite: WarmXsuite) -> None:
    ran = xsuite.run("twiss", {"phase_x": 90, "phase_y": 70})
    results = ran.final["results"]
    assert results["tune_x"] == pytest.approx(4.0, abs=1e-6)
    assert results["tune_y"] == pytest.approx(16 * 70 / 360, abs=1e-6)
    assert results["circumference"] == pytest.approx(192)
    # MAD-X has matched them to zero
    assert abs(results["chromaticity_x"]) < 1e-5
    assert abs(results["chromaticity_y"]) < 1e-5
    assert ran.final["warnings"] == []
    assert ran.final["report"] == "beta"
    names = {trace.get("name") for trace in ran.report("beta")["data"]}
    assert {"β<sub>x</sub>", "dipole", "quadrupole, focusing in x", "quadrupole, focusing in y", "sextupole"} <= names
    assert xsuite.report(ran, "dispersion")["layout"]["yaxis"]["title"]["text"].endswith("[m]")


def test_in_a_linear_ring_invariants_and_momentum_are_kept(xsuite: WarmXsuite) -> None:
    inputs = {"particles": 20, "turns": 2000, "frames": 4, "emittance_x": 0.5, "emittance_y": 0.2, "momentum_spread": 0.0}
    ran = xsuite.run("track", inputs, [DATA / "thin.madx"])
    assert ran.final["results"]["survivors"] == 20
    seen = np.concatenate(frames(ran)).astype(float)
    assert np.abs(seen[:, 7]).max() == 0
    optics = np.load(ran.work / "simyard" / "optics.npy")[0]
    for position, momentum, plane in ((2, 3, "x"), (4, 5, "y")):
        beta, alfa = optics["bet" + plane], optics["alf" + plane]
        x, p = seen[:, position], seen[:, momentum]
        invariant = (x**2 + (alfa * x + beta * p) ** 2) / beta
        for particle in range(20):
            own = invariant[seen[:, 0] == particle]
            assert len(own) > 200
            # drifts are exact, so not quite linear; what is stored has seven digits
            np.testing.assert_allclose(own, own.mean(), rtol=2e-4)
    # and its tune is the machine's, whatever the amplitude
    tunes = np.loadtxt(ran.work / "simyard" / "tunes.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(tunes[:, 1:3], 1 / 3, atol=1e-5)


def test_with_a_cavity_particles_swing_at_the_synchrotron_tune_and_without_they_do_not(
    xsuite: WarmXsuite, tmp_path: Path
) -> None:
    lattice = tmp_path / "rf.madx"
    lattice.write_text(
        "qf: quadrupole, l=0.4, k1=0.52; qd: quadrupole, l=0.4, k1=-0.52; b: sbend, l=3.5, angle=twopi/24;\n"
        "rf: rfcavity, volt=2, harmon=20, lag=0.5;\n"
        "ring: sequence, l=144, refer=centre;\n"
        "n=0; while (n<12) { qf, at=n*12+0.2; b, at=n*12+3; qd, at=n*12+6.2; b, at=n*12+9; n=n+1; }\n"
        "rf, at=143;\nendsequence;\nbeam, particle=proton, energy=20;\nuse, sequence=ring;\n"
    )
    on = xsuite.run("twiss", files=[lattice]).final["results"]
    off = xsuite.run("twiss", {"cavities": False}, [lattice]).final["results"]
    assert (on["method"], off["method"]) == ("6d", "4d")
    assert "tune_s" not in off
    assert on["tune_x"] == pytest.approx(off["tune_x"], abs=1e-3)
    # Qs² = h η e V / (2π β² E), η the slip factor
    slip = abs(off["momentum_compaction"] - (0.93827208816 / 20) ** 2)
    assert on["tune_s"] == pytest.approx(math.sqrt(20 * slip * 2e-3 / (2 * math.pi * 20)), rel=0.01)
    inputs = {"distribution": "line", "particles": 2, "amplitude_x": 0.1, "amplitude_y": 0.1, "momentum_offset": 0.02}
    tracked = xsuite.run("track", {**inputs, "turns": 600, "frames": 1, "slices": 0}, [lattice])
    assert tracked.final["results"]["method"] == "6d"
    seen = frames(tracked)[0]
    delta = seen[seen[:, 0] == 0][:, 7]
    assert delta.min() == pytest.approx(-delta.max(), rel=0.05)
