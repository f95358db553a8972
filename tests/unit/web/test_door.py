"""The door: questions and streams over a Unix socket, and what happens when nobody, or somebody else, is behind it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simyard.errors import NotFound, SimyardError, Unavailable
from simyard.protocol import asking
from simyard.testing import FakeSupervisor
from simyard.testing_server import Server
from simyard.web.door import BadAnswer, Door

RUN = asking.RunSimulation(user="me", simulation="s", simulation_revision="r", code="c", model="m", inputs={}, files={})


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: the path of a socket may have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="door-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def door(folder: Path) -> Iterator[Door]:
    found = Door(folder / "web.sock", folder / "secret")
    yield found
    found.close()


@pytest.fixture
def behind(folder: Path, supervisor: FakeSupervisor) -> Iterator[Server]:
    with Server(supervisor, folder / "web.sock", folder / "secret") as server:
        yield server


@pytest.mark.usefixtures("behind")
def test_a_question_is_answered_and_its_connection_used_again(door: Door, supervisor: FakeSupervisor) -> None:
    run = door.ask(RUN).run
    assert supervisor.runs[run.id] == run
    assert door.ask(asking.RunStatus(user="me", run=run.id)).run == run
    assert len(door._idle) == 1


@pytest.mark.usefixtures("behind")
def test_what_is_wrong_is_raised_as_it_was_there(door: Door) -> None:
    with pytest.raises(NotFound) as caught:
        door.ask(asking.RunStatus(user="me", run="x"))
    assert (caught.value.code, caught.value.status) == ("unknown-run", 404)
    with pytest.raises(NotFound):
        door.open(asking.RunLog(user="me", run="x"))
    assert len(door._idle) == 1


def test_nobody_there_is_said_in_words(door: Door, folder: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        door.ask(asking.Ping())
    assert caught.value.code == "supervisor-away"
    (folder / "secret").write_text("x")
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(str(folder / "web.sock"))  # a socket that was left behind
    with pytest.raises(Unavailable):
        door.ask(asking.Ping())


def test_a_supervisor_that_was_started_anew_is_found_again(door: Door, folder: Path, supervisor: FakeSupervisor) -> None:
    for secret in ("first", "second", "second"):
        (folder / "secret").write_text(secret)
        with Server(supervisor, folder / "web.sock", folder / "secret"):
            assert door.ask(asking.Ping()).change == 0
            assert door.ask(asking.Ping()).change == 0


@pytest.mark.usefixtures("behind")
def test_a_wrong_secret_is_not_the_browsers_fault(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong")
    with pytest.raises(Unavailable) as caught:
        Door(folder / "web.sock", tmp_path / "secret").ask(asking.Ping())
    assert caught.value.code == "supervisor-refuses"


@pytest.mark.usefixtures("behind")
def test_a_stream_is_whole_or_an_error(door: Door, supervisor: FakeSupervisor) -> None:
    run = door.ask(RUN).run.id
    supervisor.files[run] = {"a": os.urandom(1_000_000)}
    question = asking.RunFile(user="me", run=run, path="a")
    with door.open(question) as stream:
        assert stream.size == 1_000_000
        assert b"".join(stream) == supervisor.files[run]["a"]
    assert len(door._idle) == 1
    supervisor.broken_off.add(run)
    with door.open(question) as stream, pytest.raises(Unavailable):
        list(stream)
    supervisor.broken_off.clear()
    with door.open(asking.RunFile(user="me", run=run, path="a", offset=10, length=5)) as stream:
        assert b"".join(stream) == supervisor.files[run]["a"][10:15]


@pytest.mark.usefixtures("behind")
def test_a_followed_log_comes_as_it_grows_and_ends_when_it_is_left(door: Door, supervisor: FakeSupervisor) -> None:
    run = door.ask(RUN).run.id
    supervisor.start(run)
    supervisor.logs[run] = bytearray(b"one")
    with door.open(asking.RunLog(user="me", run=run, follow=True)) as stream:
        chunks = iter(stream)
        assert next(chunks) == b"one"
        supervisor.logs[run] += b"two"
        assert next(chunks) == b"two"
        supervisor.complete(run)
        assert list(chunks) == []
    with door.open(asking.RunLog(user="me", run=run, follow=True)) as stream:
        assert next(iter(stream)) == b"onetwo"
    assert len(door._idle) <= 1


@pytest.mark.usefixtures("behind")
def test_changes_come_as_lines(door: Door, supervisor: FakeSupervisor) -> None:
    run = door.ask(RUN).run
    with door.changes(0) as stream:
        text = b""
        for chunk in stream:
            text += chunk
            if b"Change" in text:
                break
    assert run.id.encode() in text


def answering(folder: Path, *answers: bytes) -> tuple[Callable[[], None], list[int]]:
    """A supervisor that says just this, an answer a connection, and how often it was asked."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "web.sock"))
    listener.listen()
    (folder / "secret").write_text("x")
    asked: list[int] = []

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ConnectionError):  # who has read enough of it hangs up
                asked.append(len(connection.recv(65536)))
                connection.sendall(answer)
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread.join, asked


@pytest.mark.parametrize(
    "answer, kind",
    [
        (b"", Unavailable),
        (b"garbage\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmore than that", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", BadAnswer),
        (b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", BadAnswer),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000, Unavailable),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_and_never_a_hang(
    folder: Path, door: Door, answer: bytes, kind: type[SimyardError]
) -> None:
    join, _ = answering(folder, answer)
    with pytest.raises(kind):
        door.ask(RUN)
    join()
    assert door._idle == []


def test_what_must_not_be_done_twice_is_not_asked_twice(folder: Path, door: Door, supervisor: FakeSupervisor) -> None:
    with Server(supervisor, folder / "web.sock", folder / "secret"):
        door.ask(asking.Ping())
    kept = door._idle
    assert len(kept) == 1
    join, asked = answering(folder, b"")
    with pytest.raises(Unavailable) as caught:
        door.ask(RUN)
    join()
    assert len(asked) == 1
    assert "not known" in caught.value.detail
