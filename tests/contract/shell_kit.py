"""A supervisor in a process of its own, an agent played by the test, and web's side of its door; all blocking, all with limits."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from simyard import contents
from simyard.config import Config
from simyard.protocol import agents as talk
from simyard.protocol.asking import ANSWER, ASK, RunAnswer, RunSimulation, RunStatus, path_of
from simyard.protocol.jobs import Run
from simyard.protocol.wire import pack, unpack

T = TypeVar("T")
LIMIT = 60.0
#: What the supervisor may be asked to wait at most (seconds).
SOON = 50.0
_PING, _PONG = 0x9, 0xA
CODE, QUICK, LONG, REPORT = "grayscott", "preview", "evolve", "pattern"


def wait_for(condition: Callable[[], T | None], what: str = "", limit: float = LIMIT) -> T:
    """What `condition` answers with as soon as that is true; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {limit} s: {what}"
        time.sleep(0.01)
    return found


class Supervisor:
    """A home folder and the supervisor process in it; agents are not started but written to `agents.jsonl`. `settings` stand in its
    simyard.toml beside the local target; for the logins to clusters see shell_main."""

    def __init__(self, home: Path, settings: str = "") -> None:
        self._settings = settings
        self.config = Config(home=home)
        self.process: subprocess.Popen[bytes] | None = None
        self._log = home / "supervisor.log"

    def start(self) -> Self:
        self.process = self.spawn()
        wait_for(self._answers, "the supervisor answers")
        return self

    def spawn(self) -> subprocess.Popen[bytes]:
        self.config.home.mkdir(exist_ok=True)
        # runs that tests leave behind must not be in the way of others
        (self.config.home / "simyard.toml").write_text("[targets.local]\ncores = 64\nmemory = '640 GiB'\n" + self._settings)
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("shell_main.py")), str(self.config.home)], stderr=log
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and wait for its end; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(LIMIT)
        self.process = None
        return status

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def secret(self) -> str:
        return self.config.door_secret.read_text().strip()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """While in the block, every commit fails."""
        flag = self.config.home / "commits-fail"
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()

    def web(self) -> Web:
        return Web(self)

    def memory(self) -> int:
        """Resident bytes of the process."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))

    def started_agents(self) -> list[dict[str, Any]]:
        """The specs of the agents that the supervisor has wanted, in order."""
        path = self.config.home / "agents.jsonl"
        # the last line may be being written
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def agent(self, hello: talk.Hello | None = None, number: int = -1) -> Agent:
        """The agent that was started last, connected and welcomed."""
        spec = wait_for(self.started_agents, "an agent is wanted")[number]
        agent = Agent(self.config.agent_door, f"{spec['agent']} {spec['secret']}")
        agent.say(hello or a_hello())
        return agent

    def stored(self, run: str) -> tuple[str, bool]:
        """What another process finds in the database: the run's state and whether its spec is there; ("", False) for no run."""
        engine = sa.create_engine(f"sqlite:///file:{self.config.home}/jobs.db?mode=ro&uri=true")
        try:
            with engine.connect() as connection:
                state = connection.execute(sa.text("SELECT state FROM run WHERE id = :run"), {"run": run}).scalar()
                spec = connection.execute(sa.text("SELECT count(*) FROM spec WHERE run = :run"), {"run": run}).scalar()
            return state or "", bool(spec)
        finally:
            engine.dispose()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.config.web_door))
            except OSError:
                return False
        return True


