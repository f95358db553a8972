"""What a new agent is told before it can be spoken to: one JSON line on its standard input, written by a driver."""

from __future__ import annotations

import dataclasses
import json
from typing import Dict, Optional

from simyard.errors import ProtocolError
from simyard.protocol import wire
from simyard.protocol.wire import message

#: The line may not be longer (characters).
MAX_LINE = 1 << 20


@message
class Cluster:
    """What an agent on a cluster's login node needs to know: Slurm is asked every `interval` seconds, and the directories of runs that are
    over are removed `keep` seconds after their end (0: never)."""

    interval: float = 5.0
    keep: float = 0.0


@message
class AgentSpec:
    """Who an agent is, where it belongs, and where it reports.

    `door` is the path of the supervisor's Unix socket, or a `ws://` address; `root` the user's folder on the target;
    `environment` all that the agent, and the codes that it runs, may see of anybody's environment;
    `grace_without_supervisor` is how long an agent that follows no run looks for its supervisor (seconds).
    With `cluster`, runs go to Slurm, and the environment is added to that of the login there.
    The secret is shown to nobody: it is not part of the repr, and travels on standard input only.
    """

    agent: str
    user: str
    target: str
    door: str
    root: str
    secret: str = dataclasses.field(repr=False)
    grace_without_supervisor: float = 600.0
    environment: Dict[str, str] = {}  # noqa: RUF012
    cluster: Optional[Cluster] = None


def to_line(spec: AgentSpec) -> str:
    """The line, with its line feed."""
    return json.dumps(wire.to_plain(spec), separators=(",", ":")) + "\n"


def from_line(line: str) -> AgentSpec:
    """The spec; raises ProtocolError, which never quotes the line."""
    if len(line) > MAX_LINE:
        raise ProtocolError("message-too-large", "The line on standard input is over its limit.")
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("malformed", "Standard input holds no JSON line: an agent is started by a driver.") from None
    # an agent of an image that was made some time ago may be told more than it knows
    return wire.from_plain(AgentSpec, plain, tolerant=True)
