"""Agents as processes: carries out what the brain wants of the drivers, and tells it how that went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from simyard.drivers.base import AgentSpec, Driver, Life
from simyard.errors import SimyardError
from simyard.supervisor import outbox, reactor
from simyard.supervisor.agency import START_LIMIT
from simyard.supervisor.journal import Journal

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell

journal = Journal(__name__)

#: A driver that has not answered by then is taken not to know (seconds).
POLL_LIMIT = 20.0
#: An agent whose start was cut short by the end of a supervisor has this long to come by itself (seconds).
ORPHAN_LIMIT = 5.0
_ALIVE = {Life.ALIVE: True, Life.GONE: False, Life.UNKNOWN: None}


class Keeping:
    """Starts, polls and stops agents by the drivers of their targets; `drivers` is by kind of target, `environment` what
    agents and codes may see."""

    def __init__(self, shell: Shell, drivers: Mapping[str, Driver], environment: Mapping[str, str]) -> None:
        self._shell, self._drivers, self._environment = shell, drivers, dict(environment)
        self._starting: set[str] = set()
        self._polling: set[str] = set()

    async def start(self, effect: outbox.StartAgent) -> None:
        """Start it; the brain hears of the handle, or of what went wrong."""
        shell = self._shell
        spec = AgentSpec(
            agent=effect.agent, secret=effect.secret, user=effect.user, target=effect.target, door=str(shell.config.agent_door),
            root=str(shell.config.user_dir(effect.user)), environment=self._environment,
        )  # fmt: skip
        self._starting.add(effect.agent)
        journal.info("agent is started", agent=effect.agent, user=effect.user, target=effect.target)
        try:
            async with asyncio.timeout(START_LIMIT):
                handle = await self._driver(effect.target).start(spec)
        except TimeoutError:
            self._failed(effect, f"it could not be started within {START_LIMIT:.0f} s")
        except (SimyardError, OSError) as error:
            self._failed(effect, error.detail if isinstance(error, SimyardError) else str(error))
        else:
            shell.tell(reactor.on_agent_started, effect.agent, handle)
        finally:
            self._starting.discard(effect.agent)

    async def poll(self, effect: outbox.PollAgent) -> None:
        """Ask whether it lives. One question at a time for each agent: a slow answer is not asked for again."""
        shell = self._shell
        if effect.agent in self._polling or effect.agent in self._starting:
            return
        self._polling.add(effect.agent)
        try:
            alive = await self._life(effect)
        finally:
            self._polling.discard(effect.agent)
        if alive is False:
            journal.warning("agent has ended", agent=effect.agent, target=effect.target)
        shell.tell(reactor.on_agent_polled, effect.agent, alive, shell.clock())

    async def stop(self, effect: outbox.StopAgent) -> None:
        """Stop it; what it runs goes on."""
        if effect.handle:
            try:
                await self._driver(effect.target).stop(effect.handle)
            except (SimyardError, OSError) as error:
                journal.failure("agent could not be stopped", error, agent=effect.agent)

    async def _life(self, effect: outbox.PollAgent) -> bool | None:
        if not effect.handle:
            # the supervisor ended between writing it down and hearing from the driver: if it was started at all it
            # will have connected by then, and if it lives for all that, its successor takes the lock from it
            agent = self._shell.core.by_id.get(effect.agent)
            known = agent is not None and self._shell.clock() - agent.since < ORPHAN_LIMIT
            return None if known else False
        try:
            async with asyncio.timeout(POLL_LIMIT):
                return _ALIVE[await self._driver(effect.target).poll(effect.handle)]
        except (TimeoutError, SimyardError, OSError) as error:
            journal.failure("agent could not be asked about", error, agent=effect.agent)
            return None

    def _failed(self, effect: outbox.StartAgent, detail: str) -> None:
        journal.error("agent could not be started", agent=effect.agent, target=effect.target, reason=detail)
        self._shell.tell(reactor.on_agent_start_failed, effect.agent, detail, self._shell.clock())

    def _driver(self, target: str) -> Driver:
        return self._drivers[self._shell.config.targets[target].kind]
