"""The conversation of supervisor and agent: two closed unions over one websocket, the agent having dialled.

Text frames are messages, binary frames are chunks of transfers. The supervisor grants credit before an agent may
send the bytes of a transfer, so that neither side ever holds more than a bounded amount.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from simyard.protocol.batch import Partition, Site
from simyard.protocol.jobs import Remote, RunSpec
from simyard.protocol.wire import Codec, message

#: An agent may send this many bytes of a transfer before the first Credit arrives.
FIRST_CREDIT = 512 << 10
#: A report that is at most this large is pushed along with the final event of a quick run (bytes).
MAX_PUSHED_REPORT = 1 << 20
#: The header that carries `AGENT_ID SECRET` in the websocket's upgrade request.
AUTHORIZATION = "Authorization"
#: Path of the agents' door.
PATH = "/agent"


@message
class Event:
    """One line of a run directory's events.jsonl: `n` counts from 1 without gaps, `at` is the job cmd's clock."""

    n: int
    at: float
    event: str
    data: Dict[str, Any] = {}  # noqa: RUF012


@message
class RunSeen:
    """A run that the agent has on disk and that is not yet settled with the supervisor: `last` is its last event number."""

    run: str
    epoch: int
    last: int


# ── agent → supervisor ──────────────────────────────────────────────────────────────────────────────────────────────


@message
class Hello:
    """First word of an agent."""

    version: str
    host: str
    boot: str
    pid: int
    python: str
    cores: int
    memory: int
    runs: Tuple[RunSeen, ...] = ()


@message
class RunEvents:
    """New lines of a run's events.jsonl, in order."""

    run: str
    epoch: int
    events: Tuple[Event, ...]


@message
class StartFailed:
    """The run could not be started, and nothing of it runs; no event will follow. `reason` is for the user, `cause` for programs."""

    run: str
    epoch: int
    reason: str
    cause: str = "start"


@message
class StopFailed:
    """A stop was tried and something of the run is still there. The agent goes on trying."""

    run: str
    epoch: int
    reason: str


@message
class RunNote:
    """What the cluster says of a run; said when it has changed, and after each Follow. Nothing of it is lost that cannot be asked again."""

    run: str
    epoch: int
    remote: Remote


@message
class Partitions:
    """What the cluster's partitions give; said after each Welcome, and when it has changed."""

    partitions: Tuple[Partition, ...]


@message
class Environment:
    """An environment that was made whole there: what it is called, its Python, and the versions of the packages in it. `broken` says what
    it lacks by now, "" for nothing."""

    name: str
    python: str
    versions: Dict[str, str] = {}  # noqa: RUF012
    broken: str = ""


@message
class Environments:
    """The environments of codes that a cluster's agent has; said after each Welcome, when one was made, and when a run's was not there."""

    environments: Tuple[Environment, ...]


@message
class WantFile:
    """The content with this SHA-256, from `offset` on: FileOpened, binary frames and FileClosed answer, under number `op` (the agent's). It
    may be one of the user's files, or the archive of a code."""

    op: int
    sha: str
    offset: int = 0


@message
class FileCredit:
    """The supervisor may send `size` more bytes of this file (FIRST_CREDIT before the first)."""

    op: int
    size: int


@message
class RunsRemoved:
    """Nothing is left of these runs' directories."""

    runs: Tuple[str, ...]


@message
class DiskUsed:
    """What the user's folder takes of the disk in bytes, and what is free on its file system; said when it has changed by much.
    `age` is how many seconds ago all of it was weighed."""

    used: int
    free: int
    age: float = 0.0


@message
class Opened:
    """A transfer begins: `size` in bytes is -1 where it cannot be known (a log that grows)."""

    op: int
    size: int = -1
    media_type: str = "application/octet-stream"


@message
class Closed:
    """A transfer has ended: complete where `code` is "", else broken off, or refused before it was opened."""

    op: int
    code: str = ""
    detail: str = ""


@message
class ReportPushed:
    """A report that nobody asked for yet, in binary frames under number `op` (chosen by the agent, 2**63 and up).
    Sent before the final event of its run."""

    op: int
    run: str
    epoch: int
    report: str
    size: int


