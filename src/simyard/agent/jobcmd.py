"""The job cmd of one run, as its keeper handles it: started, seen to live or not, signalled, and spoken for once it is dead."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Optional

from simyard.agent import locks
from simyard.agent.children import CannotServe, Launched
from simyard.agent.cores import Cores
from simyard.agent.execution import Stop
from simyard.agent.facts import Facts
from simyard.agent.judgement import ASK_AGAIN, Exit, Step, View, judge
from simyard.agent.place import Marker, Place
from simyard.agent.providing import Providing
from simyard.agent.slurm.shared import Slurm
from simyard.agent.threads import Threads
from simyard.agent.warm import Warm
from simyard.protocol import rundir
from simyard.protocol.jobs import Remote

log = logging.getLogger(__name__)
#: A lock that nobody rings for is looked at this often, and while it is free and the notice of how its holder ended is due, or a stop is
#: under way (seconds).
POLL, SOON = 1.0, 0.1
#: A job cmd whose final event is stored has this long to end, and after it was killed this long to be gone (seconds).
LINGER, GIVE_UP = 5.0, 60.0
#: A final event that cannot be written (a full disk) is told nevertheless after so many tries.
CONCLUDE_TRIES = 10

#: Writes the final event of a run whose job cmd is gone, after killing what is left of it: (directory, state, reason, usage, cause) →
#: the final event that stands, None where the job cmd lives.
Conclude = Callable[..., Any]


@dataclass(frozen=True)
class Tools:
    """What the keepers of all runs share. With `slurm`, runs are jobs of a cluster."""

    place: Place
    threads: Threads
    warm: Warm
    conclude: Conclude
    boot: str
    host: str
    is_container: bool
    cores: Cores
    providing: Providing
    slurm: Optional[Slurm] = None


class JobCmd:
    """What is known of a run's job cmd, by its lock and by its parent. `changed` is called when there is news of it."""

    is_remote = False
    stop_words = "Its job process does not end, though it was told to; it is now being killed, again and again."

    def __init__(self, tools: Tools, directory: str, changed: Callable[[], None]) -> None:
        self.holder = 0
        #: Whether `holder` was seen in the last look.
        self.fresh = False
        self.free_since: Optional[float] = None
        self.launched_at: Optional[float] = None
        self.start_failure = ""
        self.exit: Optional[Exit] = None
        self.termed: Optional[float] = None
        self.tries = 0
        self._tools, self._directory, self._changed = tools, directory, changed
        self._launching: Optional[asyncio.Task[None]] = None
        self._launched: Optional[Launched] = None
        self._holder_at = float("-inf")

    @property
    def launching(self) -> bool:
        return self._launching is not None

    @property
    def notice_expected(self) -> bool:
        """Whether its parent lives, and will tell how it ends."""
        return self._launched is not None and not self._launched.exit.done()

    # ── seeing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_fresh(self) -> bool:
        return self.fresh

    @property
    def is_gone(self) -> bool:
        """Its own last word is written when nothing else of it is left."""
        return True

    async def recall(self) -> None:
        """Nothing but its lock outlives an agent."""

    async def attend(self, facts: Facts) -> None:
        """It is known by its lock and its parent."""

    def looks_at_lock(self, now: float, stop: Stop) -> bool:
        """Every so often, and always where its end is near."""
        near = stop.since is not None or self.exit is not None or self.free_since is not None
        return near or now - self._holder_at >= POLL * 0.9

    def saw(self, holder: Optional[int], now: float, *, begun: bool) -> None:
        """Its lock was looked at (None: it was not)."""
        self.fresh = holder is not None
        if holder is not None:
            self.holder, self._holder_at = holder, now
            # before `begun` is known a free lock means only that it is not yet taken
            self.free_since = (self.free_since or now) if begun and not holder else None

    def look_again(self) -> None:
        self._holder_at = float("-inf")

    def step(self, facts: Facts, stop: Stop, grace: float, now: float) -> Step:
        """What is to be done next."""
        tools = self._tools
        return judge(
            View(
                now=now,
                holder=self.holder,
                begun=facts.begun,
                same_boot=not facts.boot or facts.host != tools.host or facts.boot == tools.boot,
                same_container=not facts.boot or not tools.is_container or facts.host == tools.host,
                final=facts.final is not None,
                grace=grace,
                damaged=facts.damaged,
                launching=self.launching,
                launched=self.launched_at,
                notice_expected=self.notice_expected,
                exit=self.exit,
                start_failure=self.start_failure,
                free_since=self.free_since,
                stop_since=stop.since,
                termed=self.termed,
                ending=stop.ending.reason if stop.ending else "",
                ending_cause=stop.ending.cause if stop.ending else "",
            )
        )

    def pause(self, stop: Stop) -> float:
        return SOON if stop.since is not None or self.free_since is not None else POLL

    def remote(self, facts: Facts) -> Optional[Remote]:
        return None

    # ── doing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def launch(self, marker: Marker) -> None:
        """Start it, in a task of its own: a code's imports may take long, and a stop must be heard meanwhile."""
        self.launched_at = time.monotonic()
        if marker.code_dir:
            self._launching = asyncio.ensure_future(self._launch(marker))
        else:
            self.start_failure = "What is to be run is not known any more: its run.json is damaged."
            self._changed()

    async def _launch(self, marker: Marker) -> None:
        try:
            self._launched = await self._tools.warm.launch(marker.python, marker.code_dir, self._directory)
            self._launched.exit.add_done_callback(self._ended)
        except CannotServe as error:
            self.start_failure = error.detail
            self._changed()
        except OSError as error:
            self.start_failure = f"Its job process could not be started: {error.strerror}."
            self._changed()
        finally:
            self.launched_at = time.monotonic()
            self._launching = None

    def _ended(self, end: asyncio.Future[Optional[Exit]]) -> None:
        if not end.cancelled():
            self.exit = end.result()
            self._changed()

    def let_go(self) -> None:
        """The keeper has no more interest in it."""
        if self._launching is not None:
            self._launching.cancel()

    async def signal(self, number: signal.Signals, facts: Facts) -> None:
        """Send a signal to whoever holds its lock."""
        self.termed = time.monotonic()
        await self._tools.threads.quick(locks.signal_holder, os.path.join(self._directory, rundir.LOCK), number)

    @property
    def given_up(self) -> bool:
        """Whether its final event cannot be written, and must be told without."""
        return self.tries >= CONCLUDE_TRIES

    async def conclude(self, step: Step, facts: Facts) -> bool:
        """Say for it how the run ended. Whether nothing of it lives any more, as far as that can be known."""
        end, started = self.exit or Exit(), facts.started
        wall = max(0.0, time.time() - started) if started else 0.0
        usage = {"wall": round(wall, 3), "exit_code": end.exit_code, "signal": end.signal}
        self.look_again()
        try:
            conclude = self._tools.conclude
            stands = await self._tools.threads.quick(conclude, self._directory, step.state.value, step.reason, usage, step.cause)
        except Exception as error:  # noqa: BLE001
            # whatever it is, the run must get its final state: here, if not there
            self.tries += 1
            log.warning("%s cannot be concluded (try %d): %s: %s", self._directory, self.tries, type(error).__name__, error)
            return self.given_up
        return stands is not None

    async def seen_off(self, facts: Facts, grace: float, pause: Callable[[float], Awaitable[None]]) -> None:
        """Return when the job cmd of the run, which is over, has ended. It does so at once; if not, somebody else has written its
        end for it, and it must not go on unseen."""
        lock, begun, wanted = os.path.join(self._directory, rundir.LOCK), time.monotonic(), 0.0
        while self.exit is None and await self._tools.threads.quick(locks.holder, lock) != 0:
            waited = time.monotonic() - begun
            if waited > LINGER + grace + GIVE_UP:
                log.warning("%s: its run is over, and its job process does not end, though it was killed.", self._directory)
                return
            if waited > max(LINGER, wanted):
                log.warning(
                    "%s: its run is over by what its record says, and its job process goes on: it is ended.", self._directory
                )
                wanted = waited + ASK_AGAIN
                await self.signal(signal.SIGTERM if waited < LINGER + grace else signal.SIGKILL, facts)
            await pause(SOON)
