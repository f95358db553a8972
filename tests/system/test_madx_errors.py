"""What goes wrong in a job is told in MAD-X's words, with the line that it belongs to and the next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.madx_environment import DATA, Ran, Runs
from tests.system.targets import on_each_target

pytestmark = [pytest.mark.madx, on_each_target]

RING = (DATA / "thin.madx").read_text()


@pytest.fixture
def run_job(madx_python: Path, run_code: Runs, tmp_path: Path) -> Runs:
    def run(text: str, model: str = "twiss") -> Ran:
        job = tmp_path / "job.madx"
        job.write_text(text)
        return run_code(madx_python, "madx", model, files=[job])

    return run


@pytest.mark.parametrize(
    "text, words",
    [
        (
            'title, "x";\ncall, file="ring.seq";\n',
            [
                'MAD-X: cannot open input file: ring.seq (job.madx, line 2: call, file="ring.seq";).',
                "not among the run's files (job.madx)",
            ],
        ),
        (
            "q1: quadrupole, l=0.3, k1=0.5\nq2: quadrupole, l=0.3;\n",
            ["MAD-X: illegal format near: k1 (job.madx, line 2: q2: quadrupole, l=0.3;)", "missing semicolon"],
        ),
        ("q1: quadrupol, l=0.3;\n", ["MAD-X: unknown class type: quadrupol (job.madx, line 1:", "misspelt"]),
        (
            RING.replace("sin(pi/6)", "1.1"),
            [
                "TWISS failed: TWCPIN: ",
                "unstable for delta(p)/p",
                "(job.madx, line 11: twiss;)",
                "|trace| of the one-turn matrix is above 2",
            ],
        ),
        (
            RING.replace("use, sequence=ring", "use, sequence=rign"),
            ["needs a twiss statement that succeeds", "sequence not active, Twiss ignored (job.madx, line 11: twiss;)"],
        ),
        (RING.replace("beam,", "!"), ["sequence without beam: ring (job.madx, line 10", "Put a beam statement before"]),
        ("a = 1;\n", ["no Twiss table came of it"]),
        ("", ["no Twiss table came of it"]),
        (
            "q: quadrupole, l=2;\nr: sequence, l=3;\nq, at=1;\nq, at=2;\nendsequence;\nbeam;\nuse, sequence=r;\n",
            ["negative drift between elements q:1 and q:2", "(job.madx, line 7: use, sequence=r;)", "Two elements overlap"],
        ),
    ],
    ids=["missing-file", "syntax", "unknown-class", "unstable", "unknown-sequence", "no-beam", "no-twiss", "empty", "overlap"],
)
def test_a_job_that_fails_says_why_where_and_what_to_do(text: str, words: list[str], run_job: Runs) -> None:
    ran = run_job(text)
    assert ran.final["state"] == "failed"
    for some in words:
        assert some in ran.final["reason"]


def test_warnings_of_a_job_that_succeeds_come_along_with_their_lines(run_job: Runs) -> None:
    ran = run_job(RING.replace("beam,", "a = (3+4;\nbeam,"))
    assert ran.final["state"] == "completed"
    assert ran.final["warnings"] == ["MAD-X warning: illegal expression set to 0 in: a = ( 3 + 4 (job.madx, line 9: a = (3+4;)"]


def test_a_last_statement_without_a_semicolon_is_told_although_mad_x_says_nothing(run_job: Runs) -> None:
    ran = run_job(RING.rstrip().rstrip(";"))
    assert ran.final["state"] == "failed"
    assert any("line 11: this last statement has no semicolon" in warning for warning in ran.final["warnings"])


@pytest.mark.parametrize(
    "signal, words", [("ABRT", "MAD-X crashed with SIGABRT"), ("SEGV", "MAD-X: memory access outside program range")]
)
def test_a_job_that_crashes_mad_x_is_told_with_its_place(signal: str, words: str, run_job: Runs) -> None:
    ran = run_job(RING + f'system, "kill -{signal} $PPID";\n')
    assert ran.final["state"] == "failed"
    assert f'{words} (job.madx, line 12: system, "kill -{signal} $PPID";)' in ran.final["reason"]


def test_a_ring_that_cannot_be_is_refused_before_mad_x_starts(madx_python: Path, run_code: Runs) -> None:
    ran = run_code(madx_python, "madx", "twiss", {"dipole_length": 5.0})
    assert ran.final["state"] == "failed"
    assert ran.final["reason"].startswith("The cell is too short: half of it (4 m) has room for a dipole of 3.2")


@pytest.mark.parametrize("text, words", [("a=1;\n", "no sequence in use"), (RING.replace("sin(pi/6)", "1.1"), "unstable")])
def test_tracking_through_nothing_or_an_unstable_ring_is_refused_in_words(text: str, words: str, run_job: Runs) -> None:
    ran = run_job(text, "track")
    assert ran.final["state"] == "failed"
    assert words in ran.final["reason"]
