"""The commands that the documentation gives are run as they stand there, in the order in which a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.madx_environment import DATA
from tests.slurm_site import Site
from tests.system.page_kit import install_madx
from tests.unit.test_docs import blocks

#: A page is many commands, each of which starts something.
pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CLIENT = DOCS / "how-to" / "use-from-python.md"
#: In the one example there that wants a cluster.
ON_CLUSTER = "client.login("
#: What a reader does once and a test does by itself.
NOT_HERE = ("make up", "source .venv/bin/activate", "simyard code install madx", "simyard doctor", "simyard target check")


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

    def type(self, command: str, typed: str = "") -> str:
        """What a command says to whom it asks nothing, or who types that."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            input=f"{typed}\n",
            start_new_session=True,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def commands(self, page: Path) -> list[str]:
        """What the page says to do."""
        lines = [line for _, block in blocks(page, "sh") for line in block.splitlines()]
        return [line for line in lines if line.strip() and not line.startswith(NOT_HERE)]

    def read(self, page: Path) -> list[str]:
        """Do what the page says; answers with what each command said."""
        return [self.type(command) for command in self.commands(page)]


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
    # the page makes a folder in the reader's home
    reader.environment["HOME"] = str(reader.folder)
    page = DOCS / "how-to" / "add-a-code.md"
    made, up, elsewhere, run = (block.strip() for _, block in blocks(page, "sh"))
    for command in made.splitlines():
        reader.type(command)
    assert "--target" in elsewhere  # needs a cluster: tests/system/test_code_targets.py
    reader.type(f"simyard down; {up} --detach --port 0")
    assert "largest angle" in reader.type(run)


def test_the_examples_of_the_client_run(reader: Reader) -> None:
    for line, code in blocks(CLIENT, "python"):
        if ON_CLUSTER not in code:
            (reader.folder / f"line{line}.py").write_text(code)
            assert "completed" in reader.type(f"{sys.executable} line{line}.py")


@pytest.mark.slurm
@pytest.mark.xdist_group("slurm")
@pytest.mark.timeout(900)
def test_what_the_pages_say_of_clusters_works(pool: Site, tmp_path: Path) -> None:
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    (home / "simyard.toml").write_text(pool.section(host="pool-by-password"))
    reader = Reader(tmp_path, home)
    reader.type("simyard up --detach --port 0")
    try:
        # a password is asked for, and here typed into standard input
        ((line, code),) = [block for block in blocks(CLIENT, "python") if ON_CLUSTER in block[1]]
        (tmp_path / f"line{line}.py").write_text(code)
        assert "completed" in reader.type(f"{sys.executable} line{line}.py", pool.account.password)
        page = DOCS / "how-to" / "use-a-slurm-cluster.md"
        assert "frames = 60" in "".join(reader.type(f"{command} --wait") for command in reader.commands(page))
    finally:
        reader.type("simyard down --stop-runs")
        pool.clear()
