"""What the agent's tests share: a small real supervisor's door, a real agent process, and run directories that are cleaned up."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket

import simyard.job_cmd.runner as runner_module
from simyard.drivers.base import Handle, Life
from simyard.drivers.environment import allowed
from simyard.drivers.local import LocalDriver
from simyard.protocol import agents as talk
from simyard.protocol import ids, rundir, wire
from simyard.protocol.jobs import Kind, Resources, RunSpec
from simyard.protocol.launch import AgentSpec

runner: Any = runner_module
CODES = Path(__file__).parent / "codes"
#: Nothing here takes longer (seconds) unless it is broken.
LIMIT = 60.0
SECRET = "the-secret-of-this-agent"


class Door(tornado.websocket.WebSocketHandler):
    """One connection of an agent."""

    supervisor: Supervisor

    def initialize(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    async def prepare(self) -> None:
        if self.request.headers.get(talk.AUTHORIZATION) != f"A1 {SECRET}":
            raise tornado.web.HTTPError(401)

    def open(self, *_: str, **__: str) -> None:
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        self.supervisor.heard(self, message)

    def on_close(self) -> None:
        if self.supervisor.door is self:
            self.supervisor.door = None
        self.supervisor.changed.set()


class Supervisor:
    """A supervisor that remembers what it was told, and refuses to be told anything out of order."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.door: Door | None = None
        self.changed = asyncio.Event()
        self.hellos: list[talk.Hello] = []
        self.events: dict[str, list[talk.Event]] = {}
        self.arrived: dict[str, float] = {}
        self.epochs: dict[str, int] = {}
        self.said: list[Any] = []
        self.opened: dict[int, talk.Opened] = {}
        self.closed: dict[int, talk.Closed] = {}
        self.bytes: dict[int, bytearray] = {}
        self.granted: dict[int, int] = {}
        self.repeated = 0
        self.acknowledge = True
        self.forget: set[str] = set()
        #: What the user may take of the disk, and what must stay free.
        self.disk = (0, 0)
        self.silent = False
        self.accept_anything = False
        #: What a test answers to messages of these classes with.
        self.answers: dict[type, Callable[[Door, Any], None]] = {}
        self._server: tornado.httpserver.HTTPServer | None = None

    # ── the door ────────────────────────────────────────────────────────────────────────────────────────────────────

    def listen(self) -> None:
        app = tornado.web.Application([(talk.PATH, Door, {"supervisor": self})])
        self._server = tornado.httpserver.HTTPServer(app)
        self._server.add_socket(tornado.netutil.bind_unix_socket(self.path))

    async def leave(self) -> None:
        """As if it had died: the door closes, every connection ends."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        door = self.door
        if door is not None:
            door.close()
            await self.until(lambda: self.door is not door)
        if server is not None:
            await server.close_all_connections()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def heard(self, door: Door, message: str | bytes) -> None:
        if isinstance(message, bytes):
            op, payload = wire.unpack(message)
            self.bytes.setdefault(op, bytearray()).extend(payload)
        else:
            what = talk.FROM_AGENT.decode(message)
            self.said.append(what)
            if isinstance(what, talk.Hello):
                self._welcome(door, what)
            elif isinstance(what, talk.RunEvents):
                self._store(what)
            elif isinstance(what, talk.Opened):
                self.opened[what.op] = what
            elif isinstance(what, talk.Closed):
                self.closed[what.op] = what
            if answer := self.answers.get(type(what)):
                answer(door, what)
        self.changed.set()

    def _welcome(self, door: Door, hello: talk.Hello) -> None:
        self.hellos.append(hello)
        self.door = door
        if self.silent:
            return
        known = [seen for seen in hello.runs if seen.run not in self.forget]
        self.say(
            talk.Welcome(
                follow=tuple(talk.Follow(run=s.run, epoch=s.epoch, after=len(self.events.get(s.run, []))) for s in known),
                forget=tuple(seen.run for seen in hello.runs if seen.run in self.forget),
                disk=self.disk[0],
                disk_free=self.disk[1],
            )
        )

    def _store(self, message: talk.RunEvents) -> None:
        stored = self.events.setdefault(message.run, [])
        assert self.epochs.setdefault(message.run, message.epoch) <= message.epoch
        for event in message.events:
            if event.n <= len(stored):
                assert self.accept_anything or stored[event.n - 1] == event
                self.repeated += 1
                continue
            assert event.n == len(stored) + 1, f"event {event.n} after {len(stored)}"
            stored.append(event)
            self.arrived.setdefault(f"{message.run} {event.event}", time.monotonic())
        if self.acknowledge:
            self.say(talk.EventsStored(run=message.run, epoch=message.epoch, last=len(stored)))

    # ── what tests do with it ───────────────────────────────────────────────────────────────────────────────────────

    def say(self, message: Any) -> None:
        assert self.door is not None, "no agent is connected"
        self.door.write_message(talk.TO_AGENT.encode(message))

    async def until(self, what: Callable[[], Any], limit: float = LIMIT) -> Any:
        """What `what` answers as soon as that is true; looked at with everything that is heard."""
        deadline = time.monotonic() + limit
        while not (answer := what()):
            left = deadline - time.monotonic()
            assert left > 0, "it did not happen in time"
            self.changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                # not everything that is waited for is said over the connection
                await asyncio.wait_for(self.changed.wait(), min(left, 0.05))
        return answer

    async def connected(self, times: int = 1) -> None:
        await self.until(lambda: len(self.hellos) >= times and self.door is not None)

    def final(self, run: str) -> dict[str, Any] | None:
        events = self.events.get(run)
        return events[-1].data if events and events[-1].event == rundir.FINAL else None

    async def finished(self, run: str, limit: float = LIMIT) -> dict[str, Any]:
        found: dict[str, Any] = await self.until(lambda: self.final(run), limit)
        return found

    def names(self, run: str) -> list[str]:
        return [event.event for event in self.events.get(run, []) if event.event != rundir.PROGRESS]

    def told(self, kind: type) -> list[Any]:
        return [what for what in self.said if isinstance(what, kind)]

    async def fetch(self, question: Any, limit: float = LIMIT) -> tuple[talk.Closed, bytes]:
        """Ask for a transfer, and grant what it needs."""
        self.say(question)
        self.granted[question.op] = talk.FIRST_CREDIT
        await self.until(lambda: self._ended_or_used_up(question.op), limit)
        return self.closed[question.op], bytes(self.bytes.get(question.op, b""))

    def _ended_or_used_up(self, op: int) -> bool:
        if op not in self.closed and len(self.bytes.get(op, b"")) >= self.granted[op]:
            self.granted[op] += 1 << 20
            self.say(talk.Credit(op=op, size=1 << 20))
        return op in self.closed


class Bench:
    """A user's folder, a supervisor, and the agents that a test starts; all ended at the end."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "u"
        self.logs = folder / "log"
        self.supervisor = Supervisor(str(folder / "s"))
        self.driver = LocalDriver(self.logs)
        self.handles: list[Handle] = []
        self._ids = 0

    def spec(self, **more: Any) -> AgentSpec:
        mark = {name: value for name, value in os.environ.items() if name == "SIMYARD_TEST_SESSION"}
        return AgentSpec(
            **{
                "agent": "A1", "user": "me", "target": "local", "door": self.supervisor.path, "root": str(self.root), "secret": SECRET,
                "environment": {**allowed(os.environ), **mark, "PYTHONDONTWRITEBYTECODE": "1"}, **more,
            }
        )  # fmt: skip

    async def agent(self, command: tuple[str, ...] = (), **more: Any) -> Handle:
        """Start an agent (by `command`, if it is to be another one), and wait until it is connected."""
        if command:
            self.driver = LocalDriver(self.logs, command)
        before = len(self.supervisor.hellos)
        handle = await self.driver.start(self.spec(**more))
        self.handles.append(handle)
        await self.supervisor.connected(before + 1)
        return handle

    def kill_agent(self) -> None:
        os.kill(self.handles[-1]["pid"], signal.SIGKILL)

    def new_run(self) -> str:
        self._ids += 1
        return ids.ulid(1_700_000_000.0 + self._ids, os.urandom)

    def run_spec(self, run: str, *, code: str = "probe", files: dict[str, bytes] | None = None, **more: Any) -> RunSpec:
        options: dict[str, Any] = {
            name: more.pop(name) for name in ("kind", "grace", "first_report", "time_limit", "python", "code_dir") if name in more
        }
        spec: dict[str, Any] = {
            "run": run, "user": "me", "code": code, "code_version": "1", "code_dir": str(CODES / code), "python": sys.executable,
            "model": "twiss", "kind": Kind.LONG, "inputs": more, "resources": Resources(), "time_limit": 60.0, "grace": 2.0,
            "files": {name: self.store(content) for name, content in (files or {}).items()},
        }  # fmt: skip
        spec.update(options)
        return RunSpec(**spec)

    def store(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        path = self.root / "files" / sha[:2] / sha
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return sha

    def start(self, *, epoch: int = 1, run: str = "", **more: Any) -> str:
        """Say StartRun; `more` are the inputs of the run, but for what a spec calls by these names."""
        run = run or self.new_run()
        self.supervisor.say(talk.StartRun(epoch=epoch, spec=self.run_spec(run, **more)))
        return run

    def directory(self, run: str) -> Path:
        return self.root / "runs" / run

    def markers(self) -> list[str]:
        return sorted(os.listdir(self.root / "agents" / "local" / "active"))

    async def settled(self) -> None:
        """Wait until the agent keeps nothing in mind."""
        await self.supervisor.until(lambda: not self.markers())

    def left(self, run: str) -> list[int]:
        """Processes that are left of a run."""
        return sorted(runner.left_of(run, str(self.directory(run))))

    async def gone(self, run: str) -> None:
        """Until nothing is left of a run: its job cmd ends a moment after its last word."""
        await self.supervisor.until(lambda: not self.left(run))

    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.logs.glob("*.log"))) if self.logs.exists() else ""

    def begun(self, run: str) -> dict[str, Any]:
        """The data of a run's first event."""
        line = (self.directory(run) / rundir.EVENTS).read_text().splitlines()[0]
        data: dict[str, Any] = json.loads(line)["data"]
        return data

    async def close(self) -> None:
        for handle in self.handles:
            await self.driver.stop(handle)
            assert await self.driver.poll(handle) is Life.GONE
        await self.driver.cleanup()
        await self.supervisor.leave()
        runs = self.root / "runs"
        deadline = time.monotonic() + LIMIT
        for run in sorted(os.listdir(runs)) if runs.is_dir() else []:
            with contextlib.suppress(OSError, IndexError, ValueError):
                if not any('"final"' in line for line in (runs / run / rundir.EVENTS).read_text("utf-8", "replace").splitlines()):
                    os.kill(self.begun(run)["pid"], signal.SIGKILL)
            while left := self.left(run):
                assert time.monotonic() < deadline, left
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.01)


def children(pid: int) -> list[int]:
    """The pids of a process's children."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            found += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found


@contextlib.asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    """A supervisor that listens, without an agent yet."""
    made = Bench(folder)
    made.supervisor.listen()
    try:
        yield made
    except BaseException:
        print(made.log())
        raise
    finally:
        await made.close()
