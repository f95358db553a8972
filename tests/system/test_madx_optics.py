"""MAD-X through the job cmd gives MAD-X's own numbers, and the built-in ring is what textbooks say."""

from __future__ import annotations

import base64
import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.madx_environment import DATA, Runs
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.madx, on_each_target]

DIRECT = """
import sys
from cpymad import libmadx
libmadx.start()
libmadx.input('call, file="%s";' % sys.argv[1])
libmadx.finish()
"""
JOBS = {"fodo": ["fodo.madx", "fodo.seq", "fodo.str"], "booster": ["booster.madx", "booster.seq", "Booster-Optics.str"]}


def table(path: Path) -> list[str]:
    """The lines of a table, without the date and the time of its making."""
    return [line for line in path.read_text().splitlines() if line.split()[:2] not in (["@", "DATE"], ["@", "TIME"])]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_writes_what_mad_x_writes_when_it_is_run_directly(
    job: str, madx_python: Path, run_code: Runs, tmp_path: Path
) -> None:
    ran = run_code(madx_python, "madx", "twiss", files=[DATA / name for name in JOBS[job]])
    assert ran.final["state"] == "completed", ran.final
    direct = tmp_path / "direct"
    direct.mkdir()
    for name in JOBS[job]:
        shutil.copy(DATA / name, direct)
    subprocess.run([madx_python, "-c", DIRECT, f"{job}.madx"], cwd=direct, check=True, stdout=subprocess.DEVNULL)
    lines = table(ran.work / "twiss.tfs")
    assert len(lines) > 50
    assert lines == table(direct / "twiss.tfs")
    # what the job did not write is not there either, but for what reports are drawn from
    assert {path.name for path in ran.work.iterdir()} == {*JOBS[job], "twiss.tfs", "simyard"}


def test_the_results_are_those_of_the_table(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "twiss", files=[DATA / name for name in JOBS["fodo"]])
    header = {words[1]: words[3] for line in table(ran.work / "twiss.tfs") if (words := line.split())[0] == "@"}
    results = ran.final["results"]
    told = {"tune_x": "Q1", "tune_y": "Q2", "chromaticity_x": "DQ1", "beta_x_max": "BETXMAX", "gamma_transition": "GAMMATR"}
    for name, key in told.items():
        assert results[name] == pytest.approx(float(header[key]), rel=1e-9)
    assert (results["particle"], results["sequence"]) == ("proton", "fodo")
    assert ran.final["warnings"] == []


def test_a_job_that_writes_no_table_is_drawn_from_mad_xs_memory(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "twiss", files=[DATA / "thin.madx"])
    # 20 cells of 60 degrees, and the beta of the textbook: L (1 + sin(mu/2)) / sin(mu)
    assert ran.final["results"]["tune_x"] == pytest.approx(20 / 6, rel=1e-9)
    assert ran.final["results"]["beta_x_max"] == pytest.approx(6 * (1 + 0.5) / 0.75**0.5, rel=1e-9)
    assert ran.final["report"] == "beta"
    assert ran.report("beta")["layout"]["title"]["text"].startswith("ring · Q<sub>x</sub> = 3.3333")


def test_a_job_that_ends_itself_by_stop_or_deletes_its_table_is_drawn_all_the_same(
    madx_python: Path, run_code: Runs, tmp_path: Path
) -> None:
    job = tmp_path / "stop.madx"
    job.write_text((DATA / "thin.madx").read_text() + "stop;\nthis is never read;\n")
    assert run_code(madx_python, "madx", "twiss", files=[job]).final["results"]["tune_y"] == pytest.approx(20 / 6)
    job.write_text((DATA / "thin.madx").read_text().replace("twiss;", 'twiss, file="my.out"; delete, table=twiss;'))
    ran = run_code(madx_python, "madx", "twiss", files=[job])
    assert ran.final["results"]["tune_y"] == pytest.approx(20 / 6)
    assert len(ran.report("beta")["data"]) > 2


