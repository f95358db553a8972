"""What tells one Simyard from another where both have something on the same machine."""

from __future__ import annotations

import hashlib
from pathlib import Path


def site_of(home: Path) -> str:
    """What tells the containers and folders of one home folder from another's."""
    return hashlib.sha256(str(home).encode()).hexdigest()[:10]
