"""Every example of the codes that come along and of the folder examples/, each with one model, and small; and where all of them can run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simyard.drivers.docker import image_python, rootfs
from tests.docker_engine import Engine, root_file_system
from tests.lammps_environment import HOME
from tests.madx_environment import CODES
from tests.slurm_site import PYTHON, Site
from tests.system.targets import SIMYARD, Target, batch, box

EXAMPLES = Path(__file__).parents[2] / "examples"
IMAGE = "simyard-examples"
#: The codes with an environment of their own.
INSTALLED = ("lammps", "madx", "srw", "xsuite")


@dataclass(frozen=True)
class Case:
    """An example, what makes it small, and the model that computes it."""

    example: str
    model: str
    inputs: dict[str, Any] = field(default_factory=dict)
    #: Reports for which this example has nothing.
    without: tuple[str, ...] = ()


_GRID = {"size": 48, "steps": 400, "frames": 4}
_RING = {"particles": 10, "turns": 64, "frames": 4, "tune_turns": 32, "cells": 8}
_LIGHT = {"points": 21, "electrons": 8, "frames": 2, "sampling": 0.2}
_MELT = {"cells": 3, "equilibration": 50, "steps": 150, "frames": 4}
_PULL = {"length": 4, "width": 3, "equilibration": 50, "strain": 0.05, "strain_rate": 0.05, "frames": 4}
_SPINS = {"size": 16, "sweeps": 40}

CASES = {
    "grayscott": (
        Case("mitosis", "preview", _GRID),
        *(Case(one, "evolve", _GRID) for one in ("coral", "labyrinth", "spirals", "spots", "worms", "holes", "chaos", "tiny")),
    ),
    "madx": (
        Case("storage_ring", "twiss", without=("chromatic",)),
        Case("small_ring", "survey"),
        Case("dynamic_aperture", "track", {"particles": 8, "turns": 60, "frames": 3}),
        Case("match_tunes", "match"),
        Case("apertures", "aperture"),
        Case("error_seeds", "errors", {"seeds": 3}),
        Case("proton_ring", "twiss", without=("chromatic",)),
        Case("chromatic", "twiss"),
        Case("match_beta", "match"),
    ),
    "srw": (
        Case("undulator", "beamline"),
        Case("slit", "spectrum", {"photon_points": 200}),
        Case("bend", "intensity"),
        Case("small", "electrons", _LIGHT),
        Case("soft", "electrons", _LIGHT),
    ),
    "xsuite": (
        Case("fodo_ring", "twiss"),
        Case("footprint", "track", _RING),
        Case("dynamic_aperture", "track", _RING),
        Case("scraping", "track", _RING),
        Case("thin_lens", "track", _RING),
    ),
    "lammps": (
        Case("melt", "check"),
        Case("tension", "dynamics", _PULL),
        Case("crystal", "dynamics", _MELT),
        Case("gas", "dynamics", _MELT),
        Case("warm_tension", "dynamics", _PULL),
        Case("tiny", "dynamics", _MELT),
    ),
    "oscillator": (Case("resonance", "swing", {"duration": 20.0}), Case("free", "swing", {"duration": 20.0})),
    "ising": (Case("cold", "metropolis", _SPINS), Case("hot", "metropolis", _SPINS)),
}

#: A run of each code that would take minutes, in steps of which a second has many.
LONG = {
    "grayscott": Case("coral", "evolve", {"size": 64, "steps": 1_000_000, "frames": 2000}),
    "madx": Case("storage_ring", "track", {"particles": 4, "turns": 1_000_000, "frames": 1000}),
    "srw": Case("small", "electrons", _LIGHT | {"electrons": 100_000, "frames": 500}),
    "xsuite": Case("fodo_ring", "track", _RING | {"turns": 10_000_000, "frames": 1000, "cells": 4}),
    "lammps": Case("melt", "dynamics", _MELT | {"steps": 10_000_000, "frames": 2000}),
    "oscillator": Case("free", "swing", {"duration": 100_000.0, "step": 1e-5, "frames": 1000}),
    "ising": Case("hot", "metropolis", _SPINS | {"size": 32, "sweeps": 1_000_000}),
}

#: Codes that checkpoint, with runs of some seconds: so long that Slurm's word still finds them at it.
PARTS = {
    "srw": Case("small", "electrons", _LIGHT | {"electrons": 200, "frames": 20}),
    "xsuite": Case("fodo_ring", "track", _RING | {"turns": 100_000, "frames": 50, "cells": 4}),
    "lammps": Case("melt", "dynamics", _MELT | {"steps": 50_000, "frames": 50}),
}

#: Runs on two tasks of MPI, and the words in their logs that say so. Of few steps: tasks that wait for each other keep a core busy, and on a busy
#: machine each step then takes a turn of the scheduler's.
TASKS = {
    "lammps": (
        Case("tiny", "dynamics", {"cells": 4, "equilibration": 10, "steps": 20, "frames": 2}),
        re.compile("2 by 1 by 1 MPI|1 by 2 by 1 MPI|1 by 1 by 2 MPI"),
    ),
    "srw": (Case("small", "electrons", _LIGHT), re.compile("shared out to 2 tasks")),
}


def shorter(case: Case) -> Case:
    """Half of it."""
    halves = {name: value // 2 for name, value in case.inputs.items() if name in {"electrons", "turns", "steps"}}
    return replace(case, inputs=case.inputs | halves)


def built(folder: Path) -> Path:
    """The codes of examples/ in that folder, the program in C made as its Makefile says."""
    for name in ("oscillator", "ising"):
        shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("oscillator", "__pycache__", "*.pyc"))
    subprocess.run(["make", "--silent"], cwd=folder / "oscillator", check=True)
    return folder


def here(old_python: Path) -> Target:
    """This machine. (It has settings, unlike LOCAL.)"""
    return Target("local", f'[interpreters]\n"python2.7" = "{old_python}"\n')


def in_containers(engine: Engine, codes: Path, old_python: Path) -> Target:
    """Containers of an image that has all of these codes, made as a site makes it, with a Python 2.7 of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "image").mkdir()
        (home / "image" / f"{rootfs.SUITE}.tar").symlink_to(root_file_system())
        (home / "simyard.toml").write_text(
            f'codes_path = ["{codes}"]\n[docker]\nhosts = ["{engine.url}"]\nimage = "{IMAGE}"\n'
            f'[docker.interpreters]\n"python2.7" = "{old_python}"\n'
        )
        # its progress, in a failure's report
        subprocess.run([SIMYARD, "--home", home, "image", "build", *(f"--code={name}" for name in CASES)], check=True)
    there = box(engine)
    return replace(there, settings=there.settings.replace('"simyard-test"', f'"{IMAGE}"').replace('"1 GiB"', '"4 GiB"'))


