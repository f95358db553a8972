"""What is to be done about a run on a cluster, given what its files show and what Slurm says of its job. Pure: no I/O, no clock but
the one passed in.

Here nobody holds a lock that can be seen. A run goes on for as long as Slurm does not say that its job is over; and then its own last
word is waited for, which may still be on its way through a shared file system.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from simyard.agent.judgement import WAIT, Do, Step, damaged_words
from simyard.agent.slurm import attempts
from simyard.agent.slurm.meaning import STATES, Meaning
from simyard.protocol.jobs import State

#: After Slurm has said that a job is over, the run's own last event has this long to be seen (seconds).
PATIENCE = 5.0
#: A job that is asked to stop and goes on is asked again this often (seconds); Slurm's programs are not to be started all the time.
ASK_AGAIN = 15.0
#: Beyond the run's own grace a stop has this long before the job is ended by Slurm, and the stop is called failed (seconds).
STOP_PATIENCE = 15.0
_MANY = 500
#: What a job cmd prints that does not begin, because another one has.
_HELD = re.compile(r"another job cmd holds the lock|another job has begun the run|has begun already, or has ended")
_TWICE = (
    "A node of it was cut off, and Slurm began its job again while it still ran there; it was not run twice. What it had written is kept; "
    "run it again."
)


@dataclass(frozen=True)
class View:
    """What is known. Times are of one monotonic clock; None: has not happened.

    `attempt` is the state of the last submission, "" for none; `is_busy`: one is being made; `is_absent`: Slurm has no job of it, and none
    can be on its way. `over` is what Slurm says of a job that is over, `over_since` since when that is known here, and `never_ran`: it has had no
    node. `is_gone`: Slurm knows nothing of it. `begun`, `paused`, `stopped` are what the run's own events say of its last part; `printed`
    is the end of what its script has printed, None where it never ran.
    """

    now: float
    final: bool
    begun: bool
    paused: bool
    stopped: bool
    grace: float
    attempt: str
    is_busy: bool
    is_absent: bool
    parts: int = 0
    refused: str = ""
    start_failure: str = ""
    over: Optional[Meaning] = None
    over_since: Optional[float] = None
    never_ran: bool = False
    is_gone: bool = False
    printed: Optional[str] = None
    damaged: str = ""
    stop_since: Optional[float] = None
    termed: Optional[float] = None
    ending: str = ""
    ending_cause: str = ""


def judge(view: View) -> Step:
    """The next step for a run."""
    if view.final or view.is_busy:
        return WAIT
    if view.start_failure:
        return _ended(view, State.FAILED, view.start_failure, "start")
    if view.attempt == "":
        return _first(view)
    if view.attempt == attempts.POSTPONED:
        return (
            Step(Do.LAUNCH) if view.stop_since is None else _ended(view, State.CANCELED, "It was canceled before it began.", "")
        )
    if view.attempt == attempts.REFUSED:
        return _ended(view, State.FAILED, view.refused, "start")
    if view.attempt == attempts.SUBMITTING:
        return _unknown(view)
    if view.over_since is None:
        return _living(view)
    return _over(view)


def _first(view: View) -> Step:
    """Nothing of it was ever submitted."""
    if view.stop_since is not None:
        return _ended(view, State.CANCELED, "It was canceled before it began.", "")
    if view.begun or view.printed is not None:
        # what was submitted is not known any more, and something has run: it must not run twice
        return _ended(
            view,
            State.LOST,
            "Its record of what was submitted to Slurm is lost. What it had written is kept; run it again.",
            "lost",
        )
    return Step(Do.LAUNCH)


def _unknown(view: View) -> Step:
    """A submission was not answered, and Slurm has not told yet whether there is a job of it."""
    if not view.is_absent:
        return WAIT
    if view.stop_since is not None:
        return _ended(view, State.CANCELED, "It was canceled before it began.", "")
    if view.paused:
        return Step(Do.LAUNCH)
    if view.begun or view.printed is not None:
        # there was a job, of which Slurm knows nothing any more
        return _lost(view)
    return Step(Do.LAUNCH)


def _living(view: View) -> Step:
    if view.stop_since is None:
        return Step(Do.TERM) if view.damaged else WAIT
    late = view.now - view.stop_since >= view.grace + STOP_PATIENCE
    if view.termed is not None and view.now - view.termed < ASK_AGAIN:
        return Step(Do.WAIT, stop_failed=late)
    return Step(Do.KILL if late else Do.TERM, stop_failed=late)


def _over(view: View) -> Step:
    assert view.over_since is not None
    if view.paused and view.stop_since is None and not view.damaged:
        if view.parts < attempts.MOST:
            return Step(Do.LAUNCH)
        words = (
            f"It was gone on with {attempts.MOST} times, which is the most possible. Run it again with more time for each part."
        )
        return _ended(view, State.FAILED, words, "time-limit")
    if not view.never_ran and view.now - view.over_since < PATIENCE:
        return WAIT
    if view.damaged and view.over == STATES["NODE_FAIL"]:
        # a node that was cut off goes on writing while others speak for the run: no code is to blame
        return Step(Do.CONCLUDE, State.LOST, view.over.words, view.over.cause)
    if view.damaged:
        return Step(Do.CONCLUDE, State.FAILED, damaged_words(view.damaged), "lost")
    if view.stop_since is not None:
        began = view.begun or view.paused
        return _ended(
            view,
            State.CANCELED,
            "It was canceled, and Slurm has ended its job." if began else "It was canceled before it began.",
            "",
        )
    if view.over is None or view.is_gone:
        return _lost(view)
    return _by_slurm(view, view.over)


def _by_slurm(view: View, over: Meaning) -> Step:
    """By Slurm's word: what its job printed last may say more than the state."""
    said = by_output(view.printed or "")
    if said is not None and over.cause in {"", "start", "signal", "lost"} and over.state is not State.CANCELED:
        over = said
    words, cause = over.words, over.cause
    if over.cause == "start" and view.begun and _HELD.search(last_line(view.printed or "")):
        return _ended(view, State.LOST, _TWICE, "lost")
    if over.cause == "start" and (view.begun or view.stopped):
        # its script had come as far as the run
        words = (
            "Its job ended before the run could say how it went (it was killed, perhaps because memory ran out). Its log and what it had "
            "written are kept; run it again, with more memory if it needs much."
        )
        cause = "signal"
    elif over.cause == "start" and (last := last_line(view.printed or "")):
        words += f" It printed: {last}"
    return _ended(view, over.state or State.LOST, words, cause)


