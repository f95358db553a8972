"""Agents as processes: carries out what the brain wants of the drivers, and tells it how that went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from simyard import contents
from simyard.drivers.base import AgentSpec, Driver, Life
from simyard.errors import SimyardError
from simyard.protocol.launch import Cluster
from simyard.supervisor import outbox, reactor
from simyard.supervisor.core import START_LIMIT
from simyard.supervisor.journal import Journal

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell

journal = Journal(__name__)

#: A driver that has not answered by then is taken not to know (seconds).
POLL_LIMIT = 20.0
#: What the drivers talk to is looked at this often (seconds).
LOOK = 5.0
#: An agent whose start was cut short by the end of a supervisor has this long to come by itself (seconds).
ORPHAN_LIMIT = 15.0
_DAY = 86400.0
_ALIVE = {Life.ALIVE: True, Life.GONE: False, Life.UNKNOWN: None}


class Keeping:
    """Starts, polls and stops agents by the drivers of their targets; `drivers` is by Config.driver, `environment` what
    agents and codes may see."""

    def __init__(self, shell: Shell, drivers: Mapping[str, Driver], environment: Mapping[str, str]) -> None:
        self._shell, self._drivers, self._environment = shell, drivers, dict(environment)
        self._starting: set[str] = set()
        self._polling: set[str] = set()
        self._others_at: set[str] = set()

    async def start(self, effect: outbox.StartAgent) -> None:
        """Start it; the brain hears of the handle, or of what went wrong."""
        shell = self._shell
        spec = self._spec(effect)
        place = shell.core.places.get(effect.target)
        limit = place.start_limit if place is not None else START_LIMIT
        self._starting.add(effect.agent)
        journal.info("agent is started", agent=effect.agent, user=effect.user, target=effect.target)
        try:
            async with asyncio.timeout(limit):
                handle = await self.driver(effect.target).start(spec)
        except TimeoutError:
            self._failed(effect, f"it could not be started within {limit:.0f} s")
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

    async def check(self, effect: outbox.CheckAgent) -> None:
        """Ask whether another agent would be started now. Not knowing changes nothing."""
        shell = self._shell
        try:
            async with asyncio.timeout(POLL_LIMIT):
                outdated = await self.driver(effect.target).outdated(effect.handle, effect.version)
        except (TimeoutError, SimyardError, OSError):
            shell.tell(reactor.on_agent_checked, effect.agent, None, shell.clock())
            return
        if outdated:
            journal.info(
                "agent is of an older version, and replaced when its runs are done", agent=effect.agent, version=effect.version
            )
        elif effect.version != contents.VERSION and effect.target not in self._others_at:
            self._others_at.add(effect.target)
            journal.warning(
                "agents of this target are of another version than the supervisor", target=effect.target, version=effect.version[:60],
                own=contents.VERSION, remedy="`simyard image build` where it is of kind docker",
            )  # fmt: skip
        shell.tell(reactor.on_agent_checked, effect.agent, outdated, shell.clock())

    async def stop(self, effect: outbox.StopAgent) -> None:
        """Stop it; what it runs goes on."""
        if effect.handle:
            try:
                await self.driver(effect.target).stop(effect.handle)
            except (SimyardError, OSError) as error:
                journal.failure("agent could not be stopped", error, agent=effect.agent)

    async def watch(self) -> None:
        """Have the drivers look, time and again, whether what they talk to answers."""
        while True:
            for name in self._drivers:
                self._shell.spawn(self._look(name), f"look at {name}")
            await asyncio.sleep(LOOK)

    async def _look(self, name: str) -> None:
        found = await self._drivers[name].look()
        for news in found:
            (journal.info if news.good else journal.warning)(news.words)
        if any(news.good for news in found):
            for target in self._shell.config.targets:
                if self._shell.config.driver(target) == name:
                    self._shell.tell(reactor.on_target_answers, target, self._shell.clock())

    async def _life(self, effect: outbox.PollAgent) -> bool | None:
        if not effect.handle:
            # the supervisor ended between writing it down and hearing from the driver: if it was started at all it
            # will have connected by then, and if it lives for all that, its successor takes the lock from it
            agent = self._shell.core.by_id.get(effect.agent)
            known = agent is not None and self._shell.clock() - agent.since < ORPHAN_LIMIT
            return None if known else False
        try:
            async with asyncio.timeout(POLL_LIMIT):
                return _ALIVE[await self.driver(effect.target).poll(effect.handle)]
        except (TimeoutError, SimyardError, OSError) as error:
            journal.failure("agent could not be asked about", error, agent=effect.agent)
            return None

    def _failed(self, effect: outbox.StartAgent, detail: str) -> None:
        journal.error("agent could not be started", agent=effect.agent, target=effect.target, reason=detail)
        self._shell.tell(reactor.on_agent_start_failed, effect.agent, detail, self._shell.clock())

    def _spec(self, effect: outbox.StartAgent) -> AgentSpec:
        """Who the agent is. Where it is and how it gets here from a cluster is for its driver to say: door and folder are what they are called
        here, and nothing of the environment here means anything there."""
        config = self._shell.config
        cluster = config.clusters.get(effect.target)
        return AgentSpec(
            agent=effect.agent,
            secret=effect.secret,
            user=effect.user,
            target=effect.target,
            door=str(config.agent_door),
            root=str(config.user_dir(effect.user)),
            environment=self._environment if cluster is None else {},
            cluster=None if cluster is None else Cluster(interval=cluster.interval, keep=cluster.keep_days * _DAY),
        )

    def driver(self, target: str) -> Driver:
        """The driver of that target."""
        return self._drivers[self._shell.config.driver(target)]
