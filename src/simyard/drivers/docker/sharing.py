"""Whether a host that is another machine has the users' folders: the same ones, at the same path, by a file system that both share."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from simyard.drivers.docker.container import Room
from simyard.drivers.docker.host import Host
from simyard.drivers.docker.layout import PYTHON

_IS_THERE = "import os, sys; sys.exit(not os.path.lexists(sys.argv[1]))"


async def has_folder(host: Host, room: Room) -> bool:
    """Whether the user's container, which runs there, sees the folder that is meant: looked up by a name that nobody can have known,
    nor seen missing."""
    if not host.remote:
        return True
    mark = room.root / f".mark-{secrets.token_hex(8)}"
    await asyncio.to_thread(_make, mark)
    try:
        status, _, _ = await host.run(room.name, [PYTHON, "-c", _IS_THERE, str(mark)])
    finally:
        await asyncio.to_thread(mark.unlink, missing_ok=True)
    return status == 0


def is_missing(message: str) -> bool:
    """Whether Docker says so of a folder that it was to show."""
    return "bind source path does not exist" in message


def words(host: Host) -> str:
    """Why nothing can run there."""
    return (
        f"The Docker host {host.url} does not have the users' folders of this Simyard. They must be on a file system that it "
        "shares, at the same path as here. Tell the site's administrators."
    )


def _make(mark: Path) -> None:
    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
