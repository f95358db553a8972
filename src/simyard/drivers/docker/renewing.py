"""Whether a user's container is to be made anew: it is not what would be made today, and nothing runs in it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiodocker

from simyard import contents
from simyard.drivers.base import DriverError
from simyard.drivers.docker.container import MADE, Room
from simyard.drivers.docker.host import Host
from simyard.drivers.docker.image import AGENT
from simyard.drivers.docker.layout import PYTHON
from simyard.drivers.docker.listing import labels_of, named

#: An agent that has been told to leave may still be on its way out for so long (seconds).
LEAVE = 3.0
#: Answers how many processes are in a container. The image may be an old one: nothing of ours is asked in there.
_COUNT = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
#: Docker's init, what holds the container open, and the one that counts.
_NOBODY = 3


async def is_due(host: Host, found: dict[str, Any], room: Room) -> bool:
    """`found` is what the daemon says of the container, which runs. Raises Silent, and what the daemon refuses with."""
    return await is_old(host, found, room) and await _is_empty(host, str(found["Id"]))


async def is_old(host: Host, found: dict[str, Any], room: Room) -> bool:
    """Whether it was made of another image than has that name by now, or with other limits than are wanted by now."""
    if found["Config"]["Labels"].get(MADE) != room.made:
        return True
    async with host.asked() as docker:
        image, _ = await named(docker, room.image)
    # one whose image has lost its name, and no other has it, could not be made anew
    return bool(image) and found["Image"] != image


async def remark(host: Host, image: str) -> str:
    """A sentence more for whoever cannot start anything there, where the image may be why; "" where it is as it should be."""
    try:
        async with host.asked() as docker:
            labels = await labels_of(docker, image)
    except (DriverError, aiodocker.DockerError):
        return ""
    if labels is None:
        return f" There is no image {image!r} on {host.url}: build it with `simyard image build`."
    if labels.get(AGENT) != contents.VERSION:
        return f" The image {image!r} on {host.url} was built by another version of Simyard: build it again with `simyard image build`."
    return ""


async def _is_empty(host: Host, container: str) -> bool:
    """Whether nothing runs in it: no agent of any target, no run, nothing that a code has left behind."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LEAVE
    while True:
        status, out, _ = await host.run(container, [PYTHON, "-I", "-c", _COUNT])
        if status == 0 and out.strip().isdigit() and int(out) <= _NOBODY:
            return True
        if loop.time() >= until:
            return False
        await asyncio.sleep(0.1)
