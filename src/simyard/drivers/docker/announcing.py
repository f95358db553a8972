"""Says in the supervisor's log, once for each Docker host, what that cannot grant."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from simyard.drivers.docker import granting
from simyard.drivers.docker.container import Limits
from simyard.drivers.docker.host import Host

#: One that does not answer is asked again after so long (seconds).
AGAIN = 60.0

log = logging.getLogger(__name__)


class Announcing:
    """Asks in the background; nobody waits for it."""

    def __init__(self, hosts: Sequence[Host], limits: Limits, image: str) -> None:
        self._hosts, self._limits, self._image = hosts, limits, image
        self._tasks: list[asyncio.Task[None]] | None = None

    def begin(self) -> None:
        """Once: further calls do nothing."""
        if self._tasks is None:
            self._tasks = [asyncio.create_task(self._announce(host), name=f"ask {host.url}") for host in self._hosts]

    async def close(self) -> None:
        for task in self._tasks or []:
            task.cancel()
        await asyncio.gather(*(self._tasks or []), return_exceptions=True)

    async def _announce(self, host: Host) -> None:
        while True:
            grants = await granting.ask(host, self._limits, self._image)
            if host.silent_since is None:
                break
            await asyncio.sleep(AGAIN)  # that it is silent is said elsewhere
        for one in grants:
            fields = {"host": host.url, "what": one.what, "reason": one.detail}
            if one.state == granting.BAD:
                log.error("a Docker host cannot do what is asked of it", extra={"fields": fields})
            elif one.state == granting.MISSING:
                log.warning("a Docker host does not grant all that is asked of it", extra={"fields": fields})