@pytest.mark.parametrize("particle", ["electron", "proton"])
def test_the_built_in_ring_has_the_tunes_and_chromaticities_it_was_designed_for(
    particle: str, madx_python: Path, run_code: Runs
) -> None:
    ran = run_code(
        madx_python, "madx", "twiss", {"particle": particle, "cells": 30, "phase_x": 80, "phase_y": 56, "chromaticity": 1.0}
    )
    results = ran.final["results"]
    assert results["tune_x"] == pytest.approx(30 * 80 / 360, abs=1e-7)
    assert results["tune_y"] == pytest.approx(30 * 56 / 360, abs=1e-7)
    assert results["chromaticity_x"] == pytest.approx(1.0, abs=1e-5)
    assert results["chromaticity_y"] == pytest.approx(1.0, abs=1e-5)
    assert results["circumference"] == pytest.approx(240)
    assert ran.final["warnings"] == []


def test_short_magnets_have_the_tunes_of_thin_lens_theory_without_any_matching(madx_python: Path, run_code: Runs) -> None:
    short = {"match": False, "sextupoles": False, "quadrupole_length": 0.01, "cells": 200, "cell_length": 10}
    results = run_code(madx_python, "madx", "twiss", {**short, "phase_x": 91, "phase_y": 61}).final["results"]
    assert results["tune_x"] == pytest.approx(200 * 91 / 360, rel=2e-3)
    assert results["tune_y"] == pytest.approx(200 * 61 / 360, rel=2e-3)
    # with equal phase advances the natural chromaticity is -tan(mu/2) / pi a cell
    results = run_code(madx_python, "madx", "twiss", {**short, "phase_x": 75, "phase_y": 75}).final["results"]
    for plane in "xy":
        assert results[f"chromaticity_{plane}"] == pytest.approx(-200 * math.tan(math.radians(37.5)) / math.pi, rel=0.01)


def test_reports_are_figures_with_curves_in_typed_arrays_and_the_lattice_above(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "twiss", reports=[("dispersion", -1)])
    beta = ran.report("beta")
    names = [trace.get("name") for trace in beta["data"]]
    assert names[:3] == ["β<sub>x</sub>", "β<sub>y</sub>", "D<sub>x</sub>"]
    assert {"dipole", "quadrupole, focusing in x", "quadrupole, focusing in y", "sextupole"} <= set(names)
    curve = beta["data"][0]["y"]
    assert curve["dtype"] == "f4"
    values = memoryview(base64.b64decode(curve["bdata"])).cast("f").tolist()
    # MAD-X's own maximum is over the ends of the elements; the curve goes on inside the quadrupoles
    assert ran.final["results"]["beta_x_max"] < max(values) < 1.05 * ran.final["results"]["beta_x_max"]
    assert ran.report("dispersion")["layout"]["yaxis"]["title"]["text"].endswith("[m]")


@pytest.mark.parametrize("numbers", ["1e400", "0/0"])
def test_numbers_that_json_does_not_have_become_null(numbers: str, madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    job = tmp_path / "odd.madx"
    job.write_text((DATA / "thin.madx").read_text().replace("twiss;", f"odd = {numbers}; twiss, betx=1e-320, bety=1e300;"))
    ran = run_code(madx_python, "madx", "twiss", files=[job])
    json.dumps(ran.final, allow_nan=False)
    if ran.final["state"] == "completed":
        ran.report("beta")


def test_mad_xs_output_is_the_log_in_order_and_complete(madx_python: Path, run_code: Runs) -> None:
    log = run_code(madx_python, "madx", "twiss", files=[DATA / name for name in JOBS["booster"]]).log
    order = [
        "MAD-X 5.",
        "beam, particle=electron",
        "enter Twiss module",
        "++++++ table: summ",
        "value, table(summ,q1)",
        "finished normally",
    ]
    places = [log.find(words) for words in order]
    assert -1 not in places
    assert places == sorted(places)