# ── supervisor → agent ──────────────────────────────────────────────────────────────────────────────────────────────


@message
class Follow:
    """Send this run's events from the one after `after`."""

    run: str
    epoch: int
    after: int


@message
class Welcome:
    """Answers Hello: what to follow, what to stop, and what is settled and can be forgotten. `disk` is how many bytes all of the
    user's files and runs may take there, `disk_free` how many must stay free on the file system (0: nobody counts)."""

    follow: Tuple[Follow, ...] = ()
    forget: Tuple[str, ...] = ()
    disk: int = 0
    disk_free: int = 0


@message
class StartRun:
    """Make the run directory, and start the job cmd."""

    epoch: int
    spec: RunSpec


@message
class StopRun:
    """TERM, grace, KILL, reap; the run's final event is the answer (or StopFailed). Repeating it is harmless.
    A run that was never started ends `canceled` by the same event."""

    run: str
    epoch: int


@message
class EventsStored:
    """The events up to `last` are durable at the supervisor. After the final one the agent forgets the run."""

    run: str
    epoch: int
    last: int


@message
class RemoveRuns:
    """These runs were deleted: remove their directories, and say so (RunsRemoved). Repeating it is harmless."""

    runs: Tuple[str, ...]


@message
class MakeReport:
    """Answer with a transfer of the report's JSON. `frame` is -1 for a report without frames."""

    op: int
    run: str
    report: str
    frame: int
    seconds: float
    memory: int


@message
class MakeInput:
    """Answer with a transfer of JSON: the input as the code would get it, `{"command": [str] | null, "files": [{"name", "text",
    "size", "truncated"}]}`, made in a folder that is gone afterwards. `spec` is of no run: its `run` is ""."""

    op: int
    spec: RunSpec
    seconds: float
    memory: int


@message
class MakeEnvironment:
    """Answer with a transfer of JSON: how the making of this environment goes (see agent.environments). With `begin` it is begun, unless
    it is under way. `wheels` are file names of packages and their SHA-256, which are then all that is installed from."""

    op: int
    environment: str
    code: str
    code_dir: str
    archive: str
    requires: Tuple[str, ...] = ()
    wheels: Dict[str, str] = {}  # noqa: RUF012
    begin: bool = False


@message
class SendFile:
    """Answer with a transfer of a file of the run directory from `offset`; `length` -1 is to its end.
    With `follow`, go on as the file grows, until the run has ended and all was sent."""

    op: int
    run: str
    path: str
    offset: int = 0
    length: int = -1
    follow: bool = False


@message
class ListFiles:
    """Answer with a transfer of JSON: `[{"path", "size", "modified"}, …]`, sorted by path, links left out."""

    op: int
    run: str


@message
class FileOpened:
    """A file that was wanted follows: `size` bytes from the offset on."""

    op: int
    size: int


@message
class FileClosed:
    """It was all where `code` is "", else it was refused or broken off."""

    op: int
    code: str = ""
    detail: str = ""


@message
class Credit:
    """The agent may send `size` more bytes of this transfer."""

    op: int
    size: int


@message
class Drop:
    """Nobody wants this transfer or report any more: stop making and sending it."""

    op: int


@message
class Warm:
    """Somebody is about to use this code: have its interpreter started and its imports done."""

    code: str
    code_dir: str
    python: str
    archive: str = ""
    site: Optional[Site] = None


@message
class Leave:
    """Exit now; what runs goes on without an agent."""

    reason: str


FROM_AGENT = Codec(
    Hello,
    RunEvents,
    StartFailed,
    StopFailed,
    RunsRemoved,
    DiskUsed,
    Opened,
    Closed,
    ReportPushed,
    RunNote,
    Partitions,
    Environments,
    WantFile,
    FileCredit,
)
TO_AGENT = Codec(
    Welcome,
    StartRun,
    StopRun,
    EventsStored,
    RemoveRuns,
    MakeReport,
    MakeInput,
    MakeEnvironment,
    SendFile,
    ListFiles,
    Credit,
    Drop,
    Warm,
    Leave,
    FileOpened,
    FileClosed,
)
