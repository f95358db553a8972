"""The modules of the codes, which are no part of the package: a code is a folder that the job cmd loads."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import Declaration

CODES = Path(__file__).parents[3] / "src" / "simyard" / "codes"
sys.path.append(str(CODES / "madx"))
sys.path.append(str(CODES / "xsuite"))


@pytest.fixture
def grayscott_code() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grayscott_code", CODES / "grayscott" / "code.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def grayscott() -> Declaration:
    return code_toml.read(CODES / "grayscott")


@pytest.fixture
def madx() -> Declaration:
    return code_toml.read(CODES / "madx")


class FakeRun:
    """What a code is given by the job cmd, without the job cmd."""

    def __init__(self, folder: Path, model: str, inputs: dict[str, Any]) -> None:
        self.id = "01J00000000000000000000RVN"
        self.model = model
        self.inputs = inputs
        self.dir = str(folder)
        self.run_dir = str(folder.parent)
        self.files: list[str] = []
        self.exit_code: int | None = None
        self.signal: str | None = None
        self.told: list[dict[str, Any]] = []

    def progress(self, **told: Any) -> None:
        self.told.append(told)


@pytest.fixture
def fake_run() -> type[FakeRun]:
    return FakeRun
