"""The Slurm job of one run, as its keeper handles it: submitted once for each part, seen by Slurm's word, ended, and spoken for when it is
over."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import time
from typing import Any, Awaitable, Callable, Dict, List, Optional

from simyard.agent.execution import Stop
from simyard.agent.facts import Facts
from simyard.agent.judgement import Step
from simyard.agent.place import Marker
from simyard.agent.slurm import attempts, judging
from simyard.agent.slurm.attempts import POSTPONED, REFUSED, SUBMITTED, SUBMITTING, Attempt
from simyard.agent.slurm.meaning import Meaning, meaning, waiting
from simyard.agent.slurm.programs import Unanswered
from simyard.agent.slurm.queue import SUBMIT_LIMIT, AtLimit, Refused
from simyard.agent.slurm.shared import Slurm
from simyard.agent.slurm.text import Seen
from simyard.agent.threads import Threads
from simyard.protocol.jobs import Remote

log = logging.getLogger(__name__)
#: Whether a job that should be over is gone is looked at this often (seconds).
POLL = 1.0
#: After the last moment at which a submission can have been sent, a controller has this long to have it in its queue (seconds).
SETTLE, LAST_SETTLE = 10.0, 120.0
#: Clocks of two login nodes may differ by so much (seconds).
SKEW = 30.0
#: A user's limit of jobs is tried again after this (seconds), at first and at last.
AT_LIMIT, LAST_AT_LIMIT = 30.0, 300.0
#: A final event that cannot be written is told nevertheless after so many tries; so is one of a run whose job cmd still holds its lock, though
#: Slurm says that it is over: its node may be beyond Slurm's reach.
CONCLUDE_TRIES = 10
#: A job whose run is over has this long to end by itself, and after it was ended this long to be gone (seconds).
LINGER, GIVE_UP = 30.0, 600.0
_NEVER = float("inf")
#: In these states the job cmd is there to be told.
_RUNS = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING"})


class SlurmJob:
    """`changed` is called when there is news of it."""

    is_remote = True
    #: By Slurm's word, which is waited for.
    is_fresh = True

    def __init__(self, slurm: Slurm, threads: Threads, conclude: Callable[..., Any], run: str, directory: str, changed: Callable[[], None],
                 host: str, boot: str) -> None:  # fmt: skip
        self.tries = 0
        self._slurm, self._threads, self._conclude, self._changed = slurm, threads, conclude, changed
        self._run, self._directory, self._host, self._boot = run, directory, host, boot
        self._attempts: List[Attempt] = []
        self._saved = True
        self._task: Optional[asyncio.Task[None]] = None
        self._unwanted = False
        self._start_failure = ""
        # of a submission that was not answered
        self._settled_at, self._settle, self._why_unknown = _NEVER, SETTLE, ""
        self._scanned_at = float("-inf")
        self._postponed_until, self._postpone, self._at_limit = float("-inf"), AT_LIMIT, ""
        # of a job that is over
        self._over: Optional[Meaning] = None
        self._over_since: Optional[float] = None
        self._never_ran = self._is_unknown = False
        self._printed: Optional[str] = None
        self._termed: Optional[float] = None
        self._termed_how = ""

    # ── what is known ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _last(self) -> Optional[Attempt]:
        return self._attempts[-1] if self._attempts else None

    @property
    def _seen(self) -> Optional[Seen]:
        last, seen = self._last, self._slurm.queue.known.get(self._run)
        return seen if last is not None and seen is not None and seen.job == last.job else None

    async def recall(self) -> None:
        """Take up what the run's directory says of it, after a restart of the agent."""
        self._attempts = list(await self._threads.quick(attempts.read, self._directory))
        self._printed = await self._threads.quick(attempts.output, self._directory)
        last = self._last
        if last is None:
            if not await self._threads.quick(os.path.exists, os.path.join(self._directory, attempts.SCRIPT)):
                self._start_failure = "What is to be run is not known any more: its run directory has no script."
            return
        self._slurm.enter(self._run, self._changed)
        if last.state == SUBMITTED:
            self._slurm.queue.follow(self._run, last.job)
        elif last.state == SUBMITTING:
            self._seek("Its agent was ended while it was submitted")
            if last.host != self._host:
                # whoever was submitting it there cannot be seen from here
                left = SUBMIT_LIMIT + SKEW - max(0.0, time.time() - last.at)
                self._settled_at = time.monotonic() + SETTLE + min(SUBMIT_LIMIT + SKEW, max(0.0, left))
            elif last.boot != self._boot:
                self._settled_at = time.monotonic() + SETTLE

    async def attend(self, facts: Facts) -> None:
        """Take in what Slurm has said since the last turn."""
        last, queue = self._last, self._slurm.queue
        if last is None or self._task is not None:
            return
        if last.state == SUBMITTING:
            await self._attend_unknown(facts)
        elif last.state == SUBMITTED:
            if facts.job and facts.job != last.job and facts.job not in attempts.numbers(self._attempts):
                log.warning("Run %s has begun as job %d, not %d: it is that one.", self._run, facts.job, last.job)
                await self._is_job(facts.job)
            for job in queue.surplus.get(self._run, ()):
                if job not in attempts.numbers(self._attempts):
                    log.warning("Run %s has job %d in Slurm beside its own: that one is ended.", self._run, job)
                    self._slurm.end(job)
            await self._attend_job()
        if not self._saved:
            await self._save()

    async def _attend_unknown(self, facts: Facts) -> None:
        seen = self._slurm.queue.known.get(self._run)
        told = facts.job if facts.job not in attempts.numbers(self._attempts[:-1]) else 0
        if seen is not None or told:
            await self._is_job(seen.job if seen is not None else told)
        elif self._settled_at == _NEVER and time.monotonic() - self._scanned_at > 1.0:
            self._scanned_at = time.monotonic()
            if not await self._threads.quick(attempts.is_under_way, self._directory):
                self._settled_at = time.monotonic() + self._settle

    async def _is_job(self, job: int) -> None:
        last = self._last
        assert last is not None
        self._attempts[-1] = dataclasses.replace(last, state=SUBMITTED, job=job)
        self._slurm.queue.follow(self._run, job)
        self._saved = False
        await self._save()

    async def _attend_job(self) -> None:
        seen, is_gone = self._seen, self._run in self._slurm.queue.gone
        told = meaning(seen) if seen is not None else None
        if not is_gone and (told is None or not told.is_over):
            self._over, self._over_since, self._is_unknown = None, None, False
            return
        # what it has printed may come a moment later than Slurm's word
        self._printed = await self._threads.quick(attempts.output, self._directory)
        self._over, self._is_unknown = told, is_gone
        self._never_ran = not is_gone and seen is not None and not seen.nodes and self._printed is None
        if self._over_since is None:
            self._over_since = time.monotonic()

    @property
    def is_gone(self) -> bool:
        """By Slurm's word."""
        last = self._last
        if self._task is not None:
            return False
        return (
            last is None
            or last.state in {REFUSED, POSTPONED}
            or self._over_since is not None
            or (last.state == SUBMITTING and self._is_absent)
        )

    @property
    def _is_absent(self) -> bool:
        told = self._slurm.queue.absent.get(self._run)
        return told is not None and told >= self._settled_at

    def step(self, facts: Facts, stop: Stop, grace: float, now: float) -> Step:
        """What is to be done next."""
        last = self._last
        self._unwanted = stop.since is not None
        if self._termed_how != self._how(facts):
            self._termed = None
        return judging.judge(
            judging.View(
                now=now, final=facts.final is not None, begun=facts.begun and not facts.paused, paused=facts.paused, stopped=facts.stopped is not None,
                grace=grace, attempt=last.state if last is not None else "", is_absent=self._is_absent,
                is_busy=self._task is not None or (now < self._postponed_until and not self._unwanted),
                parts=len(self._attempts), refused=last.words if last is not None else "", start_failure=self._start_failure, over=self._over,
                over_since=self._over_since, never_ran=self._never_ran, is_gone=self._is_unknown, printed=self._printed, damaged=facts.damaged,
                stop_since=stop.since, termed=self._termed, ending=stop.ending.reason if stop.ending else "",
                ending_cause=stop.ending.cause if stop.ending else "",
            )
        )  # fmt: skip

    def remote(self, facts: Facts) -> Remote:
        """What its user is told of it."""
        last, seen, queue = self._last, self._seen, self._slurm.queue
        return Remote(
            job=str(last.job) if last is not None and last.job else "", state=seen.state if seen is not None else "",
            words=self._words(facts, last, seen), expected=seen.expected if seen is not None else None, at=queue.answered,
            silent_since=queue.silent_since,
        )  # fmt: skip

    def _words(self, facts: Facts, last: Optional[Attempt], seen: Optional[Seen]) -> str:
        if self._at_limit and self._task is None and self._postponed_until > time.monotonic():
            return f"{self._at_limit} It is submitted again soon."
        if last is None or self._task is not None or last.state in {REFUSED, POSTPONED}:
            return "Its next part is being submitted to Slurm." if facts.paused else "It is being submitted to Slurm."
        if last.state == SUBMITTING:
            return f"Whether Slurm has its job is not known yet, and is found out before it is submitted again. {self._why_unknown}".strip()
        if self._slurm.queue.is_missing(self._run) or self._is_unknown:
            return "Slurm's queue does not have its job any more; what became of it is being found out."
        words = _told(seen) if seen is not None else "It was submitted to Slurm."
        return f"{words} It is its part {len(self._attempts)}." if len(self._attempts) > 1 else words

    def looks_at_lock(self, now: float, stop: Stop) -> bool:
        """What locks say on a shared file system is not believed."""
        return False

    def saw(self, holder: Optional[int], now: float, *, begun: bool) -> None: ...

    def look_again(self) -> None: ...

    def pause(self, stop: Stop) -> float:
        return self._slurm.pause

    # ── doing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def launch(self, marker: Marker) -> None:
        """Submit its script, in a task of its own."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._submit())

    async def _submit(self) -> None:
        try:
            async with self._slurm.turn:
                if not self._unwanted:
                    await self._submit_now()
        except Exception as error:
            # the wall of a submission: what it was is not known, so Slurm is asked
            log.exception("Run %s: its submission failed.", self._run)
            self._unknown(f"{type(error).__name__}.")
        finally:
            self._task = None
            self._changed()

    async def _submit_now(self) -> None:
        before = list(self._attempts)
        if before and before[-1].state in {SUBMITTING, POSTPONED}:
            before.pop()  # Slurm has no job of it
        new = Attempt(SUBMITTING, round(time.time(), 3), self._host, self._boot)
        try:
            await self._threads.quick(attempts.write, self._directory, [*before, new])
        except OSError as error:
            # nothing was sent
            self._start_failure = (
                f"That it is submitted could not be written down: {error.strerror or error}. Free some space, then run it again."
            )
            return
        self._attempts = [*before, new]
        self._over = self._over_since = self._termed = None
        self._never_ran = self._is_unknown = False
        self._slurm.enter(self._run, self._changed)
        self._slurm.queue.forget(self._run)
        try:
            job = await self._slurm.queue.submit(os.path.join(self._directory, attempts.SCRIPT))
        except AtLimit as error:
            self._attempts[-1], self._at_limit = dataclasses.replace(new, state=POSTPONED), error.detail
            self._postponed_until = time.monotonic() + self._postpone
            self._postpone = min(LAST_AT_LIMIT, self._postpone * 2)
            asyncio.get_running_loop().call_later(self._postponed_until - time.monotonic() + 0.1, self._changed)
        except Refused as error:
            self._attempts[-1] = dataclasses.replace(new, state=REFUSED, words=error.detail)
        except Unanswered as error:
            self._unknown(error.detail)
            return
        else:
            self._attempts[-1] = dataclasses.replace(new, state=SUBMITTED, job=job)
            self._settle, self._postpone, self._at_limit = SETTLE, AT_LIMIT, ""
            self._slurm.queue.follow(self._run, job)
        self._saved = False
        await self._save()

    def _unknown(self, why: str) -> None:
        """There may be a job or none. The program has ended: what it has sent is with the controller by now, or was never sent."""
        self._seek(why)
        self._settled_at = time.monotonic() + self._settle
        self._settle = min(LAST_SETTLE, self._settle * 2)

    def _seek(self, why: str) -> None:
        self._why_unknown, self._settled_at = why, _NEVER
        self._slurm.queue.seek(self._run, but=attempts.numbers(self._attempts[:-1]))

    async def _save(self) -> None:
        """Write down what is known. Where that is not possible now it is tried again, and after a restart found out again."""
        try:
            await self._threads.quick(attempts.write, self._directory, list(self._attempts))
            self._saved = True
        except OSError as error:
            log.warning("Run %s: what was submitted cannot be written down: %s", self._run, error)

    def _how(self, facts: Facts) -> str:
        seen = self._seen
        if (facts.begun and not facts.paused) or (seen is not None and seen.state in _RUNS):
            return "--signal=TERM"
        # one that starts at this very moment is told as one that runs, the next time
        return "--state=PENDING" if seen is None or seen.state == "PENDING" else ""

    async def signal(self, number: signal.Signals, facts: Facts) -> None:
        """Have its job cmd told to end, or where it is not there to be told, or must not be waited for, its job ended."""
        last = self._last
        self._termed, self._termed_how = time.monotonic(), self._how(facts)
        if last is None or not last.job:
            return
        if number == signal.SIGKILL or not self._termed_how:
            self._slurm.end(last.job)
        elif self._termed_how == "--signal=TERM":
            self._slurm.end(last.job, "--batch", "--signal=TERM")
        else:
            self._slurm.end(last.job, self._termed_how)

    @property
    def stop_words(self) -> str:
        """Why a stop takes long."""
        if self._slurm.queue.silent_since is not None or self._slurm.cancel_words:
            said = self._slurm.cancel_words or self._slurm.queue.silent_words
            return f"Slurm does not answer, so it cannot be told, or whether its job is gone cannot be known; it is tried again and again. ({said})"
        return "Slurm has not ended its job yet, though it was told to; it is told again and again."

    @property
    def given_up(self) -> bool:
        """Whether its final event cannot be written, and must be told without."""
        return self.tries >= CONCLUDE_TRIES

    async def conclude(self, step: Step, facts: Facts) -> bool:
        """Say for it how the run ended. Whether that stands."""
        self.tries += 1
        try:
            stands = await self._threads.quick(
                self._conclude, self._directory, step.state.value, step.reason, self._usage(facts), step.cause
            )
        except Exception as error:  # noqa: BLE001
            # whatever it is, the run must get its final state: here, if not there
            log.warning("%s cannot be concluded (try %d): %s: %s", self._directory, self.tries, type(error).__name__, error)
            return self.given_up
        return stands is not None or self.given_up

    def _usage(self, facts: Facts) -> Dict[str, Any]:
        """What it has told itself, or else what Slurm has counted."""
        if facts.stopped:
            usage = facts.stopped.get("usage")
            if isinstance(usage, dict):
                return usage
        seen = self._seen
        started = facts.started or (seen.started if seen is not None and not self._never_ran else None)
        ended = seen.ended if seen is not None and seen.ended else time.time()
        wall = max(0.0, ended - started) if started else 0.0
        code = seen.exit_code if seen is not None else None
        return {
            "wall": round(wall, 3),
            "peak_memory": seen.peak_memory if seen is not None else 0,
            "exit_code": code,
            "signal": None,
        }

    async def seen_off(self, facts: Facts, grace: float, pause: Callable[[float], Awaitable[None]]) -> None:
        """Return when the job of the run, which is over, has ended by Slurm's word. It does so at once; if not, it must not go on unseen."""
        last, begun = self._last, time.monotonic()
        wanted = begun + LINGER + grace
        while last is not None and last.state == SUBMITTED and not self.is_gone:
            seen, now = self._seen, time.monotonic()
            if seen is not None and seen.state == "COMPLETING":
                break
            if now > begun + GIVE_UP:
                log.warning("Run %s is over, and Slurm does not say so of its job %d.", self._run, last.job)
                break
            if now > wanted:
                log.warning("Run %s is over by what its record says, and its job %d goes on: it is ended.", self._run, last.job)
                wanted = now + judging.ASK_AGAIN
                self._slurm.end(last.job)
            await pause(POLL)
            await self.attend(facts)

    def let_go(self) -> None:
        """The keeper has no more interest in it."""
        self._slurm.leave(self._run)


def _told(seen: Seen) -> str:
    """What Slurm says of a job, for the one who waits for it."""
    if seen.state == "PENDING":
        return waiting(seen, seen.partition, seen.count, seen.expected, time.time())
    if seen.state == "RUNNING" and seen.nodes:
        return f"It runs on {seen.nodes}."
    told = meaning(seen)
    # its own last words may still be on their way: those of Slurm's are for a run that has none
    return "Slurm has ended its job; what it came to is being found out." if told.is_over else told.words
