"""Packages that come as source: which of the files in a folder are such, and what they are built with."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from pathlib import Path

from simyard.codes.install_words import InstallError

_SUFFIXES = (".tar.gz", ".zip")
#: What one is built with that does not say so (as pip has it).
_DEFAULT = ("setuptools>=40.8.0",)
#: The most that is read of where it does (bytes).
_MAX = 1 << 20


def among(folder: Path) -> list[Path]:
    """The sources there."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIXES))


def build_requires(source: Path) -> list[str]:
    """What it says that it is built with; nothing of it is executed. Raises InstallError where that cannot be read."""
    try:
        text = _from_zip(source) if source.suffix == ".zip" else _from_tar(source)
        told = tomllib.loads(text.decode()).get("build-system", {}).get("requires", _DEFAULT)
        return [str(one) for one in told]
    except (OSError, EOFError, ValueError, AttributeError, TypeError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise InstallError("odd-source", f"What {source.name} is built with cannot be read from it: {error}") from None


def _from_tar(source: Path) -> bytes:
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isfile() and _is_its(member.name):
                file = archive.extractfile(member)
                return file.read(_MAX) if file is not None else b""
    return b""


def _from_zip(source: Path) -> bytes:
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if _is_its(name):
                with archive.open(name) as file:
                    return file.read(_MAX)
    return b""


def _is_its(name: str) -> bool:
    """Whether it is the pyproject.toml of the package itself."""
    return name.endswith("/pyproject.toml") and name.count("/") == 1
