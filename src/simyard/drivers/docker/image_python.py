"""An interpreter of this machine as a part of an image: a copy that runs from another folder than it was built for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from simyard.drivers.base import DriverError
from simyard.drivers.docker.image_packages import for_interpreter

#: In what every Python understands: where it is installed, whose environment it is, if it is one, and its version.
_ASK = (
    "import sys; own = getattr(sys, 'real_prefix', getattr(sys, 'base_prefix', sys.prefix)); "
    "print('\\n'.join([sys.prefix, own, '%d.%d' % sys.version_info[:2]]))"
)
_SECONDS = 60
#: Folders that a whole machine shares: what in them is of this Python cannot be told.
_SHARED = {"/", "/usr", "/usr/local"}
_UNNEEDED = shutil.ignore_patterns("__pycache__", "*.py[co]", "*.a")
_SCRIPT = """\
#!/bin/sh
PYTHONHOME=$(dirname "$(dirname "$0")")
export PYTHONHOME LD_LIBRARY_PATH="$PYTHONHOME/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$PYTHONHOME/bin/python%s" "$@"
"""


def copy(python: Path, folder: Path, place: str = "") -> Path:
    """Copy that interpreter with its packages to `folder`, without its tests; its `bin/python`, which finds the rest by where it is itself.
    Scripts beside it will be run by `place`, if that is given. Raises DriverError for one that cannot be copied."""
    prefix, own, version = _asked(python)
    if prefix != own:
        raise DriverError(f"{python} is a virtual environment of {own}: name a Python that has its packages itself.")
    if prefix in _SHARED:
        raise DriverError(
            f"{python} is this machine's own, in {prefix}: name one that has a folder of its own, as pyenv and `uv python install` make it."
        )
    for name in ("bin", "lib"):
        shutil.copytree(Path(prefix, name), folder / name, symlinks=True, ignore=_UNNEEDED)
    shutil.rmtree(folder / "lib" / f"python{version}" / "test", ignore_errors=True)
    script = folder / "bin" / "python"
    script.unlink(missing_ok=True)
    if place:
        for_interpreter(folder / "bin", place)
    script.write_text(_SCRIPT % version, "utf-8")
    script.chmod(0o755)
    return script


def _asked(python: Path) -> tuple[str, str, str]:
    try:
        done = subprocess.run(
            [python, "-c", _ASK], stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True, timeout=_SECONDS
        )
        prefix, own, version = done.stdout.splitlines()
    except (OSError, subprocess.SubprocessError, ValueError):
        raise DriverError(f"{python} is no Python that can be asked where it is installed.") from None
    return prefix, own, version
