"""The doors of a real supervisor: who is let in, what is refused and in which words, and that it harms nobody else."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.asking import ASK, Arrive, Changes, Ping, Pong, Problem, RunList, RunStatus
from simyard.protocol.targets import LoginAnswer, TargetList, TargetLogin
from simyard.protocol.wire import MAX_MESSAGE, pack
from tests.contract.shell_kit import (
    LIMIT,
    LONG,
    Agent,
    Supervisor,
    a_hello,
    a_question,
    a_supervisor,
    final,
    next_line,
    progress,
    started,
    wait_for,
)


@pytest.fixture(scope="module")
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


@pytest.fixture
def user() -> str:
    return f"u{uuid.uuid4().hex}"


def arrived(supervisor: Supervisor, user: str) -> tuple[dict[str, Any], Agent]:
    """The user's agent, connected and welcomed, and the spec that it was started with."""
    with supervisor.web() as web:
        web.ask(Arrive(user=user))
    spec: dict[str, Any] = wait_for(
        lambda: next((s for s in supervisor.started_agents() if s["user"] == user), None), "its agent is wanted"
    )
    agent = Agent(supervisor.config.agent_door, f"{spec['agent']} {spec['secret']}")
    agent.say(a_hello())
    agent.hear(talk.Welcome)
    return spec, agent


def is_well(supervisor: Supervisor) -> bool:
    with supervisor.web() as web:
        return isinstance(web.ask(Ping()), Pong)


def problem_of(answer: tuple[int, bytes]) -> tuple[int, str]:
    status, body = answer
    _, name, fields = json.loads(body)
    assert name == "Problem"
    assert fields["status"] == status
    assert fields["detail"].strip()
    return status, fields["code"]


# ── the web door ──


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer wrong", "Basic abc", "Bearer ÿ"])
def test_web_without_the_right_secret_is_told_nothing(supervisor: Supervisor, shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown}
    with supervisor.web() as web:
        assert problem_of(web.raw("POST", "/ping", ASK.encode(Ping()), headers)) == (401, "wrong-secret")
    with supervisor.web() as web:
        assert problem_of(web.raw("GET", "/changes", headers=headers)) == (401, "wrong-secret")
    assert is_well(supervisor)


@pytest.mark.parametrize(
    "path, body, status, code",
    [
        ("/ping", b"", 400, "malformed"),
        ("/ping", b"{", 400, "malformed"),
        ("/ping", b"\xff\xfe\x00", 400, "malformed"),
        ("/ping", b"[1]", 400, "malformed"),
        ("/ping", b'[9,"Ping",{}]', 400, "version"),
        ("/ping", b'[1,"Pong",{}]', 400, "unknown-message"),
        ("/ping", b'[1,"Ping",{"x":1}]', 400, "malformed"),
        ("/ping", b'[1,"TargetList",{"user":"me"}]', 400, "wrong-path"),
        ("/nowhere", b'[1,"Ping",{}]', 404, "no-such-path"),
        ("/ping", b"[" * 100_000, 400, "malformed"),
        ("/target_list", b'[1,"TargetList",{"user":"../me"}]', 422, "invalid-user"),
        ("/run_status", b'[1,"RunStatus",{"user":"me","run":"../../etc/passwd"}]', 404, "unknown-run"),
        ("/run_status", b'[1,"RunStatus",{"user":"me","run":"\\u0000"}]', 422, "invalid-text"),
        ("/run_status", b'[1,"RunStatus",{"user":"me","run":"\\ud800"}]', 422, "invalid-text"),
        ("/run_list", b'[1,"RunList",{"user":"me","limit":0}]', 422, "invalid-limit"),
        ("/run_list", b'[1,"RunList",{"user":"me","limit":9,"state":"gone"}]', 422, "unknown-state"),
        ("/target_login", b'[1,"TargetLogin",{"user":"me","target":"mars"}]', 422, "unknown-target"),
    ],
)
def test_what_is_no_question_is_refused_in_words(supervisor: Supervisor, path: str, body: bytes, status: int, code: str) -> None:
    with supervisor.web() as web:
        assert problem_of(web.raw("POST", path, body)) == (status, code)
        assert isinstance(web.ask(Ping()), Pong), "the connection goes on"


