"""The packages of an image's interpreters: chosen and checked on this machine, for the Python of the image, and laid out as they are in use there."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from simyard.codes.install import uv_there
from simyard.drivers.base import DriverError
from simyard.drivers.docker import layout, rootfs

#: The Python of the base image, whose packages are chosen from here.
PYTHON = "3.11"
#: What packages bring beside their modules: an installer that is given one folder for all puts these among the modules.
_BESIDE = ("bin", "etc", "include", "lib", "share")


def put(env: Path, name: str, wanted: Iterable[list[str]]) -> None:
    """Make the environment called `name` in the folder `env`, with packages as `pip install` is told of them (`wanted`), for use at its
    place in an image. Raises DriverError where they cannot be had, or would not run there."""
    site = env / "lib" / f"python{PYTHON}" / "site-packages"
    site.mkdir(parents=True)
    (env / "bin").mkdir()
    for link, to in (
        (env / "bin" / "python", layout.PYTHON),
        (env / "bin" / "python3", "python"),
        (env / "bin" / f"python{PYTHON}", "python"),
        (env / "lib64", "lib"),
    ):
        link.symlink_to(to)
    home = Path(layout.PYTHON).parent
    (env / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\nversion = {PYTHON}\n", "utf-8")
    for what in wanted:
        _install(site, what)
    for path in sorted(site.glob("*.dist-info/WHEEL")):
        refuse_compiled(path.parent.name.removesuffix(".dist-info"), path.read_text("utf-8", "replace"))
    _settle(site, env)
    for_interpreter(env / "bin", layout.interpreter(name))


def refuse_compiled(package: str, wheel: str) -> None:
    """Raises DriverError for a package that was compiled here, for this machine's C library and Python: by its WHEEL file, since wheels
    that others may use have other tags."""
    tags = [line.partition(":")[2].strip() for line in wheel.splitlines() if line.startswith("Tag:")]
    if any(tag.rpartition("-")[2].startswith("linux_") for tag in tags):
        raise DriverError(
            f"{package} has no wheel for Python {PYTHON}: compiled here, it need not run in the image. Pin a version that has one."
        )


def for_interpreter(folder: Path, python: str) -> None:
    """Scripts of Python's in that folder are run by `python` from now on. Files that an installer's cache may share stay as they are."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        old = path.read_bytes()
        new = script_for(old, python)
        if new != old:
            beside = path.with_name(f".{path.name}.new")
            beside.write_bytes(new)
            beside.chmod(path.stat().st_mode)
            beside.replace(path)


def script_for(script: bytes, python: str) -> bytes:
    """The same file with that interpreter, where it is a script of Python's."""
    if not script.startswith(b"#!"):
        return script
    lines = script.split(b"\n")
    # what installers write where the path is too long, or has blanks: a shell reads the first two lines, and Python a text
    if lines[0] == b"#!/bin/sh" and len(lines) > 2 and lines[1].startswith(b"'''exec' "):
        lines[:3] = [f"#!{python}".encode()]
    elif re.search(rb"python[0-9.]*( |$)", lines[0]):
        lines[0] = f"#!{python}".encode()
    return b"\n".join(lines)


def _install(site: Path, what: list[str]) -> None:
    # what is locked may come as source, as some packages of Python alone do: the lock says which
    common = ["--quiet", "--python-version", PYTHON, *([] if "--no-deps" in what else ["--only-binary", ":all:"]), *what]
    if uv := uv_there():
        rootfs.run([uv, "pip", "install", "--target", str(site), *common])
        return
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
        # pip reads the conditions in a lock by the Python that it runs in
        raise DriverError(f"Packages for Python {PYTHON} cannot be chosen by pip of another one: put uv on PATH.")
    pip = [sys.executable, "-m", "pip"]
    with tempfile.TemporaryDirectory() as folder:
        rootfs.run([*pip, "download", "--dest", folder, *common])
        fetched = sorted(str(path) for path in Path(folder).iterdir())
        # without its dependencies: all of them are here
        rootfs.run([
            *pip, "install", "--quiet", "--no-compile", "--no-deps", "--python-version", PYTHON, "--upgrade", "--target", str(site), *fetched,
        ])  # fmt: skip
        for path in sorted(Path(folder).glob("*.whl")):
            _add_libraries(path, site)


def _add_libraries(wheel: Path, site: Path) -> None:
    """Of what a wheel has for the `lib` of an environment, pip leaves nothing in a folder that is given to it."""
    with zipfile.ZipFile(wheel) as packed:
        for one in packed.infolist():
            found = re.fullmatch(r"[^/]+\.data/data/(lib/.+[^/])", one.filename)
            if found and ".." not in found[1].split("/"):
                path = site / found[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(packed.read(one))
                path.chmod(0o755 if one.external_attr >> 16 & 0o100 else 0o644)


def _settle(site: Path, env: Path) -> None:
    """Programs, libraries and other files of packages go where an environment has them."""
    for name in _BESIDE:
        folder = site / name
        if folder.is_dir() and not (folder / "__init__.py").exists():
            # moved, not copied: an installer's cache may share them
            shutil.copytree(folder, env / name, symlinks=True, dirs_exist_ok=True, copy_function=shutil.move)
            shutil.rmtree(folder)
