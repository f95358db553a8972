"""Packages for another machine than this one, which cannot fetch them itself, checked against the code's lock: as wheels, and what has none as the
source that it is, which is built there, with the wheels that this takes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from simyard.codes import pins, sdist
from simyard.codes.declaration import Declaration
from simyard.codes.environment import LOCK
from simyard.codes.install import uv_there
from simyard.codes.install_words import InstallError, explain

#: Wheels for older C libraries than this are named by these.
_OLD = {"x86_64": ("manylinux2014", "manylinux2010", "manylinux1"), "aarch64": ("manylinux2014",)}
_OLDEST_GLIBC = 5
_PLATFORM = re.compile(r"([A-Za-z0-9_]{1,30})-glibc-2\.([0-9]{1,3})")
_PYTHON = re.compile(r"3\.[0-9]{1,3}")
#: Errors that another choice of versions does not mend.
_FINAL = frozenset({"bad-hash", "no-network", "disk-full"})


def platforms(told: str) -> tuple[str, ...]:
    """The tags of the wheels that run on a machine that tells itself so (`x86_64-glibc-2.36`). Raises InstallError for what is not known."""
    machine, minor = _known(told)
    new = [f"manylinux_2_{each}_{machine}" for each in range(minor, _OLDEST_GLIBC - 1, -1)]
    return (*new, *(f"{old}_{machine}" for old in _OLD.get(machine, ())), f"linux_{machine}")


def fetch(code: Declaration, python: str, platform: str, folder: Path, tell: Callable[[str], None]) -> list[Path]:
    """Have in `folder` all that the code requires, for that Python (`3.11.2`) and machine: wheels, the source of what its lock pins and has no
    wheel, with the wheels that this is built with; and a pip to install them with. Raises InstallError in words."""
    found = _PYTHON.match(python)
    if found is None:
        raise InstallError("odd-platform", f"The Python there calls itself {python[:40]!r}, and wheels are for Python 3.")
    tags, machine = platforms(platform), _known(platform)[0]
    there = f"for Python {found[0]} on {platform}"
    download = [
        *_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-input", "--dest", str(folder),
        "--implementation", "cp", "--python-version", found[0], *(word for tag in tags for word in ("--platform", tag)),
    ]  # fmt: skip
    ready = [*download, "--only-binary", ":all:"]
    tell(f"Fetching {', '.join(code.requires)} here, {there} …")
    pinned = ""
    if (code.folder / LOCK).is_file():
        pinned = pins.meant((code.folder / LOCK).read_text("utf-8"), python, machine)
        (folder / LOCK).write_text(pinned, "utf-8")
        _run([*download, "--prefer-binary", "--require-hashes", "--no-deps", "-r", str(folder / LOCK)])
    elif code.requires:
        _run([*ready, *code.requires])
    sources = sdist.among(folder)
    if sources:
        tell(f"{', '.join(source.name for source in sources)}: no wheel {there}. So it is built there.")
    built_with = [one for source in sources for one in pins.chosen(sdist.build_requires(source), python, machine)]
    # what the lock pins is here already
    tools = ["pip", *dict.fromkeys(pins.unmet(built_with, pinned))]
    tell(f"Fetching {', '.join(tools)} here, {there} …")
    try:
        _run([*ready, *tools])
    except InstallError as error:
        if error.code in _FINAL or not tools[1:]:
            raise
        # builds may want versions that do not go together
        for tool in tools:
            _run([*ready, tool])
    return sorted([*folder.glob("*.whl"), *sources])


def _known(told: str) -> tuple[str, int]:
    found = _PLATFORM.fullmatch(told)
    if found is None:
        raise InstallError(
            "odd-platform",
            f"What it needs cannot be fetched here for a machine that calls itself {told[:60]!r}: wheels are made for Linux with glibc. "
            "Make an environment there by hand, and name its Python in the cluster's section of simyard.toml.",
        )
    return found[1], int(found[2])


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
