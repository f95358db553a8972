"""The image that containers are made of: a Debian with Python, the agent, the chosen codes, and an interpreter for each of them.

Nothing is fetched while the image is built: packages are put beside the Dockerfile first, checked against the codes' locks, so
that a build needs no network, and the same inputs make the same files.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import simyard
from simyard import contents
from simyard.codes.declaration import Declaration
from simyard.drivers.base import DriverError
from simyard.drivers.docker import layout, rootfs

#: Its labels: Simyard's version, the agent's (see contents), {code: version} as JSON, and what it was built from (`digest`).
VERSION, AGENT, CODES, CONTENT = "simyard.version", "simyard.agent", "simyard.codes", "simyard.content"
#: The Python of the base image, whose packages are chosen from here.
PYTHON = "3.11"
LOCK = "requirements.lock"

Tell = Callable[[str], None]


def write_context(folder: Path, base: str | Path, agent: Path, codes: Sequence[Declaration], tell: Tell) -> None:
    """Everything that `docker build` needs, in a folder that is empty; `base` is the name of an image, or a tar file of a root
    file system; `agent` is an agent.pyz. Raises DriverError where packages cannot be had."""
    if isinstance(base, Path):
        _place(base.resolve(), folder / "base.tar")
    shutil.copy(agent, folder / "agent.pyz")
    (folder / "codes").mkdir()
    for code in codes:
        shutil.copytree(code.folder, folder / "codes" / code.name, ignore=shutil.ignore_patterns("__pycache__", ".*", "*~"))
    names = sorted({layout.OWN, *(code.python for code in codes if code.python)})
    for name in names:
        site = folder / "site" / name
        site.mkdir(parents=True)
        for what in _requirements(name, codes):
            tell(f"Fetching packages for {name} …")
            _fetch(site, what)
    (folder / "Dockerfile").write_text(dockerfile("" if isinstance(base, Path) else base, names, codes), "utf-8")


def _place(there: Path, here: Path) -> None:
    """One file at two places, or, on another file system, a copy."""
    try:
        os.link(there, here)
    except OSError:
        shutil.copy(there, here)


def dockerfile(base: str, interpreters: Iterable[str], codes: Sequence[Declaration]) -> str:
    """In stages, so that the image has one layer of Simyard's on its base: that image, or "" for the context's base.tar."""
    own = ["FROM scratch AS base", "ADD base.tar /"]
    folder, staged = layout.FOLDER, f"/image{layout.FOLDER}"
    envs = {name: f"{folder}/envs/{name}" for name in interpreters}
    lines = [
        *([] if base else own),
        f"FROM {base or 'base'} AS made",
        # made as if it were in its place, yet in a tree of its own that is copied over the base as a whole: times of folders included
        # (a base that is a Simyard of an older make, or a site's, has such a folder already)
        f"RUN rm -rf {folder} && mkdir -p {staged} && ln -s {staged} {folder}",
        *(f"RUN {layout.PYTHON} -m venv --without-pip {env}" for env in envs.values()),
        *(f"COPY site/{name} /image{env}/lib/python{PYTHON}/site-packages" for name, env in envs.items()),
        f"COPY codes {staged}/codes",
        f"COPY agent.pyz /image{layout.AGENT}",
        # bytecode that does not depend on when it was made, nor on chance
        f"RUN PYTHONHASHSEED=0 {layout.PYTHON} -m compileall -q -j 0 --invalidation-mode unchecked-hash {folder} || true",
        f"RUN cp -pL {layout.PYTHON} {layout.HIDDEN_PYTHON}",
        f"RUN chmod -R a+rX,go-w /image && chmod 0711 {layout.HIDDEN_PYTHON} && find /image -exec touch -h -d @0 {{}} +",
        f"FROM {base or 'base'}",
        "COPY --from=made /image /",
        f"LABEL {VERSION}={simyard.__version__}",
        f"LABEL {AGENT}={contents.on_disk()}",
        f"LABEL {CODES}={json.dumps(json.dumps({code.name: code.version for code in codes}))}",
    ]
    return "\n".join(lines) + "\n"


def digest(context: Path, base: str) -> str:
    """What an image is built from, 12 hex digits: everything in its context, and the id of its `base` ("" for the context's)."""
    total = hashlib.sha256(base.encode())
    for path in sorted(context.rglob("*")):
        if path.is_file():
            total.update(f"\n{path.relative_to(context)} {path.stat().st_mode & 0o100} ".encode())
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:12]


def _requirements(name: str, codes: Sequence[Declaration]) -> list[list[str]]:
    if name == layout.OWN:
        return [[f"numpy=={importlib.metadata.version('numpy')}"]]
    wanted: list[list[str]] = []
    for code in codes:
        if code.python == name and code.requires:
            lock = code.folder / LOCK
            wanted.append(["--require-hashes", "--no-deps", "-r", str(lock)] if lock.is_file() else list(code.requires))
    return wanted


def _fetch(site: Path, what: list[str]) -> None:
    uv = shutil.which("uv")
    # what is locked may come as source, as some packages of Python alone do: the lock says which
    binary = [] if "--no-deps" in what else ["--only-binary", ":all:"]
    common = ["install", "--quiet", "--target", str(site), *binary, "--python-version", PYTHON, *what]
    command = [uv, "pip", *common] if uv else [sys.executable, "-m", "pip", *common, "--no-compile"]
    rootfs.run(command)
    for path in sorted(site.glob("*.dist-info/WHEEL")):
        refuse_compiled(path.parent.name.removesuffix(".dist-info"), path.read_text("utf-8", "replace"))
    # their first line names this machine's interpreter
    shutil.rmtree(site / "bin", ignore_errors=True)


def refuse_compiled(package: str, wheel: str) -> None:
    """Raises DriverError for a package that was compiled here, for this machine's C library and Python: by its WHEEL file, since wheels
    that others may use have other tags."""
    tags = [line.partition(":")[2].strip() for line in wheel.splitlines() if line.startswith("Tag:")]
    if any(tag.rpartition("-")[2].startswith("linux_") for tag in tags):
        raise DriverError(
            f"{package} has no wheel for Python {PYTHON}: compiled here, it need not run in the image. Pin a version that has one."
        )
