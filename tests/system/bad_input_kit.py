"""What the tests of bad input share: a Simyard that has run something, what must be untouched after a mistake, and small disks."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from simyard import alive
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import SIMYARD

#: For what takes a moment, on a machine that does other work as well (seconds).
LIMIT = 60.0
#: A tenth of a second of work.
TINY = {"size": 48, "steps": 500, "frames": 5, "spots": 3}


@dataclass(frozen=True)
class Condition:
    """Who runs, and what is kept: all that a request that was refused may not have changed."""

    processes: dict[str, int]
    runs: frozenset[str]
    files: frozenset[str]


def condition(yard: Yard) -> Condition:
    state = alive.state(str(yard.home))
    user = yard.target.root(yard.home)
    return Condition(
        processes={"agent": yard.agent, **{name: int(state[name][0]) for name in ("keeper", "supervisor", "web")}},
        runs=frozenset(str(path.relative_to(user)) for path in user.glob("runs/*")),
        files=frozenset(str(path.relative_to(user)) for path in user.glob("files/**/*")),
    )


def a_small_run_works(yard: Yard) -> None:
    """From the simulation to the plot, and nothing of it is left afterwards."""
    simulation = yard.client.create_simulation("grayscott", "small", inputs=TINY)
    run = yard.client.start(simulation["id"], "evolve", reuse=False).wait(timeout=2 * LIMIT)
    assert run.state == "completed", run.data
    assert run.report("field", frame=4)["data"]
    nothing_runs_of(run.id)


def processes_of(run: str) -> list[int]:
    """The processes that carry the run's mark."""
    mark, found = f"SIMYARD_RUN={run}".encode(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except OSError:
            continue
    return found


def nothing_runs_of(run: str) -> None:
    """Nothing is left of a run that has ended, once its job cmd, which said so, has ended too."""
    wait_until(lambda: not processes_of(run), LIMIT)


def connect(yard: Yard, seconds: float = LIMIT) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(yard.url).netloc, timeout=seconds)


def ask(
    yard: Yard, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer of web, asked with the right token unless told otherwise ("" sends none)."""
    shown = (yard.home / "token").read_text().strip() if token is None else token
    sent = {**({"Authorization": f"Bearer {shown}"} if shown else {}), **(headers or {})}
    if isinstance(body, dict):
        body, sent["Content-Type"] = json.dumps(body), "application/json"
    connection = connect(yard)
    try:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()


def address(yard: Yard) -> tuple[str, int]:
    parts = urlsplit(yard.url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def upload(yard: Yard, path: str, *headers: str) -> socket.socket:
    """The head of an upload, said; the body is the caller's."""
    token = (yard.home / "token").read_text().strip()
    raw = socket.create_connection(address(yard), timeout=LIMIT)
    host = urlsplit(yard.url).netloc
    raw.sendall(
        "\r\n".join([f"PUT /api/v1{path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}", *headers, "", ""]).encode()
    )
    return raw


def answer_on(raw: socket.socket) -> tuple[int, dict[str, Any]]:
    response = http.client.HTTPResponse(raw)
    response.begin()
    return response.status, json.loads(response.read())


def refused(answer: tuple[int, dict[str, Any]], status: int, code: str, *words: str) -> dict[str, Any]:
    """The problem that this answer is: of that status and stable code, with those words in its sentence."""
    found, problem = answer
    assert (found, problem["status"], problem["code"]) == (status, status, code), answer
    for some in words:
        assert some in problem["detail"], answer
    assert "Traceback" not in problem["detail"]
    return problem


def command(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status of a command that is expected to be refused, and what it said: on stderr only, and no traceback."""
    done = subprocess.run(
        [SIMYARD, *arguments],
        capture_output=True, text=True, check=False, timeout=2 * LIMIT, env={**os.environ, **environment},
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert not done.stdout, done.stdout
    return done.returncode, done.stderr


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of that size, mounted there; unmounted afterwards, whoever still uses it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free; the file to remove again."""
    filler = disk / "filler"

    def is_full() -> bool:
        with open(filler, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue
        return os.statvfs(disk).f_bavail == 0  # somebody else may just have removed something

    wait_until(is_full, LIMIT)
    return filler


def is_ready(yard: Yard) -> bool:
    return ask(yard, "GET", "/readyz")[0] == 200


@contextmanager
def nothing_changes(yard: Yard, *, simulations: bool = True) -> Iterator[None]:
    """What happens in the block leaves everything as it was, and Simyard ready."""
    before, known = condition(yard), saved(yard)
    yield
    wait_until(lambda: is_ready(yard), LIMIT)
    deadline = time.monotonic() + LIMIT
    # what was begun for somebody who has left is tidied up behind them
    while (now := condition(yard)) != before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert now == before
    assert not simulations or saved(yard) == known


def saved(yard: Yard) -> set[tuple[str, str]]:
    """The simulations, each with the mark of its state."""
    return {(one["id"], one["etag"]) for one in yard.client.simulations()}
