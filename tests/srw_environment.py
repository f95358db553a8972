"""Fixtures for tests with the real SRW: its environment (made once by the installer, then kept), and inputs as a form fills them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import code_toml, install
from simyard.config import Config
from tests.lammps_environment import Work

ROOT = Path(__file__).parent.parent
#: Stays between test sessions; workers wait for the one that makes it.
HOME = ROOT / ".venv-codes"
SRW = ROOT / "src" / "simyard" / "codes" / "srw"
#: A code's modules import each other by name, as they do in the job cmd.
sys.path.append(str(SRW))

Inputs = Callable[..., dict[str, Any]]
Asked = Callable[[str], Any]
Beams = Callable[..., Work]


@pytest.fixture(scope="session")
def srw_python() -> Path:
    """The Python that has srwpy, in a folder of this checkout."""
    return install.install(Config(home=HOME), code_toml.read(SRW), print)


@pytest.fixture(scope="session")
def srw_inputs() -> Inputs:
    """All inputs, with their defaults where nothing else is said: what `prepare` gets."""
    declared = code_toml.read(SRW)
    return lambda **given: declared.values(given)


@pytest.fixture
def ask_srw(srw_python: Path, tmp_path: Path) -> Asked:
    """Runs Python lines with srwpy, numpy as np and the code's modules at hand, which print one JSON value: that value."""

    def ask(lines: str) -> Any:
        head = f"import json, sys\nimport numpy as np\nsys.path.append({str(SRW)!r})\n"
        said = subprocess.run(
            [srw_python, "-c", head + lines], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=100
        )
        return json.loads(said.stdout.splitlines()[-1])

    return ask


@pytest.fixture
def whole_beam(srw_python: Path, tmp_path: Path) -> Beams:
    """Prepares a run of the whole beam: (inputs, tasks, more keys of run.json) -> Work."""

    def make(inputs: dict[str, Any], tasks: int = 1, **more: Any) -> Work:
        number = len([one for one in tmp_path.iterdir() if one.name.startswith("run")])
        return Work(srw_python, SRW, tmp_path / f"run{number}", inputs, (), "electrons", tasks, more)

    return make
