"""Chromatic functions, apertures, the floor plan and machines with errors: MAD-X's own numbers, and what theory says of them."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simyard.codes import code_toml
from tests.madx_environment import CODES, DATA, Runs
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.madx, on_each_target]

FODO = [DATA / name for name in ("fodo.madx", "fodo.seq", "fodo.str")]
EXAMPLES = code_toml.read(CODES / "madx").examples


def direct(python: Path, folder: Path, job: str, told: str, table: str, columns: str) -> dict[str, np.ndarray[Any, Any]]:
    """Columns of a table that MAD-X alone makes of statements after a job."""
    script = (
        "import json\nfrom cpymad import libmadx\nlibmadx.start()\n"
        f"libmadx.input('call, file=\"{job}\";')\nlibmadx.input('''{told}''')\n"
        f"found = {{name: libmadx.get_table_column({table!r}, name).tolist() for name in {columns.split()!r}}}\n"
        "open('direct.json', 'w').write(json.dumps(found))\n"
    )
    subprocess.run([python, "-c", script], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return {name: np.array(values) for name, values in json.loads((folder / "direct.json").read_text()).items()}


def copied(paths: list[Path], folder: Path) -> Path:
    folder.mkdir()
    for path in paths:
        shutil.copy(path, folder)
    return folder


def test_chromatic_functions_are_mad_xs_and_the_change_of_beta_with_momentum(
    madx_python: Path, run_code: Runs, tmp_path: Path
) -> None:
    inputs = {**EXAMPLES["chromatic"].inputs, "chromaticity": 2.0}
    ran = run_code(madx_python, "madx", "twiss", inputs, reports=[("chromatic", -1)])
    kept = np.load(ran.work / "simyard" / "optics.npy")
    there = copied([ran.work / "ring.madx"], tmp_path / "there")
    names = "wx phix dmux wy dmuy ddx ddy"
    alone = direct(madx_python, there, "ring.madx", "twiss, chrom, table=one;", "one", names)
    for name in names.split():
        np.testing.assert_array_equal(kept[name], alone[name])
    # the phases around the ring change by the chromaticities
    assert kept["dmux"][-1] == pytest.approx(2.0, abs=1e-3)
    assert kept["dmuy"][-1] == pytest.approx(2.0, abs=1e-3)
    # W² = a² + b² with a = ∂β/∂δ / β and b = ∂α/∂δ − α a, here by differences; those of MAD-X's β with a deltap, which is of
    # slopes, lack the 1 by which that of momenta falls
    step = 1e-5
    up, down = (
        direct(madx_python, there, "ring.madx", f"twiss, deltap={sign * step!r}, table=two;", "two", "betx alfx x")
        for sign in (1, -1)
    )
    slope = {name: (up[name] - down[name]) / (2 * step) for name in up}
    a = slope["betx"] / kept["betx"] - 1
    np.testing.assert_allclose(kept["wx"], np.hypot(a, slope["alfx"] - kept["alfx"] * a), rtol=2e-3)
    # x = D δ + D₂ δ²
    np.testing.assert_allclose((up["x"] + down["x"]) / (2 * step**2), kept["ddx"], atol=2e-3)
    assert len(ran.report("chromatic")["data"]) > 6


def test_a_job_without_chrom_has_no_chromatic_functions_until_they_are_asked_for(madx_python: Path, run_code: Runs) -> None:
    plain = run_code(madx_python, "madx", "twiss", files=FODO)
    assert "wx" not in (np.load(plain.work / "simyard" / "optics.npy").dtype.names or ())
    files = [DATA / name for name in ("booster.madx", "booster.seq", "Booster-Optics.str")]  # its job says twiss, chrom
    assert "wx" in (
        np.load(run_code(madx_python, "madx", "twiss", files=files).work / "simyard" / "optics.npy").dtype.names or ()
    )


def test_n1_is_mad_xs_and_the_room_over_the_beams_size(madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    folder = copied(FODO, tmp_path / "job")
    sequence = (folder / "fodo.seq").read_text()
    for name, wide, high in (("qf", 0.04, 0.05), ("qd", 0.05, 0.03), ("mb", 0.045, 0.04)):
        sequence = sequence.replace(f"{name}: ", f"{name}: ", 1)
        head = next(line for line in sequence.splitlines() if line.startswith(f"{name}:"))
        sequence = sequence.replace(head, head.rstrip(";") + f", apertype=rectangle, aperture={{{wide},{high}}};")
    (folder / "fodo.seq").write_text(sequence)
    (folder / "fodo.madx").write_text((folder / "fodo.madx").read_text().replace("energy=5.0", "energy=5.0, ex=2e-6, ey=1e-6"))
    inputs = {"spread": 0.0, "orbit_tolerance": 2.0, "beating": 1.1, "halo": 12.0}
    ran = run_code(madx_python, "madx", "aperture", inputs, [folder / path.name for path in FODO])
    assert ran.final["state"] == "completed", ran.final
    kept = np.load(ran.work / "simyard" / "aperture.npy")
    told = "twiss; aperture, halo={6,6,6,6}, cor=0.002, dp=0, bbeat=1.1, dparx=0, dpary=0, interval=0.12;"
    alone = direct(madx_python, folder, "fodo.madx", told, "aperture", "n1 s betx")
    np.testing.assert_allclose(kept["n1"], alone["n1"], rtol=1e-6)
    there = kept["n1"] < 9e5
    assert 0.3 < there.mean() < 1  # none in the drifts
    room = np.array([
        [kept["aper_1"][row], kept["aper_2"][row]] for row in np.flatnonzero(there)
    ]) - 0.002  # fmt: skip
    sizes = 1.1 * np.sqrt(np.stack([kept["betx"][there] * 2e-6, kept["bety"][there] * 1e-6], 1))
    np.testing.assert_allclose(kept["n1"][there], (room / sizes).min(1), rtol=0.02)
    assert ran.final["results"]["n1_min"] == pytest.approx(kept["n1"].min())
    assert ran.final["warnings"][0].startswith("The aperture is too small for 12 sigmas")
    assert "smallest n1" in ran.report("n1")["layout"]["title"]["text"]


@pytest.mark.parametrize(
    "inputs, words",
    [({}, "The beam has no horizontal emittance"), ({"emittance_x": 1, "emittance_y": 1}, "No element of the sequence")],
)
def test_a_machine_without_a_beams_size_or_apertures_is_refused_in_words(
    inputs: dict[str, Any], words: str, madx_python: Path, run_code: Runs
) -> None:
    ran = run_code(madx_python, "madx", "aperture", inputs, FODO)
    assert ran.final["state"] == "failed"
    assert ran.final["reason"].startswith(words)


def test_the_ring_as_it_comes_has_room_for_its_beam(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "aperture", {})
    assert ran.final["results"]["n1_min"] > 10
    assert not ran.final.get("warnings")
    assert "n1" in [trace.get("name") for trace in ran.report("n1")["data"]]


def test_the_ring_closes_on_the_floor_as_mad_x_surveys_it(madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    ran = run_code(madx_python, "madx", "survey", {"cells": 10})
    results = ran.final["results"]
    assert results["bending"] == pytest.approx(1, abs=1e-12)
    assert results["gap"] < 1e-9
    assert ran.final["warnings"] == []
    kept = np.load(ran.work / "simyard" / "survey.npy")
    assert kept["theta"][-1] - kept["theta"][0] == pytest.approx(-2 * math.pi)
    alone = direct(
        madx_python, copied([ran.work / "ring.madx"], tmp_path / "there"), "ring.madx", "survey;", "survey", "x z theta"
    )
    for name in ("x", "z", "theta"):
        np.testing.assert_array_equal(kept[name], alone[name])
    figure = ran.report("floor")
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
    assert {"dipole", "quadrupole", "sextupole"} <= {trace.get("name") for trace in figure["data"]}


def test_a_ring_that_does_not_close_is_told(madx_python: Path, run_code: Runs) -> None:
    files = [DATA / name for name in ("booster.madx", "booster.seq", "Booster-Optics.str")]
    ran = run_code(madx_python, "madx", "survey", files=files)
    # its only long straight has no other one opposite
    assert ran.final["results"]["gap"] == pytest.approx(1.5)
    assert ran.final["warnings"][0] == "The bends add up to 1 × 2π, but the end is 1.5 m from the start: the ring does not close."


def seeds(ran: Any) -> dict[str, np.ndarray[Any, Any]]:
    found = np.genfromtxt(ran.work / "simyard" / "seeds.csv", delimiter=",", names=True)
    return {name: found[name] for name in found.dtype.names or ()}


def test_a_seed_gives_the_machine_that_mad_x_makes_of_it(madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    inputs = {"seeds": 4, "first_seed": 11, "quadrupole_offset": 200.0}
    ran = run_code(madx_python, "madx", "errors", inputs, FODO, [("seed", 2)])
    assert ran.final["state"] == "completed", ran.final
    told = """eoption, seed=13, add=false;
