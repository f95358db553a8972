"""An agent that outlives whoever starts it, for drivers that can only run a command where it is to live: in a container, on a login node.

    agent.pyz launch LOG     the line of protocol/launch.py on standard input; prints the handle of the agent as JSON
    agent.pyz life HANDLE    prints alive, gone or unknown
    agent.pyz stop HANDLE    ends that agent, by force if it does not leave; what it runs goes on
    agent.pyz leased FOLDER AGENT   as life, for an agent that may be on another login node, by the lease in its FOLDER (see lease)
    agent.pyz revoke FOLDER AGENT   as stop, for such a one; prints gone
    agent.pyz version        prints which agent it is (see contents)
    agent.pyz rest SECONDS FOLDER   until no agent has lived and no run been unsettled for so long in the user's FOLDER: holds a container open
    agent.pyz relay SOCKET   hands agents' connections on; see relay

Exit status 0, or 1 with a sentence on standard error.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Dict, List, Mapping

from simyard import contents, processes
from simyard.agent import hiding, lease, locks
from simyard.errors import SimyardError
from simyard.protocol import launch

_NOT_PASSED_ON = re.compile(
    r"SSH_|SUDO_|DISPLAY|XAUTHORITY|DBUS_|XDG_SESSION|(SLURM|SBATCH|SALLOC|SRUN|SQUEUE|SACCT|SCANCEL|SINFO)_(?!CONF\Z)"
    r"|.*(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|PRIVATE_KEY|API_?KEY|ACCESS_?KEY)",
    re.IGNORECASE,
)
#: How often a container's folder is looked at (seconds).
LOOK = 5.0


def main(arguments: List[str]) -> int:
    """Carry out one of the commands above; answers the exit status."""
    hiding.hide()  # a launch has a secret pass through it
    os.umask(0o077)
    try:
        sys.stdout.write(_said(arguments))
        sys.stdout.flush()  # the process is ended without ado
    except (RuntimeError, OSError, ValueError, SimyardError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _said(arguments: List[str]) -> str:
    verb, *rest_of_it = arguments
    if verb == "launch" and len(rest_of_it) == 1:
        return json.dumps(start(sys.stdin.readline(launch.MAX_LINE + 1), Path(rest_of_it[0]))) + "\n"
    if verb == "life" and len(rest_of_it) == 1:
        return processes.life(json.loads(rest_of_it[0])) + "\n"
    if verb == "leased" and len(rest_of_it) == 2:
        return lease.Lease(rest_of_it[0], rest_of_it[1]).life() + "\n"
    if verb == "revoke" and len(rest_of_it) == 2:
        lease.Lease(rest_of_it[0], rest_of_it[1]).revoke()
        return processes.GONE + "\n"
    if verb == "version" and not rest_of_it:
        return contents.VERSION + "\n"
    if verb == "stop" and len(rest_of_it) == 1:
        processes.stop(json.loads(rest_of_it[0]))
    elif verb == "rest" and len(rest_of_it) == 2:
        rest(float(rest_of_it[0]), Path(rest_of_it[1]))
    elif verb == "relay" and len(rest_of_it) == 1:
        from simyard.agent import relay  # here, because it imports an event loop

        relay.serve(Path(rest_of_it[0]))
    else:
        raise RuntimeError(
            "The agent does not know what is asked of it: launch, life, stop, leased, revoke, version, rest or relay."
        )
    return ""


def start(line: str, log: Path) -> processes.Handle:
    """Start an agent in a session of its own and hand it its line. Raises RuntimeError where it ends at once."""
    spec = launch.from_line(line)
    environment = spec.environment if spec.cluster is None else {**login_environment(os.environ), **spec.environment}
    child = processes.spawn(command(), line.encode(), log, spec.root, environment)
    handle = processes.handle_of(child.pid)
    if handle is None:
        child.wait()
        raise RuntimeError(f"The agent ended at once. Its log, {log}, may say why.")
    child.returncode = 0  # it lives on; Python need not warn that nobody waits for it
    return handle


def login_environment(environ: Mapping[str, str]) -> Dict[str, str]:
    """What an agent on a cluster, and codes, see of a login there: its modules and paths, not what is that one connection's or that one
    job's, and nothing that is called like a secret."""
    kept = {name: value for name, value in environ.items() if not _NOT_PASSED_ON.match(name)}
    kept.setdefault("LANG", "C.UTF-8")
    return kept


def command() -> List[str]:
    """How this agent is run, as a file or as a package."""
    archive = sys.argv[0]
    return [sys.executable, "-I", archive] if archive.endswith(".pyz") else [sys.executable, "-P", "-m", "simyard.agent"]


def rest(seconds: float, folder: Path) -> None:
    """Return once no agent has lived, and no run has been unsettled, for so long below `folder`, the user's; or at SIGTERM."""
    signal.signal(signal.SIGTERM, _leave)
    last = time.monotonic()
    while time.monotonic() - last < seconds:
        agents = folder / "agents"
        if any(locks.holder(str(path)) for path in agents.glob("*/lock")) or any(agents.glob("*/active/*")):
            last = time.monotonic()
        time.sleep(min(LOOK, seconds))


def _leave(number: int, frame: object) -> None:
    sys.exit(0)
