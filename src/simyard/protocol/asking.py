"""The conversation of web and supervisor: one HTTP request for each thing that is asked, at a path of the same name.

`POST /run_simulation` carries a RunSimulation, and so on (`PATHS`). A plain answer is a message of ANSWERS; a stream
(report, frame, run_log, run_file) is the bytes themselves; what fails is a Problem with the error's HTTP status.
`GET /changes?after=N` is a stream of Change, RunGone and Notice messages, one a line.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Dict, Optional, Tuple

from simyard.protocol.batch import Partition
from simyard.protocol.code_places import CodePlaces, InstallCode, Standings
from simyard.protocol.jobs import Kind, Resources, Run, Verdict
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
class TargetList:
    """The places to run; with `code` and `model`, each with what a run of that model would wait if it came now."""

    user: str
    code: str = ""
    model: str = ""


@message
class TargetLogin:
    """How the login to a target stands, and the next step of it: `begin` (anew, as `name` there, "" as configured), `answers` to the prompts
    that were asked last, `accept` the host key with this fingerprint, or `end` it. None of them only asks; the answer comes after at
    most `wait` seconds, or as soon as it is somebody's turn."""

    user: str
    target: str
    answers: Tuple[str, ...] = dataclasses.field(default=(), repr=False)
    accept: str = ""
    begin: bool = False
    name: str = ""
    end: bool = False
    wait: float = 10.0


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
class Wait:
    """An estimate: between `low` and `high` seconds."""

    low: float
    high: float


@message
class Disk:
    """What a user's files and runs take of a disk, and may take (`quota`); what is free of it, and must stay free (`keep`). In
    bytes; None where nobody has looked yet, 0 where there is no such limit. `measured` is when all of it was weighed."""

    quota: int = 0
    keep: int = 0
    used: Optional[int] = None
    free: Optional[int] = None
    measured: float = 0.0


@message
class Target:
    """A place to run, as the user sees it; `state` is ready, starting, needs-login, connecting, refused, away, silent (what runs its agents does not answer)
    or disabled, `since` when it does not answer; `agent` the version of the user's agent there, "" for none.
    `wait` is what a run that came now would wait, None where nobody can say. Of a cluster: `login` is the state of the user's login (as in
    LoginAnswer), `partitions` what it has told of them; cores and memory are 0 there, which is not known."""

    name: str
    kind: str
    state: str
    detail: str = ""
    cores: int = 0
    memory: int = 0
    cores_free: int = 0
    memory_free: int = 0
    waiting: int = 0
    wait: Optional[Wait] = None
    since: Optional[float] = None
    disk: Optional[Disk] = None
    agent: str = ""
    login: str = ""
    partitions: Tuple[Partition, ...] = ()


@message
class Targets:
    targets: Tuple[Target, ...]


@message
class Prompt:
    """One question of a host; `echo`: the answer may be seen while it is typed."""

    text: str
    echo: bool = False


@message
class LoginAnswer:
    """How a login stands. `state` is `not-needed`, `needs-login`, `connecting`, `asking` (the `host` says `words`, and wants its `prompts`
    answered), `unknown-host` (its key of `key_type` has this `fingerprint`: to be compared and accepted), `ready`, `lost` (`since`), or `refused`
    (`words` say why, `again` whether other answers may help)."""

    target: str
    state: str
    words: str = ""
    host: str = ""
    prompts: Tuple[Prompt, ...] = ()
    fingerprint: str = ""
    key_type: str = ""
    again: bool = False
    since: Optional[float] = None


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
