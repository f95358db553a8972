"""The conversation of web and supervisor: one HTTP request for each thing that is asked, at a path of the same name.

`POST /run_simulation` carries a RunSimulation, and so on (`PATHS`). A plain answer is a message of ANSWERS; a stream
(report, frame, run_log, run_file) is the bytes themselves; what fails is a Problem with the error's HTTP status.
`GET /changes?after=N` is a stream of Change, RunGone and Notice messages, one a line.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Optional, Tuple

from simyard.protocol.code_places import CodePlaces, InstallCode, Standings
from simyard.protocol.jobs import Kind, Resources, Run, Verdict
from simyard.protocol.targets import LoginAnswer, TargetList, TargetLogin, Targets
from simyard.protocol.wire import Codec, message


@message
class RunSimulation:
    """Start a run of (simulation, model) with these inputs. `files` maps file names to SHA-256.

    `reuse`: an identical completed run may be the answer. `supersede`: cancel what is active with other inputs.
    `key`: the caller's idempotency key, "" for none; the same key of the same user answers with the same run.
    `wait`: seconds to wait for the final state before answering (0: answer at once).
    """

    user: str
    simulation: str
    simulation_revision: str
    code: str
    model: str
    inputs: Dict[str, Any]
    files: Dict[str, str]
    target: str = "local"
    resources: Optional[Resources] = None
    reuse: bool = True
    supersede: bool = False
    key: str = ""
    wait: float = 0.0


@message
class RunStatus:
    """One run, as it is; with `wait`, once it is final or that many seconds have passed."""

    user: str
    run: str
    wait: float = 0.0


@message
class RunList:
    """Runs of a user, newest first: those before `cursor` ("" from the newest)."""

    user: str
    limit: int
    cursor: str = ""
    simulation: str = ""
    code: str = ""
    model: str = ""
    state: str = ""


@message
class RunCancel:
    user: str
    run: str


@message
class RunDelete:
    """Delete a run that is over, for ever; its directory goes too, as soon as its agent is there. The answer is RunGone."""

    user: str
    run: str


@message
class RunSame:
    """Which completed run has computed exactly this? The answer is a RunPage of one run, or of none."""

    user: str
    simulation: str
    code: str
    model: str
    inputs: Dict[str, Any]
    files: Dict[str, str]


@message
class Tell:
    """Something of the user's that is not a run has changed (`what`: "simulation" or "note", `id`): hand a Notice on to
    every web worker. `origin` names the one that asks. Nothing of it is kept."""

    user: str
    what: str
    id: str
    origin: str = ""


@message
class RunExplain:
    """Why isn't it running?"""

    user: str
    run: str


@message
class Report:
    """A report of a run, as a stream of Plotly JSON."""

    user: str
    run: str
    report: str


@message
class Frame:
    """One picture of a report that has many."""

    user: str
    run: str
    report: str
    frame: int


@message
class RunLog:
    """The run's log from `offset`; with `follow`, as it grows, until the run has ended."""

    user: str
    run: str
    offset: int = 0
    length: int = -1
    follow: bool = False


@message
class RunFiles:
    user: str
    run: str


@message
class RunFile:
    """A file of the run directory from `offset`; `length` -1 is to its end."""

    user: str
    run: str
    path: str
    offset: int = 0
    length: int = -1


@message
class ShowInput:
    """The input of a model as the code would get it, as a stream of JSON (see agents.MakeInput); no run comes of it."""

    user: str
    code: str
    model: str
    inputs: Dict[str, Any]
    files: Dict[str, str]
    target: str = "local"
    resources: Optional[Resources] = None


@message
class RunInputs:
    """What a run was made of, also where its simulation is gone."""

    user: str
    run: str


@message
class Arrive:
    """A user has arrived and may soon want `code` ("" for none in particular): have an agent ready, and the code warm."""

    user: str
    target: str = "local"
    code: str = ""


@message
class Changes:
    """The user's runs that have changed after change number `after`, each as it is now, oldest change first."""

    user: str
    after: int
    limit: int = 500


@message
class Ping:
    pass


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@message
class RunAnswer:
    """`created` is False where an active or an identical completed run is the answer; `reused` says that it is the latter.
    `report` is the first report's JSON where a quick run finished within `wait`, "" otherwise."""

    run: Run
    created: bool = False
    reused: bool = False
    report: str = ""


@message
class RunGone:
    """A run was deleted, and that is durable: it is in no list and no answer any more."""

    user: str
    run: str
    change: int


@message
class RunPage:
    """`cursor` asks for the page after this one; "" where there is none. `gone`: what was deleted meanwhile, where the page
    answers Changes."""

    runs: Tuple[Run, ...]
    cursor: str = ""
    gone: Tuple[RunGone, ...] = ()


@message
class Explanation:
    """`position` counts from 1 among what waits for the same target, 0 where the run does not wait."""

    run: str
    state: str
    summary: str
    gates: Tuple[Verdict, ...] = ()
    position: int = 0


@message
class Inputs:
    """`files` maps file names to SHA-256."""

    run: str
    inputs: Dict[str, Any]
    files: Dict[str, str]


@message
class Pong:
    """`failing` says why nothing can be made durable at the moment, "" where it can."""

    version: str
    change: int
    agents: int
    active: int
    failing: str = ""


@message
class Change:
    """A run has changed, and the change is durable. `report` is the first report's JSON where it came along."""

    run: Run
    report: str = ""


@message
class Notice:
    """A Tell, handed on: each worker looks at what is now so, and tells it to the user's windows."""

    user: str
    what: str
    id: str
    origin: str = ""


@message
class Problem:
    """What went wrong: a stable code, a sentence with the next step, and data for programs."""

    status: int
    code: str
    detail: str
    more: Dict[str, Any] = {}  # noqa: RUF012


#: Streams: the answer is the bytes of a file, not a message.
STREAMS = frozenset({Report, Frame, RunLog, RunFile, RunFiles, ShowInput, InstallCode})
QUESTIONS = (
    RunSimulation, RunStatus, RunList, RunCancel, RunDelete, RunSame, RunExplain, Tell, RunInputs, Report, Frame, RunLog, RunFiles, RunFile, ShowInput,
    TargetList, TargetLogin, CodePlaces, InstallCode, Arrive, Changes, Ping,
)  # fmt: skip
ASK = Codec(*QUESTIONS)
ANSWER = Codec(RunAnswer, RunPage, Explanation, Inputs, Targets, Standings, LoginAnswer, Pong, Change, RunGone, Notice, Problem)


def path_of(question: type) -> str:
    """The path of a question: `/run_simulation` for RunSimulation."""
    return "/" + re.sub(r"(?<!^)(?=[A-Z])", "_", question.__name__).lower()


PATHS = {path_of(question): question for question in QUESTIONS}

__all__ = [cls.__name__ for cls in QUESTIONS] + ["ANSWER", "ASK", "PATHS", "STREAMS", "Kind", "path_of"]
