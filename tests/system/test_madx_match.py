"""Matching turns the knobs as MAD-X does by itself, reaches what can be reached, and says so where it cannot be."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import pytest

from simyard.codes import code_toml
from tests.madx_environment import CODES, DATA, Runs
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.madx, on_each_target]

#: The same matching by MAD-X alone; then a fresh Twiss with the knobs that the run has written.
DIRECT = """
import json
from cpymad import libmadx
libmadx.start()
libmadx.input('''call, file="ring.madx";
match, sequence=ring;
vary, name=kf, step=1e-6; vary, name=kd, step=1e-6; vary, name=ksf, step=1e-6; vary, name=ksd, step=1e-6;
global, sequence=ring, q1=5.28; global, sequence=ring, q2=4.31; global, sequence=ring, dq1=1.0; global, sequence=ring, dq2=1.0;
lmdif, calls=500, tolerance=1e-18;
endmatch;''')
found = [libmadx.eval(name) for name in ("kf", "kd", "ksf", "ksd", "tar")]
libmadx.input('''call, file="ring.madx"; call, file="matched.str"; twiss, table=again;''')
again = libmadx.get_table_summary("again")
open("direct.json", "w").write(json.dumps([found, [again[name] for name in ("q1", "q2", "dq1", "dq2")]]))
"""


def test_tunes_and_chromaticities_are_matched_to_the_last_bit_as_by_mad_x_itself(
    madx_python: Path, run_code: Runs, tmp_path: Path
) -> None:
    example = code_toml.read(CODES / "madx").examples["match_tunes"].inputs
    ran = run_code(madx_python, "madx", "match", example, reports=[("targets", -1)])
    assert ran.final["state"] == "completed", ran.final
    results = ran.final["results"]
    assert results["matched"] == "yes"
    assert ran.final["warnings"] == []
    reached = [results[name] for name in ("tune_x", "tune_y", "chromaticity_x", "chromaticity_y")]
    assert reached == pytest.approx([5.28, 4.31, 1.0, 1.0], abs=1e-6)
    for name in ("ring.madx", "matched.str"):
        (tmp_path / name).write_text((ran.work / name).read_text())
    subprocess.run([madx_python, "-c", DIRECT], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    (*knobs, penalty), again = json.loads((tmp_path / "direct.json").read_text())
    assert [results[f"knob_{number}"]["value"] for number in range(1, 5)] == knobs
    assert results["penalty"]["value"] == penalty
    assert again == pytest.approx(reached, abs=1e-12)  # the file of strengths says it all
    assert [trace.get("name") for trace in ran.report("matched")["data"]][:4] == [
        "β<sub>y</sub> before", "β<sub>x</sub> before", "β<sub>x</sub>", "β<sub>y</sub>",
    ]  # fmt: skip
    assert ran.report("targets")["layout"]["title"]["text"] == "4 of 4 targets reached"
    assert ran.report("targets")["data"][0]["y"]["bdata"]


def test_beta_at_a_place_is_matched_to_thin_lens_theory(madx_python: Path, run_code: Runs, tmp_path: Path) -> None:
    job = tmp_path / "thin.madx"
    text = (DATA / "thin.madx").read_text().replace("{0, 1/f}", "{0, 1/ff}").replace("{0,-1/f}", "{0,-1/ff}")
    job.write_text(text.replace("qf:", "ff := f*scale; scale = 0.75;\nqf:"))
    # β = L (1 + sin(µ/2)) / sin µ, here for 90°
    wanted = 6 * (1 + math.sqrt(0.5))
    inputs = {
        "knobs": [{"name": "scale", "lower": 0.6, "upper": 0.9}],
        "targets": [{"quantity": "beta_x", "place": "qf[2]", "value": wanted}],
    }
    ran = run_code(madx_python, "madx", "match", inputs, [job])
    results = ran.final["results"]
    assert results["matched"] == "yes", ran.final
    assert results["target_1"]["value"] == pytest.approx(wanted, rel=1e-7)
    # sin(µ/2) = L / (4 f)
    assert results["knob_1"]["value"] == pytest.approx(0.5 / math.sqrt(0.5), rel=1e-6)
    assert results["tune_x"] == pytest.approx(20 / 4, rel=1e-6)


def test_what_cannot_be_reached_is_completed_with_what_was_reached_instead(madx_python: Path, run_code: Runs) -> None:
    inputs = {
        "knobs": [{"name": "kd", "lower": -0.73, "upper": -0.72}],
        "targets": [{"quantity": "tune_x", "value": 9.9}, {"quantity": "beta_y", "relation": "<", "value": 20.0}],
    }
    ran = run_code(madx_python, "madx", "match", inputs)
    assert ran.final["state"] == "completed"
    assert ran.final["results"]["matched"] == "no"
    assert ran.final["results"]["penalty"]["value"] > 1
    assert ran.final["warnings"][0].startswith("1 of 2 targets not reached: wanted tune x = 9.9, reached 5.2")
    assert "The knob kd stands at its limit, -0.72." in ran.final["warnings"]
    assert ran.report("matched")["layout"]["title"]["text"].endswith("NOT MATCHED")


@pytest.mark.parametrize(
    "knobs, words",
    [
        (["kg"], "Knobs: the job has no variable kg. There are kf, kd, ksf, ksd."),
        (["qf->k7"], "Knobs: qf has no k7."),
        (["kf", "kd", "ksf"], "There are 3 knobs for 2 targets"),
    ],
)
def test_knobs_that_mad_x_would_make_up_are_refused(knobs: list[str], words: str, madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "match", {"knobs": [{"name": name} for name in knobs]})
    assert ran.final["state"] == "failed"
    assert ran.final["reason"].startswith(words)
