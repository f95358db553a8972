"""Fixtures for tests with the real LAMMPS: its environment (made once by the installer, then kept), and LAMMPS used directly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import install, registry
from simyard.config import Config
from simyard.job_cmd import runner
from tests.madx_environment import Ran, _serve, make_run

ROOT = Path(__file__).parent.parent
#: Stays between test sessions, and is shared by those that run at the same time: the installer lets one in after the other.
HOME = ROOT / ".venv-codes"
LAMMPS = ROOT / "src" / "simyard" / "codes" / "lammps"
#: Its modules are no part of the package: a code is a folder that the job cmd loads.
sys.path.append(str(LAMMPS))

Direct = Callable[[Path], str]
Told = dict[str, Any]


@pytest.fixture(scope="session")
def lammps_python() -> Path:
    """The Python that has LAMMPS: what `simyard code install lammps` makes, in a folder of this checkout."""
    config = Config(home=HOME)
    return install.install(config, registry.load(config).code("lammps"), print)


@pytest.fixture
def lmp(lammps_python: Path) -> Direct:
    """LAMMPS as anybody would start it: runs a script in the script's folder, and returns what it printed."""

    def run(script: Path) -> str:
        program = lammps_python.parent / "lmp"
        libraries = {"LD_LIBRARY_PATH": str(lammps_python.parent.parent / "lib"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [program, "-in", script.name], cwd=script.parent, env={**os.environ, **libraries}, check=True, capture_output=True, text=True,
            timeout=100,
        )  # fmt: skip
        return done.stdout

    return run


class Work:
    """A run of the code in that folder, in a directory of its own, through `runner.py run`."""

    def __init__(
        self, python: Path, folder: Path, directory: Path, inputs: Told, files: Sequence[Path], model: str, tasks: int, more: Told
    ) -> None:
        self.python, self.folder, self.directory = python, folder, directory
        first = "start" if model == "check" else ""
        make_run(folder, directory, model, inputs, files, cores=tasks, tasks=tasks, first_report=first, **more)
        self.command = [str(python), runner.__file__, "run", str(directory)]

    def run(self) -> Ran:
        subprocess.run(self.command, check=True, timeout=110)
        events = self.events()
        assert events[-1]["event"] == "final"
        return Ran(self.directory, events[-1]["data"], events, (self.directory / "run.log").read_text(errors="replace"))

    def pause(self, fraction: float) -> None:
        """Runs until it has started and so much is done, then tells it that its time is nearly over, as a cluster does, and waits for its end."""
        with subprocess.Popen(self.command) as process:
            try:
                limit = time.monotonic() + 60
                while self.fraction() < fraction or not any(one["event"] == "started" for one in self.events()):
                    assert process.poll() is None, "it ended before it was told to"
                    assert time.monotonic() < limit, "it came no further"
                    time.sleep(0.02)
                process.send_signal(signal.SIGUSR1)
                process.wait(60)
            finally:
                process.kill()

    def events(self) -> list[Told]:
        path = self.directory / "events.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def fraction(self) -> float:
        told = [one["data"].get("fraction") for one in self.events() if one["event"] == "progress"]
        return float(next((one for one in reversed(told) if one is not None), 0))

    def report(self, name: str, frame: int = -1) -> Told:
        """A report, made as agents have it made."""
        asked = {
            "id": 1,
            "do": "report",
            "dir": str(self.directory),
            "report": name,
            "frame": frame,
            "seconds": 60,
            "memory": 2 << 30,
        }
        _serve(self.python, self.folder, [asked])
        path = self.directory / "reports" / (f"{name}.json" if frame < 0 else f"{name}.{frame}.json")
        figure: Told = json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        return figure


Works = Callable[..., Work]


@pytest.fixture
def lammps(lammps_python: Path, tmp_path: Path) -> Works:
    """Prepares a run: (inputs, files, model, tasks, more keys of run.json) -> Work."""

    def make(inputs: Told, files: Sequence[Path] = (), model: str = "dynamics", tasks: int = 1, **more: Any) -> Work:
        number = len([one for one in tmp_path.iterdir() if one.name.startswith("run")])
        return Work(lammps_python, LAMMPS, tmp_path / f"run{number}", inputs, files, model, tasks, more)

    return make
