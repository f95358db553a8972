"""Runs: their states, the table of legal moves, and what is known of one.

The table is the specification; `move` is the only function that applies it.
"""

from __future__ import annotations

import enum
import hashlib
import json
from typing import Any, Dict, Mapping, Optional, Tuple

from simyard.errors import SimyardError
from simyard.protocol.batch import Batch, Site
from simyard.protocol.wire import message


class State(str, enum.Enum):
    """Where a run is in its life."""

    PENDING = "pending"
    STARTING = "starting"
    RUNNING = "running"
    CANCELING = "canceling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    LOST = "lost"


FINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELED, State.LOST})

#: A run that ends by itself before a cancel reaches it ends as what it was: hence the moves out of CANCELING.
NEXT: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset({State.STARTING, State.CANCELING, State.FAILED, State.LOST}),
    State.STARTING: frozenset({State.RUNNING, State.COMPLETED, State.FAILED, State.CANCELING, State.CANCELED, State.LOST}),
    State.RUNNING: frozenset({State.COMPLETED, State.FAILED, State.CANCELING, State.CANCELED, State.LOST}),
    State.CANCELING: frozenset({State.CANCELED, State.COMPLETED, State.FAILED, State.LOST}),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELED: frozenset(),
    State.LOST: frozenset(),
}


class IllegalMove(SimyardError):
    """A run was asked to make a move that the table does not have; nothing has changed."""

    def __init__(self, old: State, new: State) -> None:
        super().__init__("illegal-move", f"A run that is {old.value} cannot become {new.value}.")


def move(old: State, new: State) -> State:
    """`new`, if the table allows the move from `old`; raises IllegalMove otherwise."""
    if new not in NEXT[old]:
        raise IllegalMove(old, new)
    return new


class Kind(str, enum.Enum):
    """What sort of work a model is: it decides order, limits, and whether results refresh by themselves."""

    QUICK = "quick"
    LONG = "long"


#: Why a run did not complete, in a word for programs (`reason` is for people): its memory or disk ran out, its time was over,
#: a signal or an exit status ended it, the code raised something, its input was refused, it could not be started, or what
#: became of it is not known.
CAUSES = ("memory", "time-limit", "disk", "signal", "exit", "exception", "input", "start", "lost")


@message
class Resources:
    """What a run may use: whole cores, memory in bytes, and its time in seconds (0: not said, which is the model's). `batch` is what
    is chosen beside that on a cluster; the cores are then its tasks times their cores, and the memory is for one node."""

    cores: int = 1
    memory: int = 1 << 30
    time_limit: float = 0.0
    batch: Optional[Batch] = None


@message
class Remote:
    """What a cluster says of a run: the `job` is its number there, `state` and `words` are the cluster's and what they mean, `expected`
    is when the cluster thinks that it will begin, `at` when it said so, and `silent_since` since when it has not answered (all times in
    seconds since the epoch)."""

    job: str = ""
    state: str = ""
    words: str = ""
    expected: Optional[float] = None
    at: float = 0.0
    silent_since: Optional[float] = None


@message
class Progress:
    """How far a run is: `fraction` 0 … 1 (None: not known), `frames` written so far, `message` in the code's words, `eta` in
    seconds, `memory` that its processes had in bytes when this was told, and `peak_memory` the most that was seen."""

    fraction: Optional[float] = None
    frames: int = 0
    message: str = ""
    eta: Optional[float] = None
    memory: Optional[int] = None
    peak_memory: Optional[int] = None


@message
class Usage:
    """What a run used: `wall` and `cpu` in seconds, `peak_memory` in bytes, and how its process ended."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0
    exit_code: Optional[int] = None
    signal: Optional[str] = None


@message
class Verdict:
    """One gate's word on a waiting op: `detail` says what is waited for, and what would clear it."""

    gate: str
    passed: bool
    detail: str = ""


@message
class Run:
    """All that is told of a run. Times are seconds since the epoch; `cause` is "" or one of CAUSES;
    `revision` rises with every change of this run,
    `change` is the supervisor's count of all changes of all runs, by which a listener catches up."""

    id: str
    user: str
    jid: str
    simulation: str
    simulation_revision: str
    code: str
    code_version: str
    model: str
    kind: Kind
    target: str
    identity: str
    state: State
    created: float
    queued: float
    resources: Resources
    reason: str = ""
    cause: str = ""
    revision: int = 1
    change: int = 0
    epoch: int = 0
    events: int = 0
    started: Optional[float] = None
    ended: Optional[float] = None
    progress: Progress = Progress()
    usage: Optional[Usage] = None
    results: Dict[str, Any] = {}  # noqa: RUF012 - messages are never changed
    warnings: Tuple[str, ...] = ()
    report: str = ""
    waiting: Tuple[Verdict, ...] = ()
    last_heard: Optional[float] = None
    key: str = ""
    remote: Optional[Remote] = None


@message
class RunSpec:
    """What an agent needs to execute a run, fixed when the run is made. Paths are those of the target.

    `files` maps a name in the run's working directory to the SHA-256 of its content; `time_limit` and `grace`
    are in seconds; `first_report` is made by the job cmd before the final event, "" for none;
    `python` is the interpreter that runs the code; `disk` is how many bytes it may write (0: nobody counts), which the agent
    lowers to what is left of its user's quota when it starts. `archive` is the SHA-256 of the archive that `code_dir` is made from where it
    is not there yet, "" where it always is; `site` is what a cluster adds. A run that `checkpoints` can be ended before its time is over,
    and gone on with; one that is `parallel` is started on all of its tasks.
    """

    run: str
    user: str
    code: str
    code_version: str
    code_dir: str
    python: str
    model: str
    kind: Kind
    inputs: Dict[str, Any]
    files: Dict[str, str]
    resources: Resources
    time_limit: float
    grace: float = 5.0
    first_report: str = ""
    disk: int = 0
    archive: str = ""
    site: Optional[Site] = None
    checkpoints: bool = False
    parallel: bool = False


def identity(code: str, code_version: str, model: str, inputs: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Names what a run computes: two runs with the same identity would do the same work (SHA-256, hex)."""
    what = [code, code_version, model, dict(inputs), dict(files)]
    return hashlib.sha256(json.dumps(what, sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()
