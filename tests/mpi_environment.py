"""Fixtures for tests with a parallel code: an environment with mpi4py and an MPI of its own (made once by the installer, then kept)."""

from __future__ import annotations

from pathlib import Path

import pytest

from simyard.codes import code_toml, install
from simyard.config import Config

ROOT = Path(__file__).parent.parent
#: Stays between test sessions.
HOME = ROOT / ".venv-codes"
CODES = ROOT / "tests" / "system" / "codes-mpi"
HEAT = CODES / "heat"
#: The wheels of MPICH that PyPI has know Slurm's PMI 2, whatever its MpiDefault is.
LAUNCHER = ("srun", "--mpi=pmi2")


@pytest.fixture(scope="session")
def mpi_python() -> Path:
    """The Python that has mpi4py, in a folder of this checkout; MPICH's `mpirun` is beside it."""
    return install.install(Config(home=HOME), code_toml.read(HEAT), print)
