"""What of a code decides its environment: its requirements and its lock; the same ones make the same name, so that another is never in use."""

from __future__ import annotations

import hashlib
import json

from simyard.codes.declaration import Declaration

LOCK = "requirements.lock"
#: The folder of environments in an agent's root on a cluster.
FOLDER = "envs"


def name(code: Declaration) -> str:
    """What the environment of this code is called where each has one of its own: `NAME-` and 12 hex digits. Reads the lock. Raises OSError."""
    lock = code.folder / LOCK
    told = json.dumps([list(code.requires), lock.read_text("utf-8") if lock.is_file() else ""])
    return f"{code.name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def is_of(environment: str, code: str) -> bool:
    """Whether it is an environment of that code, of whatever requirements."""
    return environment.rpartition("-")[0] == code


def python(environment: str) -> str:
    """Its interpreter, relative to an agent's root."""
    return f"{FOLDER}/{environment}/bin/python"
