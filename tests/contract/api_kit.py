"""The real web process, for contract tests: gunicorn on a free port, and a fake supervisor behind the real kind of socket."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from simyard import config
from simyard.testing import FakeSupervisor
from simyard.testing_server import Server

#: Everything that is waited for must have happened by then (seconds).
LIMIT = 60.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class WebProcess:
    """One web, and the supervisor that the test plays."""

    home: Path
    supervisor: FakeSupervisor
    url: str = ""
    token: str = ""
    process: subprocess.Popen[str] | None = None
    connections: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.home / "web.log").read_text()

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=LIMIT)
        self.connections.append(connection)
        return connection

    def open(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """The response, its body not yet read."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if isinstance(body, dict):
            body, sent["Content-Type"] = json.dumps(body), "application/json"
        connection = self.connect()
        connection.request(method, path, body, sent)
        return connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        with self.open(method, f"/api/v1{path}", body, headers) as response:
            return Answer(response.status, dict(response.getheaders()), response.read())

    def new_run(self, **body: Any) -> str:
        simulation = self.ask("POST", "/simulations", {"code": "grayscott"}).json["id"]
        run: str = self.ask("POST", f"/simulations/{simulation}/runs", {"model": "evolve", "reuse": False, **body}).json["id"]
        return run

    def files_on_disk(self) -> list[Path]:
        return [path for path in (self.home / "users").rglob("*") if path.is_file()]

    def memory(self) -> int:
        """What the process holds in memory that is of no file (bytes): how many others map the same libraries does not count."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return 1024 * int(text.partition("\nAnonymous:")[2].split()[0])


def wait_for(what: Any, limit: float = LIMIT) -> Any:
    """The first true answer of `what()`."""
    end = time.monotonic() + limit
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
    return found


@contextmanager
def web_process(settings: str = "", *arguments: str, supervisor: bool = True) -> Iterator[WebProcess]:
    """A web process of a new home folder; it is gone after this."""
    home = Path(tempfile.mkdtemp(prefix="sy-"))
    (home / "simyard.toml").write_text(settings)
    found = WebProcess(home, FakeSupervisor())
    loaded = config.load({}, home)
    environment = {**os.environ, "SIMYARD_HOME": str(home), "PYTHONDEVMODE": ""}
    server = Server(found.supervisor, loaded.web_door, loaded.door_secret) if supervisor else None
    try:
        with open(home / "web.log", "w") as log:
            command = [sys.executable, "-m", "simyard.web", "--port", "0", *arguments]
            found.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
        assert found.process.stdout is not None
        if server is not None:
            server.__enter__()
        found.url = json.loads(found.process.stdout.readline())["url"]
        found.token = wait_for(lambda: loaded.token.exists() and loaded.token.read_text().strip())
        wait_for(lambda: _answers(found))
        yield found
    finally:
        for connection in found.connections:
            connection.close()
        if found.process is not None:
            found.process.send_signal(signal.SIGTERM)
            try:
                found.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                found.process.kill()
                found.process.wait()
            if found.process.stdout is not None:
                found.process.stdout.close()
        if server is not None:
            server.__exit__()
        shutil.rmtree(home, ignore_errors=True)  # an installer that outlives it for a moment may still write there


def _answers(web: WebProcess) -> bool:
    assert web.process is not None
    assert web.process.poll() is None, web.log
    try:
        with web.open("GET", "/healthz") as response:
            return response.status == 200
    except OSError:
        return False
