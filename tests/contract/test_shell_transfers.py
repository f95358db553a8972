"""Files, logs and reports through a real supervisor: whole or visibly broken off, and never more of them in memory than a window."""

from __future__ import annotations

import http.client
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.asking import Arrive, Frame, Ping, Pong, Problem, Report, RunCancel, RunFile, RunFiles, RunLog
from simyard.protocol.wire import MAX_CHUNK
from tests.contract.shell_kit import (
    LONG,
    QUICK,
    Agent,
    Supervisor,
    Web,
    a_hello,
    a_question,
    a_supervisor,
    final,
    started,
    wait_for,
)


@pytest.fixture(scope="module")
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


class Scene:
    """A user with an agent and one running run."""

    def __init__(self, supervisor: Supervisor, model: str = LONG) -> None:
        self.supervisor, self.user = supervisor, f"u{uuid.uuid4().hex}"
        with supervisor.web() as web:
            web.ask(Arrive(user=self.user))
            spec = wait_for(lambda: next((s for s in supervisor.started_agents() if s["user"] == self.user), None), "an agent")
            self.authorization = f"{spec['agent']} {spec['secret']}"
            self.agent = Agent(supervisor.config.agent_door, self.authorization)
            self.agent.say(a_hello())
            self.run = web.run(user=self.user, model=model).run.id
        self.agent.hear(talk.StartRun)
        self.agent.events(self.run, started(1))
        self.agent.hear(talk.EventsStored)

    def ask(self, web: Web, question: type, **fields: Any) -> None:
        web.send_question(question(user=self.user, run=self.run, **fields))

    def file(self, web: Web, path: str = "work/out.csv") -> talk.SendFile:
        """Ask for a file; what the agent is asked."""
        self.ask(web, RunFile, path=path)
        return self.agent.hear(talk.SendFile)

    def send(self, number: int, data: bytes, credit: int = talk.FIRST_CREDIT) -> int:
        """Send all of it as an agent does, no faster than granted; how much was granted in the end."""
        for start in range(0, len(data), MAX_CHUNK):
            piece = data[start : start + MAX_CHUNK]
            while credit < start + len(piece):
                grant = self.agent.hear(talk.Credit)
                assert grant.op == number
                credit += grant.size
            self.agent.chunk(number, piece)
        return credit


@pytest.fixture
def scene(supervisor: Supervisor) -> Iterator[Scene]:
    made = Scene(supervisor)
    yield made
    with supervisor.web() as web:
        web.ask(RunCancel(user=made.user, run=made.run))
    made.agent.sock.close()


def test_a_file_arrives_whole_whatever_its_size(scene: Scene) -> None:
    for size in (0, 1, MAX_CHUNK, talk.FIRST_CREDIT + 1, 5_000_000):
        data = os.urandom(size)
        with scene.supervisor.web() as web:
            asked = scene.file(web)
            assert (asked.run, asked.path, asked.offset, asked.length, asked.follow) == (scene.run, "work/out.csv", 0, -1, False)
            scene.agent.say(talk.Opened(op=asked.op, size=size, media_type="text/csv"))
            response = None
            if size <= talk.FIRST_CREDIT:
                scene.send(asked.op, data)
                scene.agent.say(talk.Closed(op=asked.op))
                response = web.getresponse()
                assert response.read() == data
            else:
                # more than the window: it moves only as fast as the client reads
                response = web.getresponse()
                received, credit = b"", talk.FIRST_CREDIT
                for start in range(0, size, talk.FIRST_CREDIT):
                    credit = _send_part(scene, asked.op, data, start, credit)
                    received += response.read(min(talk.FIRST_CREDIT, size - start))
                scene.agent.say(talk.Closed(op=asked.op))
                assert received + response.read() == data
            assert response.getheader("Content-Length") == str(size)
            assert response.getheader("Content-Type") == "text/csv"
            assert isinstance(web.ask(Ping()), Pong), "the connection goes on"


