"""What an installer's output means, in words for the user and with the next step: text in, error out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from simyard.errors import SimyardError


class InstallError(SimyardError):
    """An environment could not be made; `detail` says why, and what to do."""


#: What is looked for in uv's and pip's output, in this order: pip reports a network that is away as a missing package, too.
_CAUSES = (
    (
        "disk-full",
        r"No space left on device|os error 28|Disk quota exceeded",
        "The disk is full. Free some space (SIMYARD_HOME says where codes are installed), then install again.",
    ),
    (
        "no-network",
        r"name resolution|dns error|error sending request|Failed to establish a new connection|Network is unreachable|Connection refused|[Cc]onnection reset|timed out|operation timeout|Could not connect|ProxyError|Tunnel connection failed",
        "The package index could not be reached. Check the network (and HTTPS_PROXY, PIP_INDEX_URL or UV_INDEX_URL if your site has them), then install again.",
    ),
    (
        "bad-hash",
        r"[Hh]ash mismatch|HASHES? (DO|FROM)|do not match the hashes",
        "A package's content is not what was pinned in requirements.lock. Nothing of it was installed. Clear the installer's cache and try again; if it stays so, do not trust the index.",
    ),
    (
        "wrong-python",
        r"[Rr]equires[- ]Python|requires a different Python|current Python version .* does not satisfy|has no wheels? with a matching",
        "A package does not support this Python or this kind of machine. Install Simyard with another Python, or name a fitting one under [interpreters] in simyard.toml.",
    ),
    (
        "no-version",
        r"No matching distribution|No solution found|was not found in the package registry|no versions? of|Could not find a version",
        "The index has no version that fits. Check `requires` in the code.toml, and that your index has the package.",
    ),
    (
        "no-venv",
        r"ensurepip is not available|No module named '?(venv|ensurepip|pip)",
        "This Python cannot make environments. On Debian and Ubuntu: apt install python3-venv; or put uv on the PATH.",
    ),
    (
        "not-allowed",
        r"Permission denied|Read-only file system",
        "A folder may not be written. Check who owns SIMYARD_HOME, then install again.",
    ),
    (
        "no-compiler",
        r"command '?[^' ]*(cc|gcc|g\+\+|c\+\+|clang|gfortran|nvcc)'? failed: No such file|No such file or directory: '[^' ]*(cc|g\+\+|c\+\+|clang|gfortran)'|Unknown compiler\(s\)|No CMAKE_\w+_COMPILER could be found|compiler cannot be found|(gcc|cc|g\+\+|gfortran): (command )?not found",
        "A package has to be compiled, and no compiler is on the PATH. Have one there (Debian: apt install build-essential; on a cluster mostly `module load gcc` in ~/.bash_profile, and a new login), or pin a version that has a ready wheel; then install again.",
    ),
    (
        "not-built",
        r"Failed to build|Failed building wheel|error: command .* failed|metadata-generation-failed",
        "A package had to be built from its source, and that failed. Install what it asks for (compilers, libraries), or pin a version that has a ready wheel; then install again.",
    ),
)

#: Where a build says what is wrong, among much that does not.
_BUILD_ERROR = re.compile(
    r"^\w*Error: |: (fatal )?error: |^(error|ERROR): (?!subprocess-exited|failed-wheel|metadata-gen|Failed (to )?b)"
)


def explain(command: Sequence[str], status: int, lines: Sequence[str]) -> InstallError:
    """The error for a command that ended with `status` after saying `lines`."""
    text = "\n".join(lines)
    said = [line.strip() for line in lines if line.strip()]
    last = next((line for line in reversed(said) if re.search(r"error|ERROR|Error|×|╰", line)), said[-1] if said else "")
    for code, pattern, words in _CAUSES:
        if re.search(pattern, text):
            telling = [line for line in said if re.search(pattern + "|Because ", line)]
            if code == "not-built":
                telling += [line for line in said if _BUILD_ERROR.search(line)]
            return InstallError(code, f"{words} The installer said: {_short(telling[-1] if telling else last)}")
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return InstallError("install-failed", f"`{Path(command[0]).name}` {how}. It said: {_short(last) or 'nothing'}")


def _short(line: str) -> str:
    return line if len(line) <= 300 else line[:299] + "…"