class Web(http.client.HTTPConnection):
    """Web's side of the door."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__("supervisor", timeout=LIMIT)
        self._path = str(supervisor.config.web_door)
        self.headers = {"Authorization": f"Bearer {supervisor.secret}"}

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send_question(self, question: Any) -> None:
        self.request("POST", path_of(type(question)), ASK.encode(question), self.headers)

    def answer(self) -> Any:
        return ANSWER.decode(self.getresponse().read())

    def ask(self, question: Any) -> Any:
        self.send_question(question)
        return self.answer()

    def raw(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> tuple[int, bytes]:
        self.request(method, path, body, self.headers if headers is None else headers, **kwargs)
        response = self.getresponse()
        return response.status, response.read()

    def run(self, simulation: str = "s1", model: str = LONG, **fields: Any) -> RunAnswer:
        answer = self.ask(a_question(simulation, model, **fields))
        assert isinstance(answer, RunAnswer), answer
        return answer

    def status(self, run: str, wait: float = 0.0) -> Run:
        answer = self.ask(RunStatus(user="me", run=run, wait=wait))
        assert isinstance(answer, RunAnswer), answer
        found: Run = answer.run
        return found


def a_question(simulation: str = "s1", model: str = LONG, **fields: Any) -> RunSimulation:
    return RunSimulation(
        **{
            "user": "me",
            "simulation": simulation,
            "simulation_revision": "1",
            "code": CODE,
            "model": model,
            "inputs": {},
            "files": {},
        }
        | fields
    )


def a_hello(*runs: talk.RunSeen) -> talk.Hello:
    return talk.Hello(version=contents.VERSION, host="test", boot="b", pid=1, python="3", cores=2, memory=1 << 30, runs=runs)


class Agent:
    """An agent's end of the websocket (RFC 6455), by hand, so that it can also say what no agent would."""

    def __init__(self, path: Path, authorization: str | None) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect(str(path))
        self._buffer = b""
        self.closed: tuple[int, str] | None = None
        header = f"Authorization: {authorization}\r\n" if authorization is not None else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET {talk.PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{header}\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._exactly(1)
        self.status = int(head.split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def say(self, message: Any) -> None:
        self.frame(1, talk.FROM_AGENT.encode(message).encode())

    def chunk(self, number: int, payload: bytes) -> None:
        self.frame(2, pack(number, payload))

    def frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = (
            bytes([0x80 | size])
            if size < 126
            else struct.pack("!BH", 0xFE, size)
            if size < 1 << 16
            else struct.pack("!BQ", 0xFF, size)
        )
        # a mask of zeros leaves the payload as it is
        self.sock.sendall(bytes([0x80 | opcode]) + length + bytes(4) + payload)

    def hear(self, wanted: type[T]) -> T:
        """The next message of that class; others before it are passed over."""
        while True:
            message = self.next()
            assert self.closed is None, f"closed ({self.closed}) while waiting for {wanted.__name__}"
            if isinstance(message, wanted):
                return message

    def next(self) -> Any:
        """The next message; None once the other side has closed (`closed` says how), be it in the middle of one."""
        while True:
            try:
                opcode, payload = self._frame()
            except (ConnectionError, EOFError):
                self.closed = self.closed or (1006, "")
                return None
            match opcode:
                case 1:
                    return talk.TO_AGENT.decode(payload)
                case 2:
                    return unpack(payload)
                case 8:
                    self.closed = (struct.unpack("!H", payload[:2])[0], payload[2:].decode()) if payload else (1005, "")
                    return None
                case 9:
                    with contextlib.suppress(ConnectionError):  # what was said before the end is still heard
                        self.frame(_PONG, payload)

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        return first & 0x0F, self._exactly(size)

    def until_closed(self) -> tuple[int, str]:
        """How the other side closed; messages before that are passed over."""
        while self.next() is not None:
            pass
        assert self.closed is not None
        return self.closed

    def is_quiet(self, seconds: float) -> bool:
        """Whether nothing is said for so long; a ping says nothing."""
        end = time.monotonic() + seconds
        while self._buffer or select.select([self.sock], [], [], max(0.0, end - time.monotonic()))[0]:
            if not self._buffer:
                self._buffer = self.sock.recv(1 << 16)
            if not self._buffer or self._buffer[0] & 0x0F != _PING:
                return False
            self.frame(_PONG, self._frame()[1])
        return True

    def events(self, run: str, *events: talk.Event, epoch: int = 1) -> None:
        self.say(talk.RunEvents(run=run, epoch=epoch, events=events))

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.sock.recv(1 << 16)
            if not data:
                raise EOFError
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


def next_line(stream: http.client.HTTPResponse) -> bytes:
    """The next line of a stream of changes that says something: empty ones keep it alive."""
    while not (line := stream.readline()).strip():
        assert line, "the stream ended"
    return line


def started(n: int = 1) -> talk.Event:
    return talk.Event(n=n, at=time.time(), event="started", data={"pid": 1, "group": 1})


def progress(n: int, **data: Any) -> talk.Event:
    return talk.Event(n=n, at=time.time(), event="progress", data=data)


def final(n: int, state: str = "completed", **data: Any) -> talk.Event:
    return talk.Event(n=n, at=time.time(), event="final", data={"state": state, **data})


@contextlib.contextmanager
def a_supervisor(settings: str = "") -> Iterator[Supervisor]:
    """A supervisor in a new home folder (with a short path, for the sockets), which is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="sy-"))
    made = Supervisor(home / "h", settings)
    try:
        yield made.start()
    finally:
        made.close()
        shutil.rmtree(home, ignore_errors=True)
