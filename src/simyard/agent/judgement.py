"""What is to be done about a run, given what its files and processes show. Pure: no I/O, no clock but the one passed in.

A job cmd holds a lock for as long as it lives. So a run that is not final goes on while the lock is held, and is over,
without a word, once the lock is free; that is then said for it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from simyard.protocol.jobs import State

#: A job cmd that is asked to stop and still lives is asked again this often (seconds).
ASK_AGAIN = 2.0
#: Beyond the run's own grace a stop has this long before it is called failed, and the job cmd itself is killed (seconds).
STOP_PATIENCE = 5.0
#: A job cmd that was started has this long to take its lock (seconds), where nobody would tell that it has died.
BEGIN_PATIENCE = 15.0
#: … and this long in any case.
BEGIN_LIMIT = 120.0
#: The lock may be seen free this long before the notice of how the job cmd ended arrives (seconds): on a busy machine its parent, which is
#: to reap it, may not get to run for a while. Where the parent is dead nobody waits for it.
NOTICE_PATIENCE = 5.0
#: Exit status of a job cmd that could not write its final event (job_cmd/runner.py).
NOT_WRITTEN = 4


class Do(enum.Enum):
    """The next step."""

    WAIT = "wait"
    LAUNCH = "launch"
    TERM = "term"
    KILL = "kill"
    CONCLUDE = "conclude"


@dataclass(frozen=True)
class Exit:
    """How a job cmd ended, as its parent saw it."""

    exit_code: Optional[int] = None
    signal: Optional[str] = None


@dataclass(frozen=True)
class View:
    """What is known. Times are of one monotonic clock; None: has not happened.

    `holder` has the job cmd's lock (0: nobody). `launched`: when this agent asked for a job cmd; `launching`: the answer is
    outstanding; `notice_expected`: its parent lives and will tell of its end; `exit`: what it told.
    `start_failure`: why there can be no job cmd. `free_since`: since when the lock is seen free. `damaged`: why the run's
    events are not believed any further. `same_container`: it began in this one, or in none. `ending`: why the agent ends it, "" where its user does.
    """

    now: float
    holder: int
    begun: bool
    same_boot: bool
    final: bool
    grace: float
    same_container: bool = True
    damaged: str = ""
    launching: bool = False
    launched: Optional[float] = None
    notice_expected: bool = False
    exit: Optional[Exit] = None
    start_failure: str = ""
    free_since: Optional[float] = None
    stop_since: Optional[float] = None
    termed: Optional[float] = None
    ending: str = ""
    ending_cause: str = ""


@dataclass(frozen=True)
class Step:
    """What to do; `state`, `reason` and `cause` belong to CONCLUDE. `stop_failed`: the stop has taken too long, and is to be shown."""

    do: Do
    state: State = State.FAILED
    reason: str = ""
    cause: str = ""
    stop_failed: bool = False


WAIT = Step(Do.WAIT)


def judge(view: View) -> Step:
    """The next step for a run."""
    if view.final:
        return WAIT
    if view.holder:
        return _living(view)
    if view.damaged:
        return Step(Do.CONCLUDE, State.FAILED, damaged_words(view.damaged), "lost")
    if view.stop_since is not None and not view.begun:
        return _stopped_early(view)
    if view.exit is not None:
        return _ended(view, view.exit)
    if view.begun:
        return _vanished(view)
    return _unborn(view)


def _living(view: View) -> Step:
    since = view.stop_since
    if since is None:
        # what a damaged record says of a run is not believed: it must not go on unseen either
        return Step(Do.TERM) if view.damaged else WAIT
    late = view.now - since >= view.grace + STOP_PATIENCE
    if view.termed is not None and view.now - view.termed < ASK_AGAIN:
        return Step(Do.WAIT, stop_failed=late)
    return Step(Do.KILL if late else Do.TERM, stop_failed=late)


def _stopped_early(view: View) -> Step:
    """A stop reached it before its job cmd was seen: whichever of the two takes the lock first decides."""
    if view.exit is None and view.notice_expected and view.launched is not None and view.now - view.launched < BEGIN_PATIENCE:
        return WAIT
    return _stopped(view, "It was canceled before it began.")


def _stopped(view: View, words: str) -> Step:
    if view.ending:
        return Step(Do.CONCLUDE, State.FAILED, view.ending, view.ending_cause)
    return Step(Do.CONCLUDE, State.CANCELED, words)


def _ended(view: View, end: Exit) -> Step:
    if view.stop_since is not None:
        return _stopped(view, "It was canceled; its job process had to be killed.")
    return Step(Do.CONCLUDE, State.FAILED, ended_words(end, begun=view.begun), cause_of(end, begun=view.begun))


def _vanished(view: View) -> Step:
    if view.notice_expected and (view.free_since is None or view.now - view.free_since < NOTICE_PATIENCE):
        return WAIT
    if not view.same_boot:
        return Step(
            Do.CONCLUDE, State.LOST, "The machine was restarted while it ran. What it had written is kept; run it again.", "lost"
        )
    if view.stop_since is not None:
        return _stopped(view, "It was canceled; its job process had to be killed.")
    if not view.same_container:
        return Step(
            Do.CONCLUDE,
            State.LOST,
            "Its container ended while it ran: it was removed, or its Docker daemon or its machine was stopped. "
            "What it had written is kept; run it again.",
            "lost",
        )
    return Step(
        Do.CONCLUDE,
        State.FAILED,
        "The job process ended without saying why (it was killed, perhaps because memory ran out). "
        "Its log and what it had written are kept; run it again, with more memory if it needs much.",
        "signal",
    )


def _unborn(view: View) -> Step:
    if view.launching:
        return WAIT
    if view.start_failure:
        return Step(Do.CONCLUDE, State.FAILED, view.start_failure, "start")
    if view.launched is None:
        return Step(Do.LAUNCH)
    if view.now - view.launched < (BEGIN_LIMIT if view.notice_expected else BEGIN_PATIENCE):
        return WAIT
    return Step(Do.CONCLUDE, State.FAILED, "The job process ended before it began. Run it again.", "start")


def cause_of(end: Exit, *, begun: bool) -> str:
    """The cause that belongs to `ended_words`. Whether memory ran out is not known here."""
    if end.signal:
        return "signal"
    if end.exit_code == NOT_WRITTEN:
        return "disk"
    return "exit" if begun else "start"


def ended_words(end: Exit, *, begun: bool) -> str:
    """Why a run failed whose job cmd ended without a final event."""
    when = "before it could say how the run went" if begun else "before the run began"
    if end.signal == "SIGKILL":
        return (
            f"The job process was killed by SIGKILL {when}, by somebody or because memory ran out. "
            "Its log and what it had written are kept; run it again, with more memory if it needs much."
        )
    if end.signal:
        return f"The job process was killed by {end.signal} {when}. Its log and what it had written are kept; run it again."
    if end.exit_code == NOT_WRITTEN:
        return "How it ended could not be written down, most likely because the disk is full. Free some space, then run it again."
    if end.exit_code is None:
        return f"The job process ended {when}. Its log and what it had written are kept; run it again."
    return f"The job process ended with exit status {end.exit_code} {when}. The end of its log may say why."


def damaged_words(damaged: str) -> str:
    return (
        f"The run's record of itself is damaged ({damaged}), so how it went cannot be known; what ran of it was stopped. "
        "A code must not write to events.jsonl."
    )
