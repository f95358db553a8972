"""Jobs with mistakes, given to MAD-X at the terminal: the run fails in MAD-X's words, with the line and the next step, and nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.madx_environment import DATA, HOME
from tests.system.bad_input_kit import condition, nothing_runs_of
from tests.system.page_kit import Yard
from tests.system.targets import LOCAL, SIMYARD, Target, on_each_target

pytestmark = [pytest.mark.madx, pytest.mark.timeout(300), on_each_target]
FAILED, REFUSED = 1, 4


@pytest.fixture(scope="module")
def yard(madx_python: Path, tmp_path_factory: pytest.TempPathFactory, target: Target) -> Iterator[Yard]:
    assert madx_python.is_relative_to(HOME)
    folder = tmp_path_factory.mktemp("m")
    (folder / "codes").mkdir()
    made = Yard(folder / "h", folder / "codes", target)
    if target is LOCAL:
        (made.home / "envs").symlink_to(HOME / "envs")
    with made:
        yield made


def run(yard: Yard, model: str, *files: Path, more: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit status and words of `simyard run madx --wait`."""
    named = [word for file in files for word in ("--file", str(file))]
    command: list[str | Path] = [SIMYARD, "--home", yard.home, "run", "madx", "--model", model, *named, "--wait", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "lines, words",
    [
        (
            'call, file="ring.seq";\n',
            ["cannot open input file: ring.seq (job.madx, line 1", "not among the run's files (job.madx)"],
        ),
        (
            "q1: quadrupole, l=0.3, k1=0.5\nq2: quadrupole, l=0.3;\n",
            ["illegal format near: k1 (job.madx, line 2", "missing semicolon"],
        ),
        ("", ["no Twiss table came of it"]),
    ],
    ids=["a file that is called and is not there", "broken syntax", "an empty job"],
)
def test_a_job_with_a_mistake_fails_with_its_line_and_the_next_step(
    yard: Yard, tmp_path: Path, lines: str, words: list[str]
) -> None:
    job = tmp_path / "job.madx"
    job.write_text(lines)
    status, said = run(yard, "twiss", job)
    assert status == FAILED, said
    for some in words:
        assert some in said
    newest = next(yard.client.runs())
    assert newest.state == "failed"
    nothing_runs_of(newest.id)


def test_a_job_that_is_not_text_or_not_there_is_refused_or_fails_in_words(yard: Yard, tmp_path: Path) -> None:
    job = tmp_path / "job.madx"
    job.write_bytes(os.urandom(2000))
    status, said = run(yard, "twiss", job)
    assert status == FAILED, said
    before = condition(yard).runs
    status, said = run(yard, "twiss", tmp_path / "nothing.madx")
    assert (status, "No such file" in said) == (REFUSED, True), said
    status, said = run(yard, "twiss", more=("--set", "energy=-1"))
    assert (status, "below the smallest allowed value" in said) == (REFUSED, True), said
    assert condition(yard).runs == before


def test_and_the_next_job_completes_as_if_nothing_had_been(yard: Yard, tmp_path: Path) -> None:
    files = [DATA / name for name in ("fodo.madx", "fodo.seq", "fodo.str")]
    status, said = run(yard, "twiss", *files, more=("--out", str(tmp_path / "out"), "--json"))
    assert status == 0, said
    assert json.loads(said)["state"] == "completed"
    assert (tmp_path / "out" / "twiss.tfs").exists()
