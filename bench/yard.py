"""A Simyard for the bench: in a home folder that is thrown away, with the bench's own code; and the ways to speak to its parts."""

from __future__ import annotations

import http.client
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simyard import alive
from simyard.client import Client, RemoteRun
from simyard.errors import from_status
from simyard.protocol.asking import ANSWER, ASK, Problem, path_of

SIMYARD = Path(sys.executable).parent / "simyard"
CODES = Path(__file__).parent / "codes"


class Yard:
    """Simyard, up for the length of a `with` block."""

    def __init__(self, home: Path | None = None, settings: str = "", codes: Path = CODES) -> None:
        self._made = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="simyard-bench-"))
        (self.home / "simyard.toml").write_text(f"codes_path = [{json.dumps(str(codes))}]\n{settings}", "utf-8")
        self.url = ""
        self.token = ""
        self.client: Client

    def __enter__(self) -> Self:
        self.url = json.loads(self.simyard("up", "--detach", "--port", "0", "--json"))["url"]
        self.token = (self.home / "token").read_text().strip()
        self.client = Client(home=self.home)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        self.simyard("down", "--stop-runs")
        if self._made:
            shutil.rmtree(self.home, ignore_errors=True)

    def simyard(self, *arguments: str) -> str:
        return subprocess.run([SIMYARD, "--home", self.home, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout

    def warm(self) -> dict[str, Any]:
        """A simulation of the bench's code, whose agent and warm process are there."""
        simulation = self.client.create_simulation("trivial", "warm")
        self.run(simulation, "true")
        return simulation

    def run(self, simulation: dict[str, Any], model: str) -> RemoteRun:
        """A run from its request to its final state."""
        run = self.client.start(simulation["id"], model, reuse=False, wait=30)
        if run.state != "completed":
            raise RuntimeError(f"{run.id} is {run.state}: {run.reason}")
        return run

    def pids(self) -> dict[str, int]:
        """The processes of Simyard, by what they are."""
        known = alive.state(str(self.home))
        found = {name: int(known[name][0]) for name in ("keeper", "web", "supervisor")}
        agent = alive.owner(str(self.home / "users" / "me" / "agents" / "local" / "lock"))
        if agent:
            found["agent"] = agent
            for number, child in enumerate(children(agent)):
                found[f"warm code {number + 1}"] = child
        for number, child in enumerate(children(found["web"])):
            found[f"web worker {number + 1}"] = child
        return found


class Door:
    """The supervisor's door for web, to speak to it without web between."""

    def __init__(self, home: Path) -> None:
        self._path = str(home / "run" / "web.sock")
        self._headers = {"Authorization": f"Bearer {(home / 'secret').read_text().strip()}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("supervisor")
        self._connection.sock = socket.socket(socket.AF_UNIX)
        self._connection.sock.connect(self._path)

    def ask(self, question: Any) -> Any:
        self._connection.request("POST", path_of(type(question)), ASK.encode(question).encode(), self._headers)
        answer = ANSWER.decode(self._connection.getresponse().read())
        if isinstance(answer, Problem):
            raise from_status(answer.status, answer.code, answer.detail)
        return answer

    def close(self) -> None:
        self._connection.close()


def children(pid: int) -> list[int]:
    """The processes that this one has started and that are there."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(pid: int) -> int:
    """The proportional share (PSS) of a process, in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/smaps_rollup has no Pss")


@contextmanager
def exit_of(pid: int) -> Iterator[Callable[[], float]]:
    """Holds on to a process; what it gives waits until that has ended, and answers with the time (monotonic)."""
    fd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(fd, select.POLLIN)

    def wait() -> float:
        if not poll.poll(10_000):
            raise TimeoutError(f"process {pid} is still there after 10 s")
        return time.monotonic()

    try:
        yield wait
    finally:
        os.close(fd)
