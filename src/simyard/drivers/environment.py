"""What of an environment an agent, and so a code, may see: a list of what is let through, never of what is held back."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|LD_LIBRARY_PATH|TERM"
    r"|OMP_[A-Z_]+|MKL_[A-Z_]+|OPENBLAS_[A-Z_]+|MPLBACKEND|XDG_CACHE_HOME|XDG_RUNTIME_DIR"
)
#: What names folders and people of this machine.
_HERE = re.compile(r"PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|LD_LIBRARY_PATH|XDG_[A-Z_]+")
#: Private to a container, and all that may be written there beside the user's own folder.
_HOME_INSIDE = "/tmp"  # noqa: S108 - inside the container
#: Processes in a container may not read each other's memory, and MPICH looks only at one of the things that can forbid it.
_NO_LOOKING = {"MPIR_CVAR_CH4_CMA_ENABLE": "0"}
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` that may be passed on: where programs are, which language, how many threads; no secrets."""
    kept = {name: value for name, value in environ.items() if _ALLOWED.fullmatch(name)}
    kept.setdefault("PATH", _DEFAULT_PATH)
    # text files are UTF-8 wherever a code reads or writes them
    kept.setdefault("LANG", "C.UTF-8")
    return kept


def inside(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of what is `allowed` that holds in a container, too. A home folder that nobody there may look into makes programs fail."""
    kept = {name: value for name, value in environment.items() if not _HERE.fullmatch(name)}
    return {**kept, **_NO_LOOKING, "PATH": _DEFAULT_PATH, "HOME": _HOME_INSIDE}
