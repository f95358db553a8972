"""The conversation of supervisor and agent: two closed unions over one websocket, the agent having dialled.

Text frames are messages, binary frames are chunks of transfers. The supervisor grants credit before an agent may
send the bytes of a transfer, so that neither side ever holds more than a bounded amount.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from simyard.protocol.jobs import RunSpec
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
    """The run could not be started, and nothing of it runs; no event will follow. `reason` is for the user."""

    run: str
    epoch: int
    reason: str


@message
class StopFailed:
    """A stop was tried and something of the run is still there. The agent goes on trying."""

    run: str
    epoch: int
    reason: str


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
    """Answers Hello: what to follow, what to stop, and what is settled and can be forgotten."""

    follow: Tuple[Follow, ...] = ()
    forget: Tuple[str, ...] = ()


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
class MakeReport:
    """Answer with a transfer of the report's JSON. `frame` is -1 for a report without frames."""

    op: int
    run: str
    report: str
    frame: int
    seconds: float
    memory: int


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


@message
class Leave:
    """Exit now; what runs goes on without an agent."""

    reason: str


FROM_AGENT = Codec(Hello, RunEvents, StartFailed, StopFailed, Opened, Closed, ReportPushed)
TO_AGENT = Codec(Welcome, StartRun, StopRun, EventsStored, MakeReport, SendFile, ListFiles, Credit, Drop, Warm, Leave)
