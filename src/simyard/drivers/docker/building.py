"""Has a Docker daemon make the image from its context."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import aiodocker
import aiohttp

from simyard.drivers.base import DriverError
from simyard.drivers.docker.image import CONTENT, Tell

#: A build may take so long (seconds): packages are here already, but disks may be slow.
LIMIT = 1800.0


async def build(docker: aiodocker.Docker, context: Path, tag: str, tell: Tell, content: str = "") -> None:
    """The image `tag` is there, made from the folder `context`, and labelled with what that is (`content`). Raises DriverError with
    the daemon's words."""
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(context, arcname=".", filter=_nobodys)
        packed.seek(0)
        labels = {CONTENT: content} if content else None
        made = docker.images.build(
            fileobj=packed, encoding="identity", tag=tag, labels=labels, stream=True, timeout=_limit(), forcerm=True
        )
        async for line in made:
            if "error" in line:
                raise DriverError(f"Docker could not make the image: {str(line['error'])[:800]}")
            if words := str(line.get("stream", "")).strip():
                tell(words)


def _limit() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=LIMIT)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """As if anybody had made it at any time: the same files make the same layers."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
