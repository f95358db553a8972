"""Packages for another machine than this one, which cannot fetch them itself: as wheels, checked against the code's lock."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from simyard.codes.declaration import Declaration
from simyard.codes.environment import LOCK
from simyard.codes.install import uv_there
from simyard.codes.install_words import InstallError, explain

#: Wheels for older C libraries than this are named by these.
_OLD = {"x86_64": ("manylinux2014", "manylinux2010", "manylinux1"), "aarch64": ("manylinux2014",)}
_OLDEST_GLIBC = 5
_PLATFORM = re.compile(r"([A-Za-z0-9_]{1,30})-glibc-2\.([0-9]{1,3})")
_PYTHON = re.compile(r"3\.[0-9]{1,3}")


def platforms(told: str) -> tuple[str, ...]:
    """The tags of the wheels that run on a machine that tells itself so (`x86_64-glibc-2.36`). Raises InstallError for what is not known."""
    found = _PLATFORM.fullmatch(told)
    if found is None:
        raise InstallError(
            "odd-platform",
            f"What it needs cannot be fetched here for a machine that calls itself {told[:60]!r}: wheels are made for Linux with glibc. "
            "Make an environment there by hand, and name its Python in the cluster's section of simyard.toml.",
        )
    machine, minor = found[1], int(found[2])
    new = [f"manylinux_2_{each}_{machine}" for each in range(minor, _OLDEST_GLIBC - 1, -1)]
    return (*new, *(f"{old}_{machine}" for old in _OLD.get(machine, ())), f"linux_{machine}")


def fetch(code: Declaration, python: str, platform: str, folder: Path, tell: Callable[[str], None]) -> list[Path]:
    """Have in `folder` the wheels of all that the code requires, for that Python (`3.11.2`) and machine, and a pip to install them with.
    Raises InstallError in words."""
    found = _PYTHON.match(python)
    if found is None:
        raise InstallError("odd-platform", f"The Python there calls itself {python[:40]!r}, and wheels are for Python 3.")
    tags = platforms(platform)
    common = [
        *_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "--dest", str(folder),
        "--implementation", "cp", "--python-version", found[0], *(word for tag in tags for word in ("--platform", tag)),
    ]  # fmt: skip
    lock = code.folder / LOCK
    wanted = ["--require-hashes", "--no-deps", "-r", str(lock)] if lock.is_file() else list(code.requires)
    for what, words in ((wanted, ", ".join(code.requires)), (["--no-deps", "pip"], "pip")):
        if what:
            tell(f"Fetching {words} here, for Python {found[0]} on {platform} …")
            _run([*common, *what])
    return sorted(folder.glob("*.whl"))


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = uv_there()
    if uv is None:
        raise InstallError(
            "no-pip", "There is neither pip nor uv here to fetch packages with. Install one of them beside Simyard."
        )
    return [uv, "run", "--quiet", "--no-project", "--with", "pip", "--python", sys.executable, "python", "-m", "pip"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True, errors="replace")
    if done.returncode:
        raise explain(command, done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()])