@contextmanager
def on_a_cluster(pool: Site, old_python: Path) -> Iterator[Target]:
    """A cluster whose account finds an environment for each code, where everybody can read it."""
    with tempfile.TemporaryDirectory(prefix="ex-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        there = batch(pool)
        pythons = {code: _environment(folder / code, code, pool.account.name) for code in ("lammps", "srw", "xsuite")}
        pythons["ising"] = image_python.copy(old_python, folder / "old")
        lines = [f'[clusters.{pool.name}.codes.{code}]\npython = "{python}"\n' for code, python in pythons.items()]
        yield replace(there, settings=there.settings + "".join(lines))


def _environment(folder: Path, code: str, account: str) -> Path:
    """As the installer would make it there, of Debian's Python: an account cannot read what is in root's home folder. The one of this machine's
    own runs, compiled modules and all, where that is of the same version."""
    python, lock = folder / "bin" / "python", CODES / code / "requirements.lock"
    made = (HOME / "envs" / code).resolve()
    version = subprocess.run([PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True, capture_output=True)
    if (made / "lib" / f"python{version.stdout.decode().strip()}").is_dir():
        return _again(made, folder)
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--python", PYTHON, folder], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--no-deps", "--python", python, "-r", lock], check=True)
    else:
        subprocess.run([PYTHON, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", lock], check=True)
    # folders, not files, which uv may share with its cache: whoever imports first leaves compiled modules there for the others
    for path, _, _ in os.walk(folder):
        shutil.chown(path, account, account)
    return python


def _again(made: Path, folder: Path) -> Path:
    """That environment in another folder, for Debian's Python: the same files, where the file system lets them have two names."""
    if subprocess.run(["cp", "-al", made, folder], capture_output=True, check=False).returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", made, folder], check=True)
    python, settings = folder / "bin" / "python", folder / "pyvenv.cfg"
    for path in (python, settings):
        path.unlink()
    python.symlink_to(PYTHON)
    settings.write_text(f"home = {Path(PYTHON).parent}\ninclude-system-site-packages = false\n")
    return python