@pytest.mark.parametrize(
    "fields, status, code",
    [
        ({"code": "nothing"}, 404, "unknown-code"),
        ({"model": "nothing"}, 422, "unknown-model"),
        ({"target": "mars"}, 422, "unknown-target"),
        ({"inputs": {"nothing": 1}}, 422, "invalid-input"),
        ({"key": "k" * 2000}, 422, "invalid-text"),
    ],
)
def test_a_run_that_cannot_be_is_refused_in_words(supervisor: Supervisor, fields: dict[str, Any], status: int, code: str) -> None:
    with supervisor.web() as web:
        answer = web.ask(a_question(**fields))
        assert isinstance(answer, Problem)
        assert (answer.status, answer.code) == (status, code)


def test_a_method_that_is_not_served_is_refused(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        assert web.raw("GET", "/ping")[0] == 405
        assert web.raw("DELETE", "/ping")[0] == 405


def test_a_question_that_says_it_is_too_large_is_refused_before_it_is_read(supervisor: Supervisor) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(LIMIT)
        raw.connect(str(supervisor.config.web_door))
        head = f"POST /ping HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {supervisor.secret}\r\nContent-Length: {MAX_MESSAGE + 1}\r\n\r\n"
        raw.sendall(head.encode())
        answer = b""
        while b"message-too-large" not in answer and (more := raw.recv(1 << 16)):
            answer += more
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"message-too-large" in answer
    assert is_well(supervisor)


def test_a_question_that_grows_too_large_is_refused(supervisor: Supervisor) -> None:
    pieces = (b"x" * (64 << 10) for _ in range(80))
    with supervisor.web() as web:
        assert problem_of(web.raw("POST", "/ping", pieces, encode_chunked=True)) == (413, "message-too-large")
    assert is_well(supervisor)


def test_garbage_on_the_socket_harms_nobody(supervisor: Supervisor) -> None:
    for door in (supervisor.config.web_door, supervisor.config.agent_door):
        for garbage in (b"\0" * 1000, b"GET\r\n\r\n", os.urandom(5000), b"POST /ping HTTP/1.1\r\nContent-Length: -5\r\n\r\n"):
            with socket.socket(socket.AF_UNIX) as raw:
                raw.settimeout(LIMIT)
                raw.connect(str(door))
                raw.sendall(garbage)
                raw.shutdown(socket.SHUT_WR)
                while True:
                    try:
                        if not raw.recv(1 << 16):
                            break
                    except ConnectionResetError:
                        break
    assert is_well(supervisor)


def test_health_readiness_and_metrics_need_no_secret(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        assert web.raw("GET", "/healthz", headers={})[0] == 200
        assert web.raw("GET", "/readyz", headers={})[0] == 200
        status, text = web.raw("GET", "/metrics", headers={})
        assert status == 200
        assert b"simyard_commits_total" in text
        assert b"simyard_agents_connected" in text
        assert supervisor.secret.encode() not in text


def test_a_local_target_needs_no_login(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        assert web.ask(TargetLogin(user=user, target="local")) == LoginAnswer(target="local", state="not-needed")
        assert [target.name for target in web.ask(TargetList(user=user)).targets] == ["local"]


# ── the agents' door ──


def wrong(spec: dict[str, Any]) -> list[str | None]:
    return [
        None,
        "",
        spec["agent"],
        f"{spec['agent']} {'0' * 64}",
        f"{spec['agent']} {spec['secret']} x",
        f"01HZZZZZZZZZZZZZZZZZZZZZZZ {spec['secret']}",
        f"{spec['agent']} ÿÿ",
    ]


def test_an_agent_without_the_right_secret_is_refused_and_the_real_one_stays(supervisor: Supervisor, user: str) -> None:
    spec, agent = arrived(supervisor, user)
    with agent:
        for authorization in wrong(spec):
            with Agent(supervisor.config.agent_door, authorization) as other:
                assert other.status == 401, authorization
        assert agent.is_quiet(0.1)
    assert spec["secret"] not in supervisor.log


Act = Callable[[Agent], None]
BAD: dict[str, tuple[Act, int]] = {
    "no JSON": (lambda agent: agent.frame(1, b"{"), 1002),
    "a message without a name": (lambda agent: agent.frame(1, b"[1,7,{}]"), 1002),
    "a message that says nothing": (lambda agent: agent.frame(1, b'[1,"Nothing",[]]'), 1002),
    "a wrong field": (lambda agent: agent.frame(1, b'[1,"Closed",{"op":"x"}]'), 1002),
    "a second hello": (lambda agent: agent.say(a_hello()), 1002),
    "text that is not UTF-8": (lambda agent: agent.frame(1, b"\xff\xff"), 1007),
    "a frame that is too short": (lambda agent: agent.frame(2, b"abc"), 1002),
    "a frame that is too long": (lambda agent: agent.frame(2, pack(1, b"x" * (64 << 10)) + b"x"), 1002),
    "a push without an announcement": (lambda agent: agent.chunk(1 << 63, b"abc"), 1002),
    "a push that is too large": (
        lambda agent: agent.say(talk.ReportPushed(op=1 << 63, run="r", epoch=1, report="r", size=2 << 20)),
        1002,
    ),
    "a message that is too large": (lambda agent: agent.frame(1, b"x" * (MAX_MESSAGE + 1)), 1009),
}


@pytest.mark.parametrize("what", BAD)
def test_an_agent_that_says_what_is_not_allowed_is_disconnected_with_the_reason(
    supervisor: Supervisor, user: str, what: str
) -> None:
    act, code = BAD[what]
    _, agent = arrived(supervisor, user)
    with agent:
        try:
            act(agent)
        except ConnectionError:
            pass  # it was disconnected before it had said it all
        closed, reason = agent.until_closed()
    # an oversize message is broken off while it is being sent: the reason may not arrive
    assert closed == code or (closed == 1006 and code in {1007, 1009}), (closed, reason)
    assert reason or closed != 1002
    assert is_well(supervisor)


def test_what_an_agent_of_another_version_says_beside_what_is_known_changes_nothing(supervisor: Supervisor, user: str) -> None:
    """One that is newer has more to say, one that is older may say what is not said any more: both are heard as far as they are
    understood, and stay."""
    spec, agent = arrived(supervisor, user)
    with agent:
        for text in (
            b'[1,"Nothing",{}]',
            b'[1,"Mood",{"op":1,"deep":{"a":[1]}}]',
            b'[1,"Leave",{"reason":"x"}]',
            b'[1,"Closed",{"op":1,"why":"x"}]',
        ):
            agent.frame(1, text)
        assert agent.is_quiet(0.2)
    with Agent(supervisor.config.agent_door, f"{spec['agent']} {spec['secret']}") as again:
        plain = json.loads(talk.FROM_AGENT.encode(a_hello()))
        plain[2]["mood"] = "good"
        again.frame(1, json.dumps(plain).encode())
        again.hear(talk.Welcome)
    assert supervisor.log.count("says what is not known here") == 1


def test_whoever_speaks_before_hello_is_disconnected(supervisor: Supervisor, user: str) -> None:
    spec, agent = arrived(supervisor, user)
    with agent, Agent(supervisor.config.agent_door, f"{spec['agent']} {spec['secret']}") as other:
        other.say(talk.Closed(op=1))
        assert other.until_closed()[0] == 1002
        assert agent.is_quiet(0.1)


def test_a_newer_connection_of_an_agent_takes_the_place_of_the_older(supervisor: Supervisor, user: str) -> None:
    spec, agent = arrived(supervisor, user)
    with agent, Agent(supervisor.config.agent_door, f"{spec['agent']} {spec['secret']}") as newer:
        newer.say(a_hello())
        newer.hear(talk.Welcome)
        assert agent.until_closed() == (1001, "replaced by a newer connection")
        with supervisor.web() as web:
            web.run(user=user, model=LONG)
            newer.hear(talk.StartRun)


def test_an_agent_speaks_of_its_own_users_runs_only(supervisor: Supervisor, user: str) -> None:
    _, mine = arrived(supervisor, user)
    _, theirs = arrived(supervisor, f"{user}x")
    with mine, theirs, supervisor.web() as web:
        web.run(user=user)
        run = mine.hear(talk.StartRun).spec.run
        theirs.events(run, started(1), final(2))
        theirs.say(talk.StartFailed(run=run, epoch=1, reason="x"))
        mine.events(run, started(1))
        mine.hear(talk.EventsStored)
        answer = web.ask(RunStatus(user=user, run=run))
        assert (answer.run.state.value, answer.run.events) == ("running", 1)


# ── the stream of changes ──


def test_changes_are_replayed_from_any_number_and_then_told_live(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web, supervisor.web() as listener:
        before = web.ask(Ping()).change
        first = web.run("one", user=user).run
        listener.request("GET", f"/changes?after={before}", headers=listener.headers)
        stream = listener.getresponse()
        assert stream.getheader("Content-Type") == "application/x-ndjson"
        heard = _until(stream, first.id)
        second = web.run("two", user=user).run
        heard += _until(stream, second.id)
        # other users' runs, and what more becomes of these, may come in between
        assert list(dict.fromkeys(run["id"] for run in heard if run["user"] == user)) == [first.id, second.id]
        again = web.ask(Changes(user=user, after=before))
        assert [run.id for run in again.runs] == [first.id, second.id]
        assert web.ask(Changes(user="nobody", after=before)).runs == ()


@pytest.mark.parametrize("after", ["-1", "x", "", "1" * 30])
def test_a_number_that_is_none_is_refused(supervisor: Supervisor, after: str) -> None:
    with supervisor.web() as web:
        assert problem_of(web.raw("GET", f"/changes?after={after}")) == (422, "invalid-after")


def _until(stream: Any, run: str) -> list[dict[str, Any]]:
    """The runs of the changes that are told, to the first one of this run."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["id"] != run:
        heard.append(json.loads(next_line(stream))[2]["run"])
    return heard


def test_a_listener_that_reads_nothing_costs_little_and_misses_nothing(supervisor: Supervisor, user: str) -> None:
    _, agent = arrived(supervisor, user)
    runs, filler = [], "x" * 60_000
    with agent, supervisor.web() as web, supervisor.web() as listener:
        listener.request("GET", f"/changes?after={web.ask(Ping()).change}", headers=listener.headers)
        before = supervisor.memory()
        for number in range(300):
            web.run(f"s{number}", user=user, reuse=False)
            run = agent.hear(talk.StartRun).spec.run
            agent.events(run, started(1), progress(2, frames=1), final(3, results={"filler": filler}))
            agent.hear(talk.EventsStored)
            runs.append(run)
        # 18 MB went by; 4 MiB may wait for the listener, 16 MiB of final runs may be remembered
        assert supervisor.memory() - before < 60 << 20
        stream = listener.getresponse()
        done: dict[str, int] = {}
        last = 0
        while len(done) < len(runs):
            run = json.loads(next_line(stream))[2]["run"]
            assert run["change"] > last
            last = run["change"]
            if run["state"] == "completed":
                done[run["id"]] = run["change"]
        assert sorted(done) == sorted(runs)


# ── the home folder ──


def test_what_it_makes_is_its_owners_alone(supervisor: Supervisor) -> None:
    home = supervisor.config.home
    for path in (home, supervisor.config.doors):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in (supervisor.config.web_door, supervisor.config.agent_door, supervisor.config.door_secret, home / "jobs.db"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert supervisor.secret not in supervisor.log


def test_a_second_supervisor_in_the_same_home_is_refused_in_words(supervisor: Supervisor) -> None:
    environment = {**os.environ, "SIMYARD_HOME": str(supervisor.config.home)}
    second = subprocess.run(
        [sys.executable, "-m", "simyard.supervisor"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert supervisor.process is not None
    assert second.returncode == 1
    assert f"A supervisor (process {supervisor.process.pid}) is already running" in second.stderr
    assert is_well(supervisor)


def test_many_agents_may_come_at_once(supervisor: Supervisor, user: str) -> None:
    made = [arrived(supervisor, f"{user}{number}") for number in range(40)]
    for _, agent in made:
        agent.sock.close()
    assert is_well(supervisor)


def test_a_socket_that_a_killed_supervisor_left_is_no_obstacle() -> None:
    with a_supervisor() as other:
        secret = other.secret
        other.stop(signal.SIGKILL)
        assert other.config.web_door.exists()
        other.start()
        assert is_well(other)
        assert other.secret == secret
        with other.web() as web:
            assert web.ask(RunList(user="me", limit=1)).runs == ()
