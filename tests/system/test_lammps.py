"""A run of LAMMPS tells how far it is, shows its atoms while it runs, goes on from its restart file, and says why it failed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.lammps_environment import Works
from tests.madx_environment import Ran

BEGIN = """units lj
lattice fcc 0.8442
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 box
"""
WHOLE = BEGIN + "mass 1 1\npair_style lj/cut 2.5\npair_coeff * * 1 1\nvelocity all create 1 4\nfix 1 all nve\nthermo 10\n"


def values(some: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(some["bdata"]), some["dtype"])


def progress_of(ran: Ran) -> list[dict[str, Any]]:
    return [event["data"] for event in ran.events if event["event"] == "progress"]


def test_progress_only_rises_and_every_frame_is_there(lammps: Works) -> None:
    work = lammps({"cells": 4, "equilibration": 1000, "steps": 3000, "frames": 10})
    ran = work.run()
    assert ran.final["state"] == "completed", ran.final
    assert ran.final["warnings"] == []
    told = progress_of(ran)
    fractions = [data["fraction"] for data in told if data.get("fraction") is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert told[-1]["frames"] == 11
    assert told[-1]["message"] == "done, step 4,000 of 4,000"
    figure = work.report("particles", 10)
    assert figure["layout"]["title"]["text"] == "Step 4,000 · 256 atoms"
    assert len(values(figure["data"][0]["x"])) == 256
    (file,) = ran.work.glob("melt.*.restart")
    assert file.name == "melt.4000.restart"
    temperature = work.report("temperature")["data"][0]
    assert values(temperature["y"])[-50:].mean() == pytest.approx(0.85, abs=0.1)


def test_a_crystal_under_tension_yields_and_its_curve_shows_where(lammps: Works) -> None:
    work = lammps({"system": "tension", "length": 5, "width": 4, "strain_rate": 0.02, "equilibration": 300, "frames": 4})
    ran = work.run()
    results = ran.final["results"]
    assert 0.05 < results["strain_at_strength"] < 0.19
    assert results["strength"] > 3
    assert work.report("stress")["layout"]["title"]["text"].startswith(f"Largest stress {results['strength']:.3f} at ")
    first, last = (work.report("particles", n)["data"][1] for n in (0, 4))
    sides = [float(np.nanmax(values(one["x"])) - np.nanmin(values(one["x"]))) for one in (first, last)]
    assert sides[1] / sides[0] == pytest.approx(1.2, abs=0.05)


@pytest.mark.parametrize(
    "inputs",
    [
        # seconds long: how far it is, is told twice a second, and it is to be told to stop well before its end
        {"cells": 8, "equilibration": 1000, "steps": 4000, "frames": 20},
        {"system": "tension", "length": 10, "width": 8, "equilibration": 500, "frames": 20, "strain_rate": 0.01},
    ],
    ids=["melt", "tension"],
)
def test_told_to_stop_it_goes_on_from_its_restart_file_as_if_nothing_had_been(inputs: dict[str, Any], lammps: Works) -> None:
    work = lammps(inputs, cluster=True, checkpoints=True)
    work.pause(0.1)
    assert work.events()[-1]["event"] != "final"
    before = work.fraction()
    assert 0.1 <= before < 1
    ran = work.run()
    assert ran.final["state"] == "completed", ran.final
    after = [
        one["data"]["fraction"] for one in ran.events if one["event"] == "progress" and one["data"].get("fraction") is not None
    ]
    assert after == sorted(after)
    assert ran.final["results"]["steps"] == 5000 if "cells" in inputs else 4500
    assert len(list(ran.work.glob("*.restart"))) == 2
    figure = work.report("stress" if "system" in inputs else "energy")
    x = values(figure["data"][0]["x"])
    assert (np.diff(x) >= 0).all()  # one curve, without a gap and without a step back
    if "system" in inputs:
        # the strain goes on from where it was
        assert x[-1] == pytest.approx(20, abs=0.2)
        assert np.diff(x).max() < 0.5
    else:
        assert abs(ran.final["results"]["energy_drift"]) < 1e-3
    assert progress_of(ran)[-1]["frames"] == 21


@pytest.mark.parametrize(
    "text, words",
    [
        (BEGIN + "mas 1 1\n", ["LAMMPS: Unknown command: mas 1 1 (job.in, line 6: mas 1 1). Look for a misspelt command"]),
        (
            "units metal\nread_data cu.data\n",
            ["(job.in, line 2: read_data cu.data)", "cu.data is not among the run's files (job.in)"],
        ),
        (
            BEGIN + "mass 1 63\npair_style eam\npair_coeff * * CU_u3.eam\n",
            ["cannot open eam potential file CU_u3.eam", "(job.in, line 8: ", "LAMMPS comes with Cu_u3.eam"],
        ),
        (
            BEGIN + "pair_style lj/cut 2.5\npair_coeff * * 1 1\nrun 1\n",
            ["Not all per-type masses are set", "line 8: run 1", "Add a mass"],
        ),
        (WHOLE + "timestep 0.2\nrun 1000\n", ["Lost atoms", "(job.in, line 13: run 1000)", "too fast for the time step"]),
    ],
    ids=["command", "data", "potential", "mass", "lost"],
)
def test_a_script_that_fails_says_why_where_and_what_to_do(text: str, words: list[str], lammps: Works, tmp_path: Path) -> None:
    script = tmp_path / "job.in"
    script.write_text(text)
    final = lammps({"script": "job.in"}, [script]).run().final
    assert final["state"] == "failed"
    assert final["cause"] == ("exit" if "Lost atoms" in words else "input")
    for some in words:
        assert some in final["reason"]


def test_an_error_on_several_tasks_is_told_once(lammps: Works, tmp_path: Path) -> None:
    script = tmp_path / "job.in"
    script.write_text(BEGIN + "mas 1 1\n")
    final = lammps({"script": "job.in"}, [script], tasks=2).run().final
    assert (final["state"], final["cause"]) == ("failed", "input")
    assert final["reason"].startswith("LAMMPS: Unknown command: mas 1 1 (job.in, line 6: mas 1 1).")


def test_a_script_with_a_loop_and_files_of_its_own_shows_its_frames_and_every_curve(lammps: Works, tmp_path: Path) -> None:
    script, force = tmp_path / "in.loop", tmp_path / "force.inc"
    force.write_text("pair_style lj/cut 2.5\npair_coeff * * 1 1\n")
    script.write_text(
        BEGIN + "mass 1 1\ninclude force.inc\nvelocity all create 1 4\nfix 1 all nve\nthermo 10\nthermo_style yaml\n"
        "dump a all atom 50 shot.*.dump\nlabel again\nvariable i loop 3\nrun 50\nnext i\njump SELF again\n"
    )
    work = lammps({"script": "in.loop"}, [script, force])
    ran = work.run()
    assert ran.final["state"] == "completed", ran.final
    assert ran.final["results"]["steps"] == 150
    assert progress_of(ran)[-1] | {"usage": None} == progress_of(ran)[-1] | {"frames": 4, "usage": None}
    assert work.report("particles", 3)["layout"]["title"]["text"] == "Step 150 · 256 atoms"
    assert values(work.report("temperature")["data"][0]["x"]).tolist()[-1] == 150
    assert {one["name"] for one in work.report("stress")["data"]} >= {"pressure"}


def test_the_check_finds_what_is_wrong_without_a_step(lammps: Works, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.in", tmp_path / "bad.in"
    good.write_text(WHOLE + "run 100000000\n")
    bad.write_text(WHOLE + "run 100000000\nfix 2 all nvt temp 1 1\n")
    ran = lammps({"script": "good.in"}, [good], "check").run()
    assert ran.final["state"] == "completed", ran.final
    assert ran.final["results"]["steps"] == 0
    assert ran.final["results"]["potential_energy"] == pytest.approx(-6.7733681, abs=1e-6)  # of the perfect lattice
    assert len(values(ran.report("start")["data"][0]["x"])) == 256
    final = lammps({"script": "bad.in"}, [bad], "check").run().final
    assert "(bad.in, line 13: fix 2 all nvt temp 1 1)" in final["reason"]
    own = lammps({}, model="check").run().final
    assert (own["state"], own["warnings"]) == ("completed", [])
