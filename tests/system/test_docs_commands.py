"""The commands that the documentation gives are run as they stand there, in the order in which a reader would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.madx_environment import DATA
from tests.system.page_kit import install_madx
from tests.unit.test_docs import blocks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: What a reader does once and a test does by itself.
NOT_HERE = ("make up", "source .venv/bin/activate", "simyard code install madx", "simyard doctor")


class Reader:
    """Types the commands of a page into a shell, in a folder of their own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "SIMYARD_HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "BROWSER": "true",
        }

    def type(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def read(self, page: Path) -> list[str]:
        """Do what the page says; answers with what each command said."""
        return [
            self.type(command)
            for _, block in blocks(page, "sh")
            for command in block.splitlines()
            if command.strip() and not command.startswith(NOT_HERE)
        ]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    home, folder = tmp_path / "h", tmp_path / "reader"
    home.mkdir(mode=0o700)
    folder.mkdir()
    install_madx(home)
    one = Reader(folder, home)
    one.type("simyard up --detach --port 0")
    try:
        yield one
    finally:
        one.type("simyard down --stop-runs")


def test_the_tutorial_works_as_it_is_written(reader: Reader) -> None:
    said = "".join(reader.read(DOCS / "tutorial.md"))
    assert "tune_x = 5.2" in said
    assert "An identical run has completed" in said
    assert (reader.folder / "optics" / "twiss.tfs").exists()
    assert "Plotly.newPlot" in (reader.folder / "optics.html").read_text("utf-8")


def test_a_madx_job_runs_as_the_page_says(reader: Reader) -> None:
    page = DOCS / "how-to" / "run-a-madx-job.md"
    # the page names a machine of its own; its place is taken by one that the tests bring
    for name in ("booster.madx", "booster.seq", "Booster-Optics.str"):
        (reader.folder / name).symlink_to(DATA / name)
    said = "".join(reader.read(page))
    assert (reader.folder / "results" / "twiss.tfs").exists()
    assert "tune_x" in said


def test_what_to_do_when_something_is_wrong_can_be_done(reader: Reader) -> None:
    reader.type("simyard run grayscott --model preview --example tiny --wait")
    assert "It has completed." in "".join(reader.read(DOCS / "how-to" / "find-out-what-is-wrong.md"))


def test_a_code_of_ones_own_is_made_as_the_page_says(reader: Reader) -> None:
    page = DOCS / "how-to" / "add-a-code.md"
    first, second = (block for _, block in blocks(page, "sh"))
    for command in first.splitlines():
        reader.type(command)
    home = Path(reader.environment["SIMYARD_HOME"])
    (home / "simyard.toml").write_text(f"codes_path = [{json.dumps(str(reader.folder / 'codes'))}]\n")
    reader.type("simyard down; simyard up --detach --port 0")
    assert "largest angle" in reader.type(second)


def test_the_examples_of_the_client_run(reader: Reader) -> None:
    for line, code in blocks(DOCS / "how-to" / "use-from-python.md", "python"):
        (reader.folder / f"line{line}.py").write_text(code)
        assert "completed" in reader.type(f"{sys.executable} line{line}.py")