select, flag=error, clear; select, flag=error, class=quadrupole;
ealign, dx:=0.0002*tgauss(3), dy:=0.0002*tgauss(3), dpsi:=0.0001*tgauss(3);
efcomp, order=1, radius=0.01, dknr:={0, 0.0005*tgauss(3)};
select, flag=error, clear; select, flag=error, class=sextupole; ealign, dx:=5e-05*tgauss(3), dy:=5e-05*tgauss(3);
select, flag=error, clear; select, flag=error, class=sbend;
ealign, dpsi:=0.0001*tgauss(3); efcomp, order=0, radius=0.01, dknr:={0.0002*tgauss(3)};
twiss, table=one;"""
    alone = direct(madx_python, copied(FODO, tmp_path / "there"), "fodo.madx", told, "one", "x y betx")
    found = seeds(ran)
    assert found["seed"].tolist() == [11, 12, 13, 14]
    for plane in "xy":
        assert found[f"{plane}_max"][2] == pytest.approx(np.abs(alone[plane]).max(), rel=1e-8)
        assert found[f"{plane}_rms"][2] == pytest.approx(np.sqrt((alone[plane] ** 2).mean()), rel=1e-8)
    picture = np.load(ran.work / "simyard" / "seeds" / "00002.npy")
    np.testing.assert_allclose(picture[1], alone["x"], rtol=1e-5, atol=1e-12)
    assert ran.report("seed", 2)["layout"]["title"]["text"].startswith("Seed 13 · orbit rms x ")


def test_orbits_and_beating_of_many_seeds_are_those_of_theory_and_progress_is_true(madx_python: Path, run_code: Runs) -> None:
    only = {"quadrupole_roll": 0.0, "sextupole_offset": 0.0, "dipole_roll": 0.0, "dipole_error": 0.0, "sextupoles": False}
    inputs = {**only, "seeds": 80, "quadrupole_offset": 100.0, "gradient_error": 5.0, "phase_x": 78.0, "phase_y": 66.0}
    ran = run_code(madx_python, "madx", "errors", inputs, reports=[("spread", -1)])
    results = ran.final["results"]
    told = [event["data"] for event in ran.events if event["event"] == "progress"]
    fractions = [data["fraction"] for data in told if data.get("fraction") is not None]
    assert fractions == sorted(fractions)
    assert (told[-1]["fraction"], told[-1]["frames"], told[-1]["message"]) == (1.0, 80, "seed 80 of 80")
    assert ran.report("spread")["layout"]["title"]["text"] == "80 of 80 seeds · dashed: their mean"
    # <x²> = β Σ β (k l)² <dx²> / (8 sin² πQ), and <ΔQ²> = Σ (β k l)² <g²> / (4π)²: each quadrupole has errors of its own
    optics = np.load(ran.work / "simyard" / "reference.npy")
    quadrupole = optics["keyword"] == "quadrupole"
    for plane, tune in (("x", 5.2), ("y", 4.4)):
        beta, strength = optics[f"bet{plane}"], optics["k1l"][quadrupole]
        kicks = (beta[quadrupole] * strength**2).sum() * 1e-4**2
        expected = 1e3 * math.sqrt(beta.mean() * kicks / 8) / abs(math.sin(math.pi * tune))
        found = 1e3 * math.sqrt((seeds(ran)[f"{plane}_rms"] ** 2).mean())
        assert found == pytest.approx(expected, rel=0.3)
        shift = math.sqrt(((beta[quadrupole] * strength) ** 2).sum()) * 5e-4 / (4 * math.pi)
        assert results[f"tune_{plane}_spread"] == pytest.approx(shift, rel=0.3)


def test_seeds_without_closed_optics_are_left_out_and_told_by_their_numbers(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "errors", {"seeds": 20, "gradient_error": 400.0})
    left = ran.final["results"]["seeds"]
    assert 0 < left < 20
    assert ran.final["warnings"][0].startswith(
        f"{20 - left} of 20 seeds have no closed orbit or no stable optics, and are left out: "
    )
    assert len(seeds(ran)["seed"]) == left
    ran = run_code(madx_python, "madx", "errors", {"seeds": 3, "quadrupole_offset": 1e5})
    assert ran.final["state"] == "failed"
    assert (
        ran.final["reason"] == "None of the 3 seeds has a closed orbit and stable optics: the errors are too large. Lower them."
    )
