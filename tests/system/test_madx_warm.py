"""A run in a fork of a warm MAD-X, as agents make them, says and gives what a run with a MAD-X of its own does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.madx_environment import DATA, Ran, Runs
from tests.system.targets import on_each_target

pytestmark = pytest.mark.madx

RING = (DATA / "thin.madx").read_text()
#: What MAD-X says of one stretch of tracking, again and again.
STRETCHES = re.compile(r"(enter TRACK module\n(?:.*\n)*?exit TRACK module\n\n)\1+")

BothWays = Callable[..., tuple[Ran, Ran]]


@pytest.fixture
def both_ways(madx_python: Path, run_code: Runs, tmp_path: Path) -> BothWays:
    """Runs a job (text; None: the ring that Simyard makes) cold and warm, sees that both say the same, returns both."""

    def run(text: str | None, model: str = "twiss", inputs: dict[str, object] | None = None) -> tuple[Ran, Ran]:
        job = tmp_path / "job.madx"
        if text is not None:
            job.write_text(text)
        cold, warm = (
            run_code(madx_python, "madx", model, inputs, [] if text is None else [job], warm=warm) for warm in (False, True)
        )
        for part in ("state", "reason", "cause", "warnings", "results", "report"):
            assert warm.final[part] == cold.final[part]
        assert warm.final["usage"]["exit_code"] == cold.final["usage"]["exit_code"]
        assert undated(warm.log) == undated(cold.log)
        return cold, warm

    return run


def undated(log: str) -> list[str]:
    """The log without its date, and without how many stretches the turns were tracked in, which is a matter of how fast it went."""
    lines = STRETCHES.sub(r"\1", log).splitlines()
    assert sum("Execution date: " in line for line in lines) == 1
    return [line for line in lines if "Execution date: " not in line]


@on_each_target
@pytest.mark.parametrize(
    "text, words",
    [
        ('title, "x";\ncall, file="ring.seq";\n', 'cannot open input file: ring.seq (job.madx, line 2: call, file="ring.seq";)'),
        ("q1: quadrupole, l=0.3, k1=0.5\nq2: quadrupole, l=0.3;\n", "illegal format near: k1 (job.madx, line 2"),
        (RING.replace("sin(pi/6)", "1.1"), "unstable for delta(p)/p"),
        (RING.replace("beam,", "!"), "sequence without beam: ring (job.madx, line 10"),
        ("a = 1;\n", "no Twiss table came of it"),
    ],
    ids=["missing-file", "syntax", "unstable", "no-beam", "no-twiss"],
)
def test_a_job_that_fails_is_explained_alike_warm_and_cold(text: str, words: str, both_ways: BothWays) -> None:
    _, ran = both_ways(text)
    assert ran.final["state"] == "failed"
    assert words in ran.final["reason"]


@on_each_target
def test_warnings_have_their_lines_warm_and_cold(both_ways: BothWays) -> None:
    _, ran = both_ways(RING.replace("beam,", "a = (3+4;\nbeam,"))
    assert ran.final["state"] == "completed"
    assert ran.final["warnings"] == ["MAD-X warning: illegal expression set to 0 in: a = ( 3 + 4 (job.madx, line 9: a = (3+4;)"]


@on_each_target
def test_the_ring_that_simyard_makes_has_the_same_optics_warm_and_cold(both_ways: BothWays) -> None:
    assert both_ways(None)[1].final["state"] == "completed"


def test_a_log_is_the_same_in_however_many_stretches_it_was_tracked() -> None:
    stretch = "enter TRACK module\none pass is on\nexit TRACK module\n\n"
    said = "Execution date: today\ntwiss;\n{}\n  Number of warnings: 0\n"
    once = undated(said.format(stretch))
    assert undated(said.format(stretch * 3)) == once
    assert "one pass is on" in once
    assert undated(said.format("")) != once
    assert undated(said.format(stretch + stretch.replace("one pass", "no pass"))) != once


@on_each_target
def test_random_numbers_and_tracking_are_the_same_warm_and_cold(both_ways: BothWays) -> None:
    job = RING.replace("twiss;", "select, flag=error, pattern=qf;\nefcomp, order=0, dkn:={0, 1e-5*gauss()};\ntwiss;")
    assert job != RING
    ran = both_ways(job, "track", {"turns": 50, "frames": 2, "particles": 4})
    assert ran[1].final["state"] == "completed", ran[1].final
    cold, warm = (sorted((one.work / "simyard" / "frames").iterdir()) for one in ran)
    for one, other in zip(cold, warm, strict=True):
        assert np.array_equal(np.load(one), np.load(other), equal_nan=True)
