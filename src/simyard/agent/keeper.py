"""One run, from its start or adoption until the supervisor has its final event: what is seen, judged, done and sent.

Everything about a run is done by its keeper's one task, one thing after the other. So its lock file is never looked at
while a final event is written for it (closing a file drops the locks that this process has on it).
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import time
from typing import Any, Optional, Sequence, Tuple

from simyard.agent import following, locks, preparing
from simyard.agent.execution import Execution, Stop
from simyard.agent.facts import Facts, Sent
from simyard.agent.following import Cursor, Damaged, Reading
from simyard.agent.jobcmd import POLL, SOON, JobCmd, Tools
from simyard.agent.judgement import WAIT, Do, Step
from simyard.agent.link import Link, LinkDown
from simyard.agent.place import Marker
from simyard.agent.pushing import push_report
from simyard.agent.slurm.job import SlurmJob
from simyard.errors import ProtocolError, is_out_of_space
from simyard.protocol import rundir
from simyard.protocol.agents import RunEvents, RunNote, StartFailed, StopFailed
from simyard.protocol.jobs import Kind, Remote, RunSpec

log = logging.getLogger(__name__)


class Keeper:
    """Keeps one run. The agent's handlers call `follow`, `stored`, `stop` and so on; `keep` is its task.

    With a `spec` the run is to be started; without one it is adopted, as its directory shows it.
    """

    def __init__(self, tools: Tools, marker: Marker, spec: Optional[RunSpec] = None) -> None:
        self.marker = marker
        self.facts = Facts()
        self.settled = False
        self.directory = tools.place.run_dir(marker.run)
        self._tools = tools
        self._spec = spec
        self._made = False
        self._marked: Optional[Marker] = None
        self._poke = asyncio.Event()
        self._unwanted = asyncio.Event()
        # the connection, and what was said over it
        self._link: Optional[Link] = None
        self._sent: Optional[Sent] = None
        self._follow_after: Optional[int] = None
        self._stop_told: Optional[Link] = None
        self._forgotten = False
        # what executes it
        self._job: Execution = JobCmd(tools, self.directory, self._poke.set)
        if tools.slurm is not None:
            self._job = SlurmJob(
                tools.slurm, tools.threads, tools.conclude, marker.run, self.directory, self._poke.set, tools.host, tools.boot
            )
        self._stop = Stop()
        self._why_told = False
        self._noted: Any = None

    @property
    def run(self) -> str:
        return self.marker.run

    @property
    def final(self) -> bool:
        return self.facts.final is not None

    # ── what handlers say ───────────────────────────────────────────────────────────────────────────────────────────

    def ring(self) -> None:
        """Its directory may have something new."""
        self._poke.set()

    def follow(self, link: Link, after: int) -> None:
        """Send the events after number `after` over this connection."""
        if self._link is not link:
            self._link, self._sent, self._follow_after = link, None, after
            self._poke.set()

    def unlink(self) -> None:
        """The connection has ended."""
        self._link = self._sent = self._follow_after = self._noted = None

    def renew(self, epoch: int) -> None:
        """The supervisor speaks of this run in a newer epoch: there is one directory, so it is the same execution."""
        old = self.marker
        if epoch > old.epoch:
            self.marker = dataclasses.replace(old, epoch=epoch)
            if self._link is not None:
                # what is under way in the one before is not heard, nor is it confirmed: all of it is said again
                self._sent, self._follow_after = None, 0
                self._poke.set()

    def stored(self, last: int) -> None:
        """The supervisor has stored the events up to `last`."""
        if self._sent is not None:
            was_open = self._sent.open
            self._sent.confirm(last)
            if self.final or not was_open:
                self._poke.set()  # else there is nothing that waits for it

    def stop(self) -> None:
        """The run is not wanted any more. Repeating it is harmless."""
        if self._stop.since is None:
            self._stop.since = time.monotonic()
            self._unwanted.set()
            self._poke.set()

    def end(self, reason: str, cause: str) -> None:
        """It has to end, and has failed for this reason. Repeating it is harmless; of this and a stop the first counts."""
        if self._stop.since is None and not self.final:
            self._stop.ending = preparing.Ending(reason=reason, cause=cause)
            self.stop()

    def forget(self) -> None:
        """The supervisor has nothing to do with this run (any more): if it lives, it ends unseen."""
        self._forgotten = True
        self.unlink()
        self.stop()
        self._poke.set()

    # ── the task ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def keep(self) -> None:
        """Return when the run is settled: its final event is stored, or it could not be started and that was said."""
        if not await self._prepared():
            self.settled = True
            return
        if not self._made:
            await self._job.recall()
        elif self._stop.since is None:
            # a directory that was just made needs no look
            self._job.launch(self.marker)
            await self._pause(POLL)
        while not self.settled:
            pause = POLL
            try:
                pause = await self._turn()
            except LinkDown:
                if self._link is not None and self._link.down:
                    self.unlink()
            except Exception:
                # the wall of a run: a fault in looking after it must neither end the agent nor leave the run unseen
                log.exception("Run %s: looking after it failed; going on.", self.run)
            if not self.settled:
                await self._pause(pause)
        await self._job.seen_off(self.facts, self.marker.grace, self._pause)
        self._job.let_go()
        await self._tools.threads.quick(self._tools.place.remove_marker, self.run)

    async def _prepared(self) -> bool:
        """Have the run's directory and marker there."""
        threads, place, spec = self._tools.threads, self._tools.place, self._spec
        self._spec = None
        try:
            if spec is not None and await self._tools.providing.wanted(spec, self._is_fetching, self._unwanted):
                slurm, script = self._tools.slurm, ""
                cpus: Sequence[int] = ()
                if slurm is not None:
                    script = slurm.script(spec, self.directory)
                else:
                    cpus = self._tools.cores.take(spec.run, spec.resources.cores)
                self._made = await self._tools.providing.prepare(spec, self.marker.epoch, cpus, self._is_fetching, script)
            else:
                kept = await threads.quick(preparing.keep, place, self.marker)
                self.marker = kept if kept.epoch >= self.marker.epoch else self.marker
        except preparing.Stale as error:
            log.warning("%s", error.detail)
        except preparing.CannotPrepare as error:
            await self._not_started(error.detail, preparing.CAUSES.get(error.code, "start"))
        except (OSError, ProtocolError) as error:
            full = isinstance(error, OSError) and is_out_of_space(error)
            await self._not_started(
                preparing.why(error) if isinstance(error, OSError) else error.detail, "disk" if full else "start"
            )
        else:
            self._marked = self.marker
            return True
        return False

    async def _is_fetching(self, words: str) -> None:
        try:
            await self._say(RunNote(run=self.run, epoch=self.marker.epoch, remote=Remote(words=words, at=time.time())))
        except LinkDown:
            pass  # it is gone on with over the next one, and told there

    async def _not_started(self, reason: str, cause: str) -> None:
        # where the link is down, the next Hello does not name the run, and the supervisor sends it again
        log.warning("Run %s has no directory: %s", self.run, reason)
        try:
            await self._say(StartFailed(run=self.run, epoch=self.marker.epoch, reason=reason, cause=cause))
        except LinkDown:
            pass

    async def _pause(self, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._poke.set)
        try:
            await self._poke.wait()
        finally:
            timer.cancel()
        self._poke.clear()

    async def _turn(self) -> float:
        """Look, judge, act, send. Answers how long to wait for the next turn (seconds)."""
        if self.marker is not self._marked:
            self._marked = self.marker
            await self._tools.threads.quick(self._tools.place.write_marker, self.marker)
        if self._follow_after is not None:
            await self._find_place(self._follow_after)
        reading, sending = await self._look()
        await self._job.attend(self.facts)
        step = self._job.step(self.facts, self._stop, self.marker.grace, time.monotonic()) if reading.at_end else WAIT
        if step.do is Do.CONCLUDE and not self._job.is_fresh:
            # only what was seen in this very look may end a run
            self._job.look_again()
            return 0.0
        await self._act(step)
        await self._note()
        if sending is not None and sending is self._sent:
            await self._send(reading, sending)
        self._settle()
        if self.settled and self._surplus():
            # the supervisor has stored more than there is: it knows events of another directory, which was here once
            reason = "Its run directory was gone, and with it every trace of what it did."
            await self._say(StartFailed(run=self.run, epoch=self.marker.epoch, reason=reason, cause="lost"))
        sent = self._sent
        unsent = (
            sent is not None and sent.open and sent.cursor.n < (self.facts.final.n if self.facts.final else self.facts.seen.n)
        )
        if not reading.at_end or unsent:
            return 0.0
        if step.do is Do.CONCLUDE:
            return POLL if self._job.tries else SOON / 10
        if self.final:
            return 60.0  # nothing changes any more but by the supervisor's word, which rings
        return self._job.pause(self._stop)

    async def _find_place(self, after: int) -> None:
        """Where in the file to go on sending."""
        link, self._follow_after = self._link, None
        final = self.facts.final
        if final is not None and self.facts.concluded_here and after >= final.n:
            # whoever follows a run has no final event of it: this one must come after what was stored of the old record
            self.facts.disbelieve(self.facts.damaged, after)
            cursor = self.facts.seen
        else:
            try:
                cursor = await self._tools.threads.quick(following.locate, self.directory, after)
            except Damaged as error:
                self.facts.disbelieve(error.detail, after)
                cursor = self.facts.seen
        if self._link is link and self._follow_after is None:
            self._sent = Sent(cursor)

    async def _look(self) -> Tuple[Reading, Optional[Sent]]:
        """Read on, from where the supervisor is to be sent the next events, and see now and then whether the job cmd lives."""
        now = time.monotonic()
        lock = not self.final and self._job.looks_at_lock(now, self._stop)
        sending = self._sent if self._sent is not None and self._sent.open else None
        cursor = sending.cursor if sending is not None else self.facts.seen
        done = bool(self.final or self.facts.damaged) and cursor.n >= self.facts.seen.n
        holder, reading = None, Reading((), cursor, at_end=True)
        if lock or not done:
            holder, found = await self._tools.threads.quick(look, self.directory, None if done else cursor, lock)
            reading = found or reading
        if self._stop.since is not None and not self.final and not self._job.is_gone and _is_last(reading):
            # it has said its last word, and is not gone yet: until then its stop is under way
            reading = await self._tools.threads.quick(without_last, self.directory, reading)
        self._job.saw(holder, now, begun=self.facts.begun)
        self._learn(reading)
        return reading, sending

    def _learn(self, reading: Reading) -> None:
        if reading.damaged and reading.cursor.n < self.facts.seen.n:
            self.facts.disbelieve(reading.damaged, reading.cursor.n)
        self.facts.learn(reading)
        if self.facts.damaged and self._stop.since is None and not self.final:
            log.warning("Run %s is not believed any further: %s", self.run, self.facts.damaged)
            self._stop.since = time.monotonic()

    # ── doing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _act(self, step: Step) -> None:
        if step.stop_failed and self._link is not None and self._stop_told is not self._link:
            self._stop_told = self._link
            await self._say(StopFailed(run=self.run, epoch=self.marker.epoch, reason=self._job.stop_words))
        if step.do is Do.LAUNCH:
            self._job.launch(self.marker)
        elif step.do is Do.TERM:
            # a job cmd that could not be told why would say that its user has stopped it
            await self._job.signal(signal.SIGTERM if await self._why_is_told() else signal.SIGKILL, self.facts)
        elif step.do is Do.KILL:
            await self._job.signal(signal.SIGKILL, self.facts)
        elif step.do is Do.CONCLUDE:
            done = await self._job.conclude(step, self.facts)
            if done and (self.facts.damaged or self._job.given_up):
                # what the file says is not believed, or it cannot be written: the final event stands here only
                self.facts.conclude_here(time.time(), step.state, step.reason, step.cause)

    async def _why_is_told(self) -> bool:
        """Whether the job cmd, once it is signalled, will know why it has to end."""
        # a cluster ends runs as well: there the job cmd is told of every stop that is not the cluster's
        ending = self._stop.ending or (preparing.Ending(reason="", cause="") if self._job.is_remote else None)
        if ending is not None and not self._why_told:
            try:
                await self._tools.threads.quick(preparing.leave_word, self.directory, ending)
            except OSError as error:
                log.warning("Why run %s is ended cannot be left there: %s", self.run, error)
                return False
            self._why_told = True
        return True

    # ── saying ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _say(self, message: Any) -> None:
        if self._link is not None:
            await self._link.say(message)

    async def _note(self) -> None:
        """Say what the cluster says of it, if that is not what was said last over this connection."""
        remote = self._job.remote(self.facts) if self._link is not None else None
        if remote is None or (self.final and self._noted is not None):
            return
        what = dataclasses.replace(remote, at=0.0)
        if what != self._noted:
            await self._say(RunNote(run=self.run, epoch=self.marker.epoch, remote=remote))
            self._noted = what

    async def _send(self, reading: Reading, sending: Sent) -> None:
        """Send what was read; before the final event of a quick run, its report."""
        link, final = self._link, self.facts.final
        if link is None or sending.cursor.n >= (final.n if final is not None else self.facts.seen.n):
            return
        events, cursor = reading.events, reading.cursor
        if final is not None and self.facts.concluded_here and cursor.n == final.n - 1:
            events, cursor = (*events, final), Cursor(final.n, cursor.offset)
        if not events:
            return
        if self.marker.kind is Kind.QUICK and events[-1].event == rundir.FINAL:
            await push_report(link, self._tools.threads, self.directory, self.run, self.marker.epoch, events[-1])
        sending.sent(cursor)
        await link.say(RunEvents(run=self.run, epoch=self.marker.epoch, events=events))

    def _settle(self) -> None:
        """Nothing is left to be done once the final event was sent and everything up to it is stored."""
        final, sent = self.facts.final, self._sent
        if final is not None and (self._forgotten or (sent is not None and min(sent.stored, sent.cursor.n) >= final.n)):
            self.settled = True

    def _surplus(self) -> bool:
        final, sent = self.facts.final, self._sent
        return final is not None and sent is not None and sent.stored > final.n


def _is_last(reading: Reading) -> bool:
    return bool(reading.events) and reading.events[-1].event == rundir.FINAL


def without_last(directory: str, reading: Reading) -> Reading:
    """What was read, but for the final event. Blocking."""
    cursor = following.locate(directory, reading.cursor.n - 1)
    return dataclasses.replace(reading, events=reading.events[:-1], cursor=cursor, at_end=True)


def look(directory: str, cursor: Optional[Cursor], lock: bool) -> Tuple[Optional[int], Optional[Reading]]:
    """The lock's holder (if asked for), then what is new after the cursor (if there is one). In this order: what a holder
    wrote before it let go is then read. Blocking."""
    holder = locks.holder(os.path.join(directory, rundir.LOCK)) if lock else None
    if cursor is not None and cursor.n == 0:
        # a shared file system may remember for half a minute that there was no such file, unless its folder is looked at
        os.close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    return holder, following.read(directory, cursor) if cursor is not None else None
