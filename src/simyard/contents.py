"""Which agent this Simyard has: what belongs to it, and a version that is another one whenever any of that is."""

from __future__ import annotations

import hashlib
import pkgutil
from pathlib import Path
from typing import Dict, Optional

from simyard import __version__

_PACKAGE = Path(__file__).parent
#: What of Simyard an agent is made of, relative to its package.
PARTS = (
    "__init__.py",
    "errors.py",
    "clock.py",
    "contents.py",
    "processes.py",
    "protocol/*.py",
    "agent/*.py",
    "agent/slurm/*.py",
    "job_cmd/*.py",
)
#: How it is put into one file: not needed in there, yet part of what that is.
MAKER = ("agent/pyz.py", "agent/pyz.lock")
#: In one file the version is written here, because it cannot be made from that.
NOTE = "version.txt"


def files() -> Dict[str, bytes]:
    """{path relative to Simyard's package: content} of what an agent is made of."""
    return {
        path.relative_to(_PACKAGE).as_posix(): path.read_bytes()
        for part in PARTS
        for path in sorted(_PACKAGE.glob(part))
        if path.relative_to(_PACKAGE).as_posix() not in MAKER
    }


def on_disk() -> str:
    """The version of an agent that would be started now: Simyard's, and 12 hex digits of the SHA-256 of all that it is made
    of, such as `0.1.0+0123456789ab`. The same for the package and for the one file that is made of it."""
    return _noted() or _counted()


def _noted() -> Optional[str]:
    try:
        note = pkgutil.get_data("simyard", NOTE)
    except OSError:
        return None
    return note.decode("ascii").strip() if note else None


def _counted() -> str:
    everything = {**files(), **{name: (_PACKAGE / name).read_bytes() for name in MAKER}}
    digest = hashlib.sha256()
    for name, content in sorted(everything.items()):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return f"{__version__}+{digest.hexdigest()[:12]}"


#: That of this process: of the files as they were when it was started, whatever has been installed over them since.
VERSION = on_disk()
