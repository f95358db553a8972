"""Fixtures for tests with the real LAMMPS: its environment (made once by the installer, then kept), and LAMMPS used directly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simyard.codes import install, registry
from simyard.config import Config

ROOT = Path(__file__).parent.parent
#: Stays between test sessions, and is shared by those that run at the same time: the installer lets one in after the other.
HOME = ROOT / ".venv-codes"
LAMMPS = ROOT / "src" / "simyard" / "codes" / "lammps"
#: Its modules are no part of the package: a code is a folder that the job cmd loads.
sys.path.append(str(LAMMPS))

Direct = Callable[[Path], str]


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
