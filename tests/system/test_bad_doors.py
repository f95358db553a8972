"""Garbage, strangers and liars at the supervisor's doors of a real Simyard: refused, and runs and agents go on as if nothing had been."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simyard.client import RemoteRun
from simyard.config import Config
from simyard.processes import handle_of
from simyard.protocol import agents as talk
from simyard.protocol.asking import Arrive, Ping, Pong
from simyard.protocol.ids import ulid
from simyard.protocol.wire import MAX_MESSAGE, pack
from simyard.store.engine import make_engine, migrate
from simyard.store.records import AgentRecord, Batch
from simyard.store.runs import RunStore
from simyard.supervisor.outbox import hash_secret
from tests.contract.shell_kit import Agent, Supervisor, a_hello, final, started
from tests.system.bad_input_kit import LIMIT, a_small_run_works, nothing_changes, nothing_runs_of
from tests.system.page_kit import Yard, wait_until

SECRET = "5" * 64


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("d")
    (folder / "codes").mkdir()
    made = Yard(folder / "h", folder / "codes")
    # the process that stands for another user's agent, whose part is played by the test
    with subprocess.Popen(["sleep", "infinity"]) as stand_in:
        try:
            seat(made.home, stand_in.pid)
            with made:
                with doors(made).web() as web:
                    web.ask(Arrive(user="eve"))  # she is here: her agent is wanted
                with eve(made):
                    a_small_run_works(made)  # which may take its time
                yield made
                a_small_run_works(made)
        finally:
            stand_in.kill()


@pytest.fixture(autouse=True)
def unharmed(yard: Yard, request: pytest.FixtureRequest) -> Iterator[None]:
    with eve(yard):
        pass  # an agent that lives and is not heard of for a minute is given up, and its secret with it
    if "run" in request.fixturenames:
        yield
        return
    with nothing_changes(yard):
        yield


@pytest.fixture
def run(yard: Yard) -> Iterator[RemoteRun]:
    """A run of `me` that goes on while the test lasts, and is what it was afterwards."""
    simulation = yard.client.create_simulation("grayscott", "long", inputs={"size": 256, "steps": 1_000_000, "frames": 1000})
    begun = yard.client.start(simulation["id"], "evolve", reuse=False)
    wait_until(lambda: begun.refresh().state == "running", LIMIT)
    yield begun
    assert begun.refresh().state == "running", begun.data
    assert begun.cancel().wait(timeout=LIMIT).state == "canceled"
    nothing_runs_of(begun.id)


def seat(home: Path, pid: int) -> None:
    """Write down an agent of the user eve, whose secret is known here."""
    handle = handle_of(pid)
    assert handle is not None
    now = time.time()
    record = AgentRecord(
        id=ulid(now, os.urandom), user="eve", target="local", secret_hash=hash_secret(SECRET), started=now, handle=handle
    )
    (home / "eve").write_text(record.id)
    engine = make_engine(Config(home=home).jobs_url)
    migrate(engine, "jobs")
    store = RunStore(engine)
    store.commit(Batch(agents={record.id: record}))
    store.close()


def doors(yard: Yard) -> Supervisor:
    """The ways to the doors of the supervisor that runs (none is started)."""
    return Supervisor(yard.home)


@contextmanager
def eve(yard: Yard) -> Iterator[Agent]:
    """Eve's agent, let in and welcomed."""
    with Agent(doors(yard).config.agent_door, f"{(yard.home / 'eve').read_text()} {SECRET}") as agent:
        assert agent.status == 101
        agent.say(a_hello())
        agent.hear(talk.Welcome)
        yield agent


# ── the web door ──


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer wrong", "Bearer ÿ", "Basic abc", "Bearer " + "x" * 5000])
def test_the_web_door_opens_with_its_secret_only(yard: Yard, shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown}
    for method, path in (("POST", "/ping"), ("POST", "/run_list"), ("GET", "/changes?after=0"), ("POST", "/run_simulation")):
        with doors(yard).web() as web:
            status, body = web.raw(method, path, b'[1,"Ping",{}]' if method == "POST" else None, headers)
        assert (status, json.loads(body)[2]["code"]) == (401, "wrong-secret")


