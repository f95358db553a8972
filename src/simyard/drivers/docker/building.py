"""Has a Docker daemon make the image from its context."""

from __future__ import annotations

import re
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
        size = packed.tell()
        packed.seek(0)
        tell(f"Sending {size / 1e6:.0f} MB …")
        labels = {CONTENT: content} if content else None
        made = docker.images.build(
            fileobj=packed, encoding="identity", tag=tag, labels=labels, stream=True, timeout=_limit(), forcerm=True
        )
        async for line in made:
            if "error" in line:
                raise DriverError(f"Docker could not make the image: {str(line['error'])[:800]}")
            if words := said(str(line.get("stream", ""))):
                tell(words)


#: What is copied, by its first word in the Dockerfile.
_PARTS = {
    "base.tar": "the base",
    "bytecode": "the bytecode",
    "codes": "the codes",
    "agent.pyz": "the agent",
    "made": "codes and agent",
}


def said(line: str) -> str:
    """What a line of the daemon's means for who waits; "" for nothing. Pure."""
    found = re.match(r"Step (\d+/\d+) : (FROM|ADD|COPY|RUN|LABEL) ?(.*)", line)
    if found is None:
        # what containers and layers are called
        return "" if re.match(r" ---> |Removing intermediate container ", line) else line.strip()
    step, verb, words = found.groups()
    if verb in ("COPY", "ADD"):
        what = words.rpartition(" ")[0]
        return (
            f"Step {step}: {_PARTS.get(what.rpartition('=')[2].partition(' ')[0]) or 'the files of ' + what.rpartition('/')[2]} …"
        )
    return f"Step {step}: making bytecode …" if verb == "RUN" else ""


def _limit() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=LIMIT)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """As if anybody had made it at any time: the same files make the same layers. All may read it, and nobody but root may write."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
    return member
