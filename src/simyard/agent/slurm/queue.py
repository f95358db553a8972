"""All of a user's runs in Slurm: one question for all of them each interval, however many there are, and what became of each."""

from __future__ import annotations

import logging
from typing import Callable, Dict, FrozenSet, List, Optional

from simyard.agent.slurm import text
from simyard.agent.slurm.programs import Answer, NoSuchProgram, Programs, Unanswered
from simyard.agent.slurm.text import Read, Seen
from simyard.errors import SimyardError
from simyard.protocol.batch import Partition

log = logging.getLogger(__name__)
#: Slurm is asked this often while it has runs of ours (seconds). That a run began and ended is told sooner by its own events.
INTERVAL = 5.0
#: … and no more seldom than this while it does not answer.
LAST_INTERVAL = 30.0
#: The accounting learns of a job's end some time after the queue has forgotten it (seconds).
_ACCOUNTED = 30.0
#: An accounting that does not answer is left alone for so long (seconds): it tells of those only that nothing else tells of.
_ACCOUNT_AGAIN = 60.0
#: A submission that takes longer is ended (seconds): so a program that has outlived its agent cannot submit anything after that.
SUBMIT_LIMIT = 60.0
#: At most so many runs stand in one question.
_MOST = 500


class Refused(SimyardError):
    """Slurm took the submission for wrong; `detail` has its words. Nothing was submitted."""

    def __init__(self, detail: str) -> None:
        super().__init__("slurm-refused", detail)


class AtLimit(Refused):
    """Slurm takes no more jobs of this user now. Nothing was submitted, and later it may be."""