@pytest.mark.parametrize(
    "path, body, status, code",
    [
        ("/ping", b"{", 400, "malformed"),
        ("/ping", b"\xff\xfe\x00", 400, "malformed"),
        ("/ping", b"[" * 100_000, 400, "malformed"),
        ("/ping", b'[9,"Ping",{}]', 400, "version"),
        ("/ping", b'[1,"Nothing",{}]', 400, "unknown-message"),
        ("/ping", b'[1,"Pong",{}]', 400, "unknown-message"),
        ("/ping", b'[1,"RunList",{"user":"me","limit":5}]', 400, "wrong-path"),
        ("/run_list", b'[1,"RunList",{"user":"../me","limit":5}]', 422, "invalid-user"),
        ("/nowhere", b'[1,"Ping",{}]', 404, "no-such-path"),
        ("/ping", None, 413, "message-too-large"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_what_is_no_question_is_refused(yard: Yard, path: str, body: bytes | None, status: int, code: str) -> None:
    with doors(yard).web() as web:
        # what is announced as too large is refused before it is sent
        announced = {**web.headers, "Content-Length": str(MAX_MESSAGE + 1)} if body is None else None
        found, said = web.raw("POST", path, body, announced)
        problem = json.loads(said)[2]
        assert (found, problem["code"]) == (status, code)
        assert problem["detail"].strip()
    with doors(yard).web() as web:
        assert isinstance(web.ask(Ping()), Pong)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"\x16\x03\x01" + b"\xff" * 500,
        b"POST /ping HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"x" * 200_000,
    ],
    ids=["zeros", "half a line", "TLS", "a length", "no line"],
)
@pytest.mark.parametrize("door", ["web_door", "agent_door"])
def test_what_is_not_http_ends_its_own_connection_only(yard: Yard, door: str, garbage: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(LIMIT)
        raw.connect(str(getattr(doors(yard).config, door)))
        try:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(1 << 16):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass  # ended before it had all been said


# ── the agents' door ──


@pytest.mark.parametrize(
    "shown", [None, "", "{eve}", "{eve} " + "0" * 64, "{eve} " + SECRET + " x", "me " + SECRET, "{eve} ÿ", "Bearer {web}"]
)
def test_an_agent_without_the_right_secret_is_told_nothing(yard: Yard, shown: str | None) -> None:
    known = {"eve": (yard.home / "eve").read_text(), "web": doors(yard).secret}
    with Agent(doors(yard).config.agent_door, None if shown is None else shown.format(**known)) as stranger:
        assert stranger.status == 401


Act = Callable[[Agent], None]
BAD: dict[str, tuple[Act, int]] = {
    "no JSON": (lambda agent: agent.frame(1, b"{"), 1002),
    "a message without a name": (lambda agent: agent.frame(1, b"[1,7,{}]"), 1002),
    "a message that says nothing": (lambda agent: agent.frame(1, b'[1,"Nothing",[]]'), 1002),
    "a wrong field": (lambda agent: agent.frame(1, b'[1,"Closed",{"op":"x"}]'), 1002),
    "deep nesting": (lambda agent: agent.frame(1, b"[" * 100_000), 1002),
    "a second Hello": (lambda agent: agent.say(a_hello()), 1002),
    "text that is not UTF-8": (lambda agent: agent.frame(1, b"\xff\xff"), 1007),
    "a frame that is too short": (lambda agent: agent.frame(2, b"abc"), 1002),
    "a frame that is too long": (lambda agent: agent.frame(2, pack(1, b"x" * (64 << 10)) + b"x"), 1002),
    "a report that nobody announced": (lambda agent: agent.chunk(1 << 63, b"abc"), 1002),
    "an opcode that does not exist": (lambda agent: agent.frame(11, b"abc"), 1006),
    "a message that is too large": (lambda agent: agent.frame(1, b"x" * (MAX_MESSAGE + 1)), 1009),
}


@pytest.mark.parametrize("what", BAD)
def test_an_agent_that_says_what_is_not_allowed_is_disconnected(yard: Yard, what: str) -> None:
    act, code = BAD[what]
    with eve(yard) as agent:
        try:
            act(agent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # disconnected before it had said it all
        closed, reason = agent.until_closed()
    # what is broken off while it is being sent may not get the reason
    assert closed == code or (closed == 1006 and code in {1007, 1009}), (closed, reason)
    assert reason or closed != 1002


def test_whoever_is_let_in_and_says_no_hello_is_not_heard(yard: Yard) -> None:
    with Agent(doors(yard).config.agent_door, f"{(yard.home / 'eve').read_text()} {SECRET}") as silent:
        silent.say(talk.Closed(op=1))
        assert silent.until_closed()[0] == 1002


def test_bytes_of_transfers_that_are_not_hers_go_nowhere(yard: Yard) -> None:
    with eve(yard) as agent:
        for number in (0, 1, 2, 77, (1 << 63) - 1):
            agent.chunk(number, b"x" * 1000)
            agent.say(talk.Opened(op=number, size=5))
            agent.say(talk.Closed(op=number))
        # nothing is said of any of them before what is said next is answered
        run = ulid(time.time(), os.urandom)
        agent.events(run, started(1))
        answer = agent.next()
        assert isinstance(answer, talk.EventsStored), answer
        assert answer.run == run


def lies(run: str) -> list[Any]:
    """What an agent may say of a run."""
    return [
        talk.RunEvents(run=run, epoch=1, events=(started(1), final(2))),
        talk.RunEvents(run=run, epoch=99, events=(final(3, "failed", reason="x"),)),
        talk.StartFailed(run=run, epoch=1, reason="x"),
        talk.StopFailed(run=run, epoch=1, reason="x"),
        talk.ReportPushed(op=(1 << 63) + 5, run=run, epoch=1, report="field", size=2),
        talk.Closed(op=(1 << 63) + 5),
    ]


def heard_all(agent: Agent) -> None:
    """Return when everything that was said before has been heard: whoever has events of a run that never was may forget it."""
    run = ulid(time.time(), os.urandom)
    agent.events(run, started(1))
    while agent.hear(talk.EventsStored).run != run:
        pass


def test_nobody_speaks_of_anothers_run(yard: Yard, run: RemoteRun) -> None:
    before = run.refresh().data
    with eve(yard) as agent:
        for lie in lies(run.id):
            agent.say(lie)
        heard_all(agent)
        wait_until(lambda: run.refresh().data["revision"] > before["revision"], LIMIT)
    assert (run.state, run.data["reason"]) == ("running", "")
    # a Hello that claims it is told to forget it
    with Agent(doors(yard).config.agent_door, f"{(yard.home / 'eve').read_text()} {SECRET}") as agent:
        agent.say(a_hello(talk.RunSeen(run=run.id, epoch=1, last=0)))
        welcome = agent.hear(talk.Welcome)
    assert welcome.follow == ()
    assert welcome.forget == (run.id,)


def test_what_is_said_of_runs_that_never_were_changes_nothing(yard: Yard) -> None:
    with eve(yard) as agent:
        for unknown in ("01HZZZZZZZZZZZZZZZZZZZZZZZ", "../../etc/passwd", "\0", "x" * 100_000):
            for lie in lies(unknown):
                agent.say(lie)
        heard_all(agent)
    with doors(yard).web() as web:
        assert isinstance(web.ask(Ping()), Pong)