def _lost(view: View) -> Step:
    said = by_output(view.printed or "")
    if said is not None:
        return _ended(view, said.state or State.LOST, said.words, said.cause)
    return _ended(
        view,
        State.LOST,
        "Slurm knows nothing of its job any more: its records of it are lost, or were removed before anybody asked. What the run had "
        "written is kept; run it again.",
        "lost",
    )


def _ended(view: View, state: State, words: str, cause: str) -> Step:
    if view.stop_since is not None:
        if view.ending:
            return Step(Do.CONCLUDE, State.FAILED, view.ending, view.ending_cause)
        if state is not State.CANCELED:
            state, words, cause = State.CANCELED, "It was canceled before it began.", ""
    return Step(Do.CONCLUDE, state, words, cause)


#: What Slurm itself writes into a job's output when it ends it (slurmstepd), and what that means.
_SAID = (
    (r"DUE TO TIME LIMIT", State.FAILED, "Its time limit was over, and Slurm ended it. Start it again with more time.", "time-limit"),
    (r"exceeded (job )?memory limit|oom[-_ ]kill|Out Of Memory", State.FAILED, "It ran out of memory, and Slurm ended it. Start it again with more memory.", "memory"),
    (r"DUE TO PREEMPTION", State.FAILED, "A job of higher priority took its nodes, and Slurm ended it. Start it again, or choose another QoS or partition.", "signal"),
    (r"DUE TO NODE FAILURE", State.LOST, "A node of it failed. Nothing is wrong with the run: start it again.", "lost"),
)  # fmt: skip


def by_output(printed: str) -> Optional[Meaning]:
    """What Slurm has written down there of why it ended the job; None where it has not."""
    lines = [line for line in printed.splitlines()[-20:] if line.startswith(("slurmstepd: ", "srun: "))]
    for line in reversed(lines):
        for pattern, state, words, cause in _SAID:
            if re.search(pattern, line, re.IGNORECASE):
                return Meaning(state=state, words=words, cause=cause, is_over=True)
    return None


def last_line(printed: str) -> str:
    """The last thing that a job printed."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1][:_MANY] if lines else ""
