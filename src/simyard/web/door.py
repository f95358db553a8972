"""Stop 1, web: the one door to the supervisor: a question out, its answer or stream back, over a Unix socket.

Connections are kept and used again. Everything blocks, and under gevent blocks nobody else. What the supervisor calls a
Problem is raised again as the error it was there; that it is away is an error of its own.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from gevent.monkey import get_original

from simyard.errors import ProtocolError, SimyardError, Unavailable, from_status
from simyard.protocol.asking import ANSWER, ASK, Problem, RunSimulation, TargetLogin, path_of

#: Seconds that the supervisor may take for a plain answer, beside what it was asked to wait.
PATIENCE = 30.0
#: Seconds that a stream may be silent: longer than a report may wait for its turn and be made.
STREAM_PATIENCE = 900.0
#: The change stream says something at least every ten seconds.
CHANGES_PATIENCE = 35.0
_IDLE = 64
_CHUNK = 64 << 10
# gevent's own goes through its loop, even to look without waiting
_poll = get_original("select", "poll")
_READABLE: int = get_original("select", "POLLIN")
#: What must not be asked twice when nobody knows whether it was heard the first time.
_ONCE = frozenset({RunSimulation, TargetLogin})


class Stream(Protocol):
    """Bytes that come from the supervisor. `size` is -1 where it is not known before the end.

    Iterating raises SimyardError when the stream breaks off; leaving the `with` block early has the supervisor stop it.
    """

    size: int
    media_type: str

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Port(Protocol):
    """What the rest of web knows of the door; `simyard.testing.FakeDoor` is another one."""

    def ask(self, question: Any, wait: float = 0.0) -> Any:
        """The answer (a message of ANSWER); `wait` is how long the question itself allows the supervisor to wait.
        Raises what the supervisor said is wrong, and Unavailable where it is away."""

    def open(self, question: Any, *, patience: float = STREAM_PATIENCE) -> Stream:
        """The stream that answers the question; raises as `ask` does. `patience` is how long it may be silent (seconds)."""

    def changes(self, after: int) -> Stream:
        """What changes after change number `after`, of all users: Change messages, one a line; an empty line now and then."""

    def get(self, path: str) -> bytes:
        """What the supervisor answers to a plain GET, such as /metrics."""

    def close(self) -> None:
        """Close the idle connections."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("supervisor", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.close()
            raise

    def patience(self, seconds: float) -> None:
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def is_stale(self) -> bool:
        """Whether the supervisor has ended this idle connection (or said something that nobody asked for)."""
        poll = _poll()
        poll.register(self.sock, _READABLE)
        return bool(poll.poll(0))


