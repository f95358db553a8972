"""Stop 1, web: the one door to the supervisor: a question out, its answer or stream back, over a Unix socket.

Connections are kept and used again. Everything blocks, and under gevent blocks nobody else. What the supervisor calls a
Problem is raised again as the error it was there; that it is away is an error of its own.
"""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from gevent.monkey import get_original

from simyard.errors import ProtocolError, SimyardError, Unavailable, from_status
from simyard.protocol.asking import ANSWER, ASK, Problem, RunSimulation, path_of
from simyard.protocol.targets import TargetLogin
from simyard.web.port import STREAM_PATIENCE, Stream

T = TypeVar("T")

#: Seconds that the supervisor may take for a plain answer, beside what it was asked to wait.
PATIENCE = 30.0
#: And for a look at how it is: less than those wait who ask web how all of Simyard is.
LOOK_PATIENCE = 10.0
#: The change stream says something at least every ten seconds.
CHANGES_PATIENCE = 35.0
_IDLE = 64
_CHUNK = 64 << 10
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,15})\r\n", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
# gevent's own goes through its loop, even to look without waiting
_poll = get_original("select", "poll")
_READABLE: int = get_original("select", "POLLIN")
#: What must not be asked twice when nobody knows whether it was heard the first time.
_ONCE = frozenset({RunSimulation, TargetLogin})


class BadAnswer(SimyardError):
    """The supervisor said what cannot be: the two are not of the same version."""

    status = 502


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

    def read_answer(self) -> tuple[int, bytes]:
        """Status and body of an answer that says how long it is; whatever else comes is an error."""
        data = self.sock.recv(_CHUNK)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more(len(data))
        found = _LENGTH.search(data, 0, end + 2)
        if not data.startswith(b"HTTP/1.1 ") or found is None:
            raise http.client.BadStatusLine(repr(data[:60]))
        left = int(found[1]) - (len(data) - end - 4)
        parts = [data[end + 4 :]]
        while left > 0:
            parts.append(self._more(0))
            left -= len(parts[-1])
        if left < 0:
            raise http.client.BadStatusLine("more than was announced")
        if _CLOSES.search(data, 0, end + 2):
            self.close()
        return int(data[9:12]), b"".join(parts)

    def _more(self, have: int) -> bytes:
        data = self.sock.recv(_CHUNK) if have <= _CHUNK else b""
        if not data:
            raise http.client.RemoteDisconnected("the supervisor ended the connection")
        return data


class Door:
    """The way to the supervisor that listens on the Unix socket `path`; `secret` is the file with what it wants to see."""

    def __init__(self, path: Path, secret: Path) -> None:
        self._path = path
        self._secret = secret
        self._headers: dict[str, str] = {}
        self._raw_headers = ""
        self._idle: list[_Connection] = []

    def ask(self, question: Any, wait: float = 0.0) -> Any:
        # by hand, because this is on every request's way: http.client takes three times as long (its parser of headers is
        # that of mail)
        body = ASK.encode(question).encode()
        head = f"POST {path_of(type(question))} HTTP/1.1\r\nHost: supervisor\r\nContent-Length: {len(body)}\r\n"

        def talk(connection: _Connection) -> tuple[int, bytes]:
            connection.sock.sendall(f"{head}{self._raw_headers}\r\n".encode("latin-1") + body)
            return connection.read_answer()

        connection, (status, said) = self._attempt(talk, question, PATIENCE + wait)
        message = _decoded(said, connection)
        self._keep(connection)
        if isinstance(message, Problem):
            raise _error(message)
        if status != 200:
            raise BadAnswer("supervisor-malformed", f"The supervisor answered with status {status} and no problem.")
        return message

    def open(self, question: Any, *, patience: float = STREAM_PATIENCE) -> Stream:
        connection, response = self._send("POST", question, patience)
        return self._stream(connection, response)

    def changes(self, after: int) -> Stream:
        connection, response = self._send("GET", f"/changes?after={after}", CHANGES_PATIENCE)
        return self._stream(connection, response)

    def get(self, path: str) -> bytes:
        connection, response = self._send("GET", path, LOOK_PATIENCE)
        with self._stream(connection, response) as stream:
            return b"".join(stream)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _send(self, method: str, what: Any, patience: float) -> tuple[_Connection, http.client.HTTPResponse]:
        path, body = (what, None) if isinstance(what, str) else (path_of(type(what)), ASK.encode(what).encode())

        def talk(connection: _Connection) -> tuple[int, http.client.HTTPResponse]:
            connection.request(method, path, body, self._headers)
            response = connection.getresponse()
            return response.status, response

        connection, (_, response) = self._attempt(talk, what, patience)
        return connection, response

    def _attempt(
        self, talk: Callable[[_Connection], tuple[int, T]], what: Any, patience: float
    ) -> tuple[_Connection, tuple[int, T]]:
        """What `talk` answers (a status first), over a kept connection or a fresh one; again, where that is harmless."""
        for attempt in range(3):
            connection, used = self._connection(patience)
            try:
                answer = talk(connection)
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
            if answer[0] == 401:  # it has been started anew, with another secret
                connection.close()
                self.close()
                self._headers = {}
                continue
            return connection, answer
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
            self._raw_headers = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
        connection = _Connection(str(self._path))
        connection.patience(patience)
        try:
            connection.connect()
        except OSError as error:
            self._headers = {}  # when it is back, it may have another secret
            raise _away() from error
        return connection, False

    def _keep(self, connection: _Connection, response: http.client.HTTPResponse | None = None) -> None:
        """Keep the connection for the next question, if its answer has been read to the end."""
        is_done = response is None or ((response.isclosed() or response.length == 0) and not response.will_close)
        if response is not None:
            response.close()
        if is_done and connection.sock is not None and len(self._idle) < _IDLE:
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
        message = _decoded(body, connection)
        self._keep(connection, response)
        if not isinstance(message, Problem):
            raise BadAnswer(
                "supervisor-malformed", "The supervisor answered with something that is neither a stream nor a problem."
            )
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


def _decoded(body: bytes, connection: _Connection) -> Any:
    try:
        return ANSWER.decode(body)
    except ProtocolError as error:  # not the browser's fault, as a plain ProtocolError would say
        connection.close()
        raise BadAnswer("supervisor-malformed", f"The supervisor's answer cannot be read: {error.detail}") from error


def _away() -> Unavailable:
    return Unavailable(
        "supervisor-away",
        "The supervisor is not there: it is being started, or was stopped. Runs go on without it, pages and simulations work; "
        "ask again in a moment.",
    )


def _refused() -> Unavailable:
    return Unavailable(
        "supervisor-refuses", "The supervisor refuses web's secret: both must be of the same home folder. Restart Simyard."
    )


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