def _send_part(scene: Scene, number: int, data: bytes, start: int, credit: int) -> int:
    end = min(len(data), start + talk.FIRST_CREDIT)
    for at in range(start, end, MAX_CHUNK):
        piece = data[at : min(end, at + MAX_CHUNK)]
        while credit < at + len(piece):
            credit += scene.agent.hear(talk.Credit).size
        scene.agent.chunk(number, piece)
    return credit


def test_an_agent_is_granted_no_more_than_a_slow_client_takes(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        asked = scene.file(web)
        scene.agent.say(talk.Opened(op=asked.op, size=100 << 20))
        credit, sent, piece = talk.FIRST_CREDIT, 0, b"x" * MAX_CHUNK
        while True:
            while sent + len(piece) <= credit:
                scene.agent.chunk(asked.op, piece)
                sent += len(piece)
            if scene.agent.is_quiet(1.0):
                break
            credit += scene.agent.hear(talk.Credit).size
        # the window, and what the sockets between hold
        assert credit < 4 << 20
    assert scene.agent.hear(talk.Drop).op == asked.op


def test_an_agent_that_sends_more_than_it_was_granted_is_disconnected(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        asked = scene.file(web)
        scene.agent.say(talk.Opened(op=asked.op, size=100 << 20))
        for _ in range(200):
            scene.agent.chunk(asked.op, b"x" * MAX_CHUNK)
        assert scene.agent.until_closed() == (1002, "The agent sent more bytes than it was granted.")
        with pytest.raises((http.client.HTTPException, OSError)):
            web.getresponse().read()


def test_a_client_that_goes_away_has_the_agent_stop(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        asked = scene.file(web)
        scene.agent.say(talk.Opened(op=asked.op, size=1000))
        scene.agent.chunk(asked.op, b"x" * 10)
    assert scene.agent.hear(talk.Drop).op == asked.op
    # what was on its way is dropped without a word
    scene.agent.chunk(asked.op, b"x" * 10)
    scene.agent.say(talk.Closed(op=asked.op))
    assert scene.agent.is_quiet(0.1)


def test_what_the_agent_refuses_is_told_in_its_words(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        asked = scene.file(web, "work/none")
        scene.agent.say(talk.Closed(op=asked.op, code="no-such-file", detail="There is no file work/none in this run."))
        answer = web.answer()
        assert (answer.status, answer.code, answer.detail) == (404, "no-such-file", "There is no file work/none in this run.")


@pytest.mark.parametrize("end", ["closed with an error", "too little", "too much", "lost"])
def test_what_is_not_whole_is_seen_to_be_broken_off(scene: Scene, end: str) -> None:
    with scene.supervisor.web() as web:
        asked = scene.file(web)
        scene.agent.say(talk.Opened(op=asked.op, size=100))
        scene.agent.chunk(asked.op, b"x" * 50)
        response = web.getresponse()
        match end:
            case "closed with an error":
                scene.agent.say(talk.Closed(op=asked.op, code="broken-off", detail="The file became shorter."))
            case "too little":
                scene.agent.say(talk.Closed(op=asked.op))
            case "too much":
                scene.agent.chunk(asked.op, b"x" * 51)
            case "lost":
                scene.agent.sock.close()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()


def test_an_agent_that_is_lost_before_it_answers_is_named(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        scene.file(web)
        scene.agent.sock.close()
        answer = web.answer()
        assert (answer.status, answer.code) == (503, "agent-lost")


def test_an_agent_cannot_answer_for_another(scene: Scene, supervisor: Supervisor) -> None:
    other = Scene(supervisor)
    with other.agent, scene.supervisor.web() as web:
        asked = scene.file(web)
        other.agent.say(talk.Opened(op=asked.op, size=3))
        other.agent.chunk(asked.op, b"bad")
        other.agent.say(talk.Closed(op=asked.op))
        scene.agent.say(talk.Opened(op=asked.op, size=4))
        scene.agent.chunk(asked.op, b"good")
        scene.agent.say(talk.Closed(op=asked.op))
        assert web.getresponse().read() == b"good"


def test_a_log_is_followed_until_its_run_has_ended(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        scene.ask(web, RunLog, follow=True)
        asked = scene.agent.hear(talk.SendFile)
        assert (asked.path, asked.follow) == ("run.log", True)
        scene.agent.say(talk.Opened(op=asked.op, size=-1, media_type="text/plain; charset=utf-8"))
        scene.agent.chunk(asked.op, b"one\n")
        response = web.getresponse()
        assert response.getheader("Content-Length") is None
        assert response.readline() == b"one\n"
        scene.agent.chunk(asked.op, b"two\n")
        assert response.readline() == b"two\n"
        scene.agent.say(talk.Closed(op=asked.op))
        assert response.read() == b""


def test_a_report_is_made_within_the_targets_limits(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        scene.ask(web, Report, report=_reports(web, scene)[0])
        asked = scene.agent.hear(talk.MakeReport)
        assert (asked.frame, asked.seconds, asked.memory) == (-1, 60.0, 2 << 30)
        data = json.dumps({"data": []}).encode()
        scene.agent.say(talk.Opened(op=asked.op, size=len(data), media_type="application/json"))
        scene.agent.chunk(asked.op, data)
        scene.agent.say(talk.Closed(op=asked.op))
        response = web.getresponse()
        assert response.read() == data
        assert response.getheader("Content-Type") == "application/json"


def _reports(web: Web, scene: Scene) -> list[str]:
    """The reports of the run's model, from the words of the refusal."""
    scene.ask(web, Report, report="nothing")
    answer = web.answer()
    assert (answer.status, answer.code) == (404, "no-such-report")
    return str(answer.detail).rpartition("it has ")[2].rstrip(".").split(", ")


def test_a_media_type_that_is_none_becomes_harmless(scene: Scene) -> None:
    with scene.supervisor.web() as web:
        asked = scene.file(web)
        scene.agent.say(talk.Opened(op=asked.op, size=0, media_type="text/html\r\nSet-Cookie: a=b"))
        scene.agent.say(talk.Closed(op=asked.op))
        response = web.getresponse()
        response.read()
        assert response.getheader("Content-Type") == "application/octet-stream"
        assert response.getheader("Set-Cookie") is None


def test_a_run_that_has_not_started_has_nothing_to_show(supervisor: Supervisor) -> None:
    user = f"u{uuid.uuid4().hex}"
    with supervisor.web() as web:
        run = web.ask(a_question(user=user, model=QUICK)).run.id
        web.send_question(RunLog(user=user, run=run))
        assert web.getresponse().read() == b""
        web.send_question(RunFiles(user=user, run=run))
        assert web.getresponse().read() == b"[]"
        for question, status in (
            (Report(user=user, run=run, report="pattern"), 409),
            (Frame(user=user, run=run, report="pattern", frame=0), 409),
            (RunFile(user=user, run=run, path="work/a"), 404),
            (RunFile(user=user, run=run, path="../a"), 422),
            (RunFile(user=user, run=run, path="/a"), 422),
            (RunLog(user=user, run=run, offset=-1), 422),
            (Frame(user=user, run=run, report="pattern", frame=-2), 422),
            (RunFiles(user="eve", run=run), 404),
        ):
            answer = web.ask(question)
            assert isinstance(answer, Problem)
            assert answer.status == status, answer


def test_the_files_of_a_run_that_is_over_can_still_be_had(scene: Scene) -> None:
    scene.agent.events(scene.run, final(2))
    scene.agent.hear(talk.EventsStored)
    with scene.supervisor.web() as web:
        scene.ask(web, RunFiles)
        asked = scene.agent.hear(talk.ListFiles)
        scene.agent.say(talk.Opened(op=asked.op, size=2, media_type="application/json"))
        scene.agent.chunk(asked.op, b"[]")
        scene.agent.say(talk.Closed(op=asked.op))
        assert web.getresponse().read() == b"[]"
