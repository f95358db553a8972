"""What was submitted for a run, as its directory keeps it: written whole, before and after Slurm is asked. Blocking.

`submitting` was written before `sbatch` was started: from then on there may be a job of which only Slurm knows the number. `refused` and
`postponed` say that there is none; what is postponed is submitted later.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple

#: Where it stands in a run directory, beside the script that was submitted and what that printed.
FILE, SCRIPT, OUTPUT = "slurm.json", "job.sh", "slurm.out"
SUBMITTING, SUBMITTED, REFUSED, POSTPONED = "submitting", "submitted", "refused", "postponed"
#: A run that is gone on with is submitted so often at most.
MOST = 1000
_MAX_FILE, _MAX_OUTPUT = 1 << 20, 4096


@dataclass(frozen=True)
class Attempt:
    """One submission: `at` in seconds since the epoch, on the machine `host` in its life `boot`; `job` is Slurm's number, 0 while nobody
    knows it; `words` are Slurm's where it refused."""

    state: str
    at: float
    host: str = ""
    boot: str = ""
    job: int = 0
    words: str = ""


def read(directory: str) -> Tuple[Attempt, ...]:
    """All that were made; () where there were none, or nothing can be made of what is there."""
    try:
        descriptor = os.open(os.path.join(directory, FILE), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            plain = json.loads(os.pread(descriptor, _MAX_FILE, 0))
        finally:
            os.close(descriptor)
        return tuple(found for one in plain["attempts"][:MOST] if (found := _attempt(one)) is not None)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def _attempt(plain: Dict[str, Any]) -> Optional[Attempt]:
    state, job = plain.get("state"), plain.get("job", 0)
    if state not in {SUBMITTING, SUBMITTED, REFUSED, POSTPONED} or type(job) is not int or (state == SUBMITTED and job < 1):
        return None
    at = plain.get("at", 0.0)
    words = {key: str(plain.get(key, ""))[:4000] for key in ("host", "boot", "words")}
    return Attempt(state, float(at) if type(at) in (int, float) else 0.0, words["host"], words["boot"], job, words["words"])


def write(directory: str, attempts: Sequence[Attempt]) -> None:
    """Have them there, whole, also after the machine has failed. Raises OSError."""
    path = os.path.join(directory, FILE)
    try:
        os.unlink(path + ".new")
    except FileNotFoundError:
        pass
    # a code can write here: no link of its own is followed
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii") as file:
        json.dump({"attempts": [_plain(one) for one in attempts]}, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


def _plain(one: Attempt) -> Dict[str, Any]:
    return {key: value for key, value in one.__dict__.items() if value or key in ("state", "at")}


def numbers(attempts: Sequence[Attempt]) -> FrozenSet[int]:
    return frozenset(one.job for one in attempts if one.job)


def output(directory: str) -> Optional[str]:
    """The end of what its script, and Slurm itself, have printed; None where nothing of it has ever run."""
    try:
        descriptor = os.open(os.path.join(directory, OUTPUT), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.pread(descriptor, _MAX_OUTPUT, max(0, os.fstat(descriptor).st_size - _MAX_OUTPUT))
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return data.decode("utf-8", "replace")


def is_under_way(directory: str) -> bool:
    """Whether a program on this machine is still submitting the script of this directory: one may outlive the agent that started it."""
    path = os.fsencode(os.path.join(directory, SCRIPT))
    return any(path in _words_of(name) for name in os.listdir("/proc") if name.isdigit() and name != str(os.getpid()))


def _words_of(pid: str) -> List[bytes]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(1 << 16).split(b"\0")
    except OSError:
        return []  # it has just ended