class Door:
    """The way to the supervisor that listens on the Unix socket `path`; `secret` is the file with what it wants to see."""

    def __init__(self, path: Path, secret: Path) -> None:
        self._path = path
        self._secret = secret
        self._headers: dict[str, str] = {}
        self._idle: list[_Connection] = []

    def ask(self, question: Any, wait: float = 0.0) -> Any:
        connection, response = self._send("POST", question, PATIENCE + wait)
        try:
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broken(question) from error
        self._keep(connection, response)
        message = ANSWER.decode(body)
        if isinstance(message, Problem):
            raise _error(message)
        return message

    def open(self, question: Any, *, patience: float = STREAM_PATIENCE) -> Stream:
        connection, response = self._send("POST", question, patience)
        return self._stream(connection, response)

    def changes(self, after: int) -> Stream:
        connection, response = self._send("GET", f"/changes?after={after}", CHANGES_PATIENCE)
        return self._stream(connection, response)

    def get(self, path: str) -> bytes:
        connection, response = self._send("GET", path, 5.0)
        with self._stream(connection, response) as stream:
            return b"".join(stream)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _send(self, method: str, what: Any, patience: float) -> tuple[_Connection, http.client.HTTPResponse]:
        path, body = (what, None) if isinstance(what, str) else (path_of(type(what)), ASK.encode(what).encode())
        for attempt in range(3):
            connection, used = self._connection(patience)
            try:
                connection.request(method, path, body, self._headers)
                response = connection.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                connection.close()
                # the supervisor may have ended a connection that was kept, in the moment before it was used again
                if used and attempt < 2 and type(what) not in _ONCE:
                    continue
                raise _broken(what) from error
            except TimeoutError as error:
                connection.close()
                raise Unavailable("supervisor-slow", "The supervisor did not answer in time. Try again.") from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise _broken(what) from error
            except BaseException:  # the browser has gone away: the supervisor sees it by the end of the connection
                connection.close()
                raise
            if response.status == 401:  # it has been started anew, with another secret
                response.close()
                connection.close()
                self.close()
                self._headers = {}
                continue
            return connection, response
        raise _refused()

    def _connection(self, patience: float) -> tuple[_Connection, bool]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_stale():
                connection.patience(patience)
                return connection, True
            connection.close()
        if not self._headers:
            try:
                secret = self._secret.read_text("ascii").strip()
            except OSError as error:
                raise _away() from error
            self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        connection = _Connection(str(self._path))
        connection.patience(patience)
        try:
            connection.connect()
        except OSError as error:
            self._headers = {}  # when it is back, it may have another secret
            raise _away() from error
        return connection, False

    def _keep(self, connection: _Connection, response: http.client.HTTPResponse) -> None:
        if response.isclosed() and not response.will_close and connection.sock is not None and len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _stream(self, connection: _Connection, response: http.client.HTTPResponse) -> Stream:
        if response.status == 200:
            return _Stream(self, connection, response)
        try:
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broken("") from error
        self._keep(connection, response)
        message = ANSWER.decode(body)
        if not isinstance(message, Problem):
            raise ProtocolError("malformed", "The supervisor answered with something that is neither a stream nor a problem.")
        raise _error(message)


class _Stream:
    def __init__(self, door: Door, connection: _Connection, response: http.client.HTTPResponse) -> None:
        length = response.getheader("Content-Length")
        self.size = -1 if length is None else int(length)
        self.media_type = response.getheader("Content-Type") or "application/octet-stream"
        self._door = door
        self._connection = connection
        self._response = response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        try:
            # read1: what is there already, however little; a log that is followed must not wait for a full chunk
            while data := self._response.read1(_CHUNK):
                sent += len(data)
                yield data
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # ValueError, AttributeError: closed by somebody else while it was read (the browser has gone away)
            raise _broken_off() from error
        if self.size >= 0 and sent != self.size:
            raise _broken_off()
        if self.size < 0 and not self._response.chunked:
            raise _broken_off()  # it says neither its size nor its end: whether this is all, nobody knows
        self._door._keep(self._connection, self._response)  # noqa: SLF001 - the two are one thing
        self._connection = _DONE

    def close(self) -> None:
        if self._connection is _DONE:
            return
        sock = self._connection.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes a reader, which closing does not
            except OSError:
                pass  # the supervisor was faster
        self._connection.close()
        self._response.close()
        self._connection = _DONE


_DONE = _Connection("")


def _error(problem: Problem) -> SimyardError:
    error = from_status(problem.status, problem.code, problem.detail, problem.more)
    error.status = problem.status
    return error


def _away() -> Unavailable:
    return Unavailable(
        "supervisor-away",
        "The supervisor is not there: it is being started, or was stopped. Runs go on without it, pages and simulations work; "
        "ask again in a moment.",
    )


def _refused() -> Unavailable:
    return Unavailable("supervisor-refuses", "The supervisor refuses web's secret: both must be of the same home folder. Restart Simyard.")


def _broken(what: Any) -> Unavailable:
    if type(what) in _ONCE:
        return Unavailable(
            "supervisor-away",
            "The supervisor went away before it answered; whether it has heard this is not known. Look at the list of runs before you "
            "try again, or try again with the same Idempotency-Key.",
        )
    return _away()


def _broken_off() -> Unavailable:
    return Unavailable("broken-off", "The transfer broke off before its end. Try again.")