class Queue:
    """What is known of jobs, by run. `user` is the login on the cluster; `clock` is monotonic, `now` in seconds since the epoch.

    A job of which Slurm tells nothing stays as it was last seen: only Slurm's own word, that it has no such job and
    that its accounting has none either, makes it `gone`. A run that is sought has a job or none: nobody knows yet.
    """

    def __init__(
        self, programs: Programs, user: str, clock: Callable[[], float], now: Callable[[], float], interval: float = INTERVAL
    ) -> None:
        #: By run, its job as it was last seen: of the number that is followed, or any that is not excluded where it is sought.
        self.known: Dict[str, Seen] = {}
        #: Runs of which Slurm says that it knows nothing any more.
        self.gone: set[str] = set()
        #: Jobs that a run has beside the one that is followed, and which are not over.
        self.surplus: Dict[str, List[int]] = {}
        #: By run that is sought: when the questions began which found no job of it (`clock`).
        self.absent: Dict[str, float] = {}
        #: When Slurm answered last (`now`), 0 for never; since when it has not, and its words (None and "" while it does).
        self.answered = 0.0
        self.silent_since: Optional[float] = None
        self.silent_words = ""
        self._programs, self._user, self._clock, self._now, self._normal = programs, user, clock, now, interval
        self._followed: Dict[str, int] = {}
        self._sought: Dict[str, FrozenSet[int]] = {}
        self._since: Dict[str, float] = {}
        self._missing: Dict[str, float] = {}
        self._has_accounting = True
        self._account_at = float("-inf")
        self._after_queue = False
        self._queue_began = float("-inf")
        self._interval = interval
        self._next_at = float("-inf")

    def follow(self, run: str, job: int) -> None:
        """Look after this job from now on."""
        self._leave(run)
        if (seen := self.known.get(run)) is not None and seen.job != job:
            del self.known[run]
        self._followed[run], self._since[run] = job, self._clock()

    def seek(self, run: str, *, but: FrozenSet[int] = frozenset()) -> None:
        """Find out whether there is a job of this run beside those: `known` has it then, or `absent` says since when there is none."""
        self.forget(run)
        self._sought[run], self._since[run] = but, self._clock()

    def forget(self, run: str) -> None:
        self._leave(run)
        self.known.pop(run, None)

    def _leave(self, run: str) -> None:
        for table in (self._followed, self._missing, self._sought, self._since, self.absent, self.surplus):
            table.pop(run, None)
        self.gone.discard(run)

    def is_missing(self, run: str) -> bool:
        """Whether the queue has no such job (any more), and nothing else has told of it yet."""
        return run in self._missing

    @property
    def due(self) -> float:
        """In how many seconds `look` is to be called again; 0 for at once."""
        return max(0.0, self._next_at - self._clock())

    async def look(self) -> None:
        """Ask once for all: the queue, and in turn with it, where it does not tell of some, the accounting. Raises nothing: that there
        is no answer is a fact too."""
        began = self._clock()
        try:
            if self._after_queue and self._wants_account(began):
                self._after_queue = False
                await self._ask_account()
            else:
                self._after_queue = True
                self._saw(await self._all(), began)
                self._interval, self.answered = self._normal, self._now()
                self.silent_since, self.silent_words = None, ""
        except Unanswered as error:
            self._interval = min(max(LAST_INTERVAL, self._normal), self._interval * 2)
            if self.silent_since is None:
                self.silent_since = self._now()
                log.warning("Slurm does not answer: %s", error.detail)
            self.silent_words = error.detail
        ended = self._clock()
        # who takes long to answer is asked less often
        self._next_at = max(began + self._interval, ended + min(ended - began, LAST_INTERVAL))

    async def find(self, run: str) -> Optional[Seen]:
        """The newest job of a run in the queue; None: it has none. Raises Unanswered."""
        found = [seen for seen in (await self._all()).jobs if seen.run == run]
        return max(found, key=lambda one: one.job) if found else None

    async def submit(self, path: str) -> int:
        """Have a job of the script in this file; its number. Raises Refused, or Unanswered: then there may be one, and `seek` will tell."""
        # sbatch reads the file as a whole before it speaks to anybody. It must not live on unseen where this process dies
        limited = ["timeout", "--kill-after=5", f"{SUBMIT_LIMIT:g}", "sbatch", "--parsable", path]
        answer = await self._programs.run(limited, limit=SUBMIT_LIMIT + 15, environment=self._programs.of_jobs)
        number = text.read_sbatch(answer.out) if answer.status == 0 else None
        if number is not None:
            return number
        words = _words(answer)
        # a status from 124 on is not sbatch's own: it was ended, or not found
        if not 0 < answer.status < 124 or not words or text.is_silence(words):
            raise Unanswered(f"sbatch: {words or _ended(answer.status)}")
        said = f"Slurm refuses the job: {text.without_name(words, 'sbatch')}"
        raise AtLimit(said) if text.is_at_limit(words) else Refused(said)

    async def cancel(self, jobs: List[int], *how: str) -> None:
        """Have Slurm end these jobs, or with further options only some of them, or send them a signal. A successful return means that Slurm
        was told; that they are gone is seen by `look`. One that is over already is no error. Raises Unanswered."""
        answer = await self._programs.run(["scancel", *how, *map(str, jobs)])
        words = _words(answer)
        odd = [line for line in words.splitlines() if not text.is_unknown_job(line) and not text.is_over_already(line)]
        if answer.status != 0 and (odd or not words):
            raise Unanswered(f"scancel: {text.without_name(words, 'scancel') or _ended(answer.status)}")

    async def partitions(self) -> Dict[str, Partition]:
        """What the cluster's partitions take. Raises Unanswered."""
        return text.read_partitions(_said(await self._programs.run(text.partitions()), "scontrol"))

    async def _all(self) -> Read:
        """The user's runs that the queue tells of."""
        read = text.read_squeue(_said(await self._programs.run(text.squeue(self._user)), "squeue"))
        if read.rubbish:
            log.warning("squeue said what is not understood: %r", read.rubbish[:3])
            if not read.jobs:
                raise Unanswered(f"squeue printed what is not understood: {read.rubbish[0]}")
        return read

    def _saw(self, read: Read, began: float) -> None:
        self.surplus.clear()
        self._queue_began = began
        # of half an answer nothing is missing; a site's own words hold no columns
        is_whole = not any("|" in line for line in read.rubbish)
        jobs: Dict[str, List[Seen]] = {}
        for seen in sorted(read.jobs, key=lambda one: one.job):
            jobs.setdefault(seen.run, []).append(seen)
        for run, job in self._followed.items():
            mine = [seen for seen in jobs.get(run, ()) if seen.job == job]
            if mine:
                self.known[run] = mine[0]
                self._missing.pop(run, None)
                self.gone.discard(run)
            elif is_whole and run not in self.gone and self._since[run] <= began:
                self._missing.setdefault(run, self._clock())
            if more := [seen.job for seen in jobs.get(run, ()) if seen.job != job and seen.ended is None]:
                self.surplus[run] = more
        for run, but in self._sought.items():
            found = [seen for seen in jobs.get(run, ()) if seen.job not in but]
            if found:
                self.known[run] = found[-1]
                self.absent.pop(run, None)
            elif is_whole and self._since[run] <= began and not self._has_accounting:
                self.absent[run] = began

    # ── those of which the queue tells nothing ──────────────────────────────────────────────────────────────────────

    def _wants_account(self, now: float) -> bool:
        return now >= self._account_at and bool(self._missing or self._unfound())

    def _unfound(self) -> List[str]:
        return [run for run in self._sought if run not in self.known and self._since[run] <= self._queue_began]

    async def _ask_account(self) -> None:
        """The queue forgets a job some minutes after its end: then the accounting knows, or Slurm itself by the job's number."""
        try:
            # in turn, as they are named differently
            unfound = self._unfound()
            if self._has_accounting and unfound and not self._missing:
                await self._ask_for_sought(unfound[:_MOST])
            else:
                await self._ask_for_missing()
        except Unanswered as error:
            # Slurm itself answers: what it says of all others stands
            log.warning("The accounting does not answer: %s", error.detail)
            self._account_at = self._clock() + _ACCOUNT_AGAIN

    async def _ask_for_missing(self) -> None:
        missing = {run: self._followed[run] for run in list(self._missing)[:_MOST]}
        found = await self._accounted(list(missing.values())) if self._has_accounting else await self._shown()
        if found is None:
            return
        for run, job in missing.items():
            seen = found.get(job)
            if seen is not None and seen.run in {run, ""} and seen.ended is not None:
                self.known[run] = Seen(**{**seen.__dict__, "run": run})
                del self._missing[run]
                # it is over for good: nothing more is to be asked of it
                self._followed.pop(run)
            # an accounting may have as running for ever what Slurm has lost
            elif self._clock() - self._missing[run] > _ACCOUNTED:
                self.gone.add(run)
                del self._missing[run]

    async def _ask_for_sought(self, unfound: List[str]) -> None:
        # of the two questions the queue's came first
        began = self._queue_began
        found = await self._accounted([], tuple(unfound))
        if found is None:
            return
        for run in unfound:
            mine = [job for job, seen in found.items() if seen.run == run and job not in self._sought[run]]
            if mine:
                self.known[run] = found[max(mine)]
            else:
                self.absent[run] = began

    async def _accounted(self, jobs: List[int], runs: tuple[str, ...] = ()) -> Optional[Dict[int, Seen]]:
        """From the accounting, all in one question; None where the cluster has none."""
        try:
            answer = await self._programs.run(text.sacct(jobs, self._now() - 30 * 86400, runs=runs))
        except NoSuchProgram:
            answer = None
        if answer is None or (answer.status != 0 and text.is_no_accounting(_words(answer))):
            log.warning("The cluster has no accounting: jobs that are over are known for some minutes only.")
            self._has_accounting = False
            return None
        return {seen.job: seen for seen in text.read_sacct(_said(answer, "sacct")).jobs}

    async def _shown(self) -> Dict[int, Seen]:
        """From Slurm itself: one question for all jobs that it still has."""
        answer = await self._programs.run(text.scontrol_jobs())
        return {seen.job: seen for seen in text.read_scontrol_job(_said(answer, "scontrol")).jobs}


def _words(answer: Answer) -> str:
    return answer.error or answer.out.strip()[-500:]


def _ended(status: int) -> str:
    return {0: "it printed no number", 124: "it did not end in time", 127: "there is no such program"}.get(
        status, f"exit status {status}"
    )


def _said(answer: Answer, program: str) -> str:
    """What a program printed; raises Unanswered where it failed: whatever it says then is no statement about any job."""
    if answer.status != 0:
        raise Unanswered(f"{program}: {text.without_name(_words(answer), program) or _ended(answer.status)}")
    return answer.out
