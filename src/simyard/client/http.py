"""The client's one way to the server: HTTP requests over kept connections, errors as Simyard's own, and patience while it restarts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, Any, Self, cast
from urllib.parse import quote, urlencode, urlsplit

from simyard.errors import InvalidRequest, SimyardError, Unavailable, from_status

BASE = "/api/v1"
_PROBLEM_LIMIT = 1 << 20
#: Seconds between two tries, doubled from the first to the last.
_FIRST_DELAY, _LAST_DELAY = 0.05, 1.0
#: Whoever's time is up is still given so long (seconds): an answer that is there already is heard.
_LAST_WORDS = 0.05


class NotRunning(Unavailable):
    """Nobody answers at the server's address."""


def path(*parts: str) -> str:
    """A path of the API from its parts, each quoted: `path("runs", id)`; a file's path keeps its slashes."""
    return BASE + "".join("/" + quote(part) for part in parts)


def new_key() -> str:
    """A fresh idempotency key: with it, a request that was repeated is done once."""
    return os.urandom(16).hex()


class Answer(http.client.HTTPResponse):
    """An answer that keeps hold of its socket, for as long as it is read."""

    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any) -> None:
        super().__init__(sock, *arguments, **more)
        self._sock = sock

    def wait_at_most(self, seconds: float, until: float | None = None) -> None:
        """Each read from here on raises TimeoutError after so long without a byte, or at `until` of the monotonic clock."""
        self._sock.settimeout(_left(until, seconds))


class Http:
    """Requests to one server. Not for several threads at once: give each its own.

    What may be repeated without harm is repeated for `patience` seconds while the server restarts or says that it is busy;
    then NotRunning or the server's own error is raised. A request with `until` (of the monotonic clock) raises TimeoutError
    when that is reached first, wherever it is then.
    """

    def __init__(self, url: str, token: str, *, timeout: float = 60.0, patience: float = 15.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidRequest(
                "bad-address", f"{url!r} is not the address of a Simyard: it begins with http:// or https://. Mend SIMYARD_URL."
            )
        self.url = url.rstrip("/")
        self._parts = parts
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._idle: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def get(self, where: str, **query: Any) -> Any:
        """The JSON at this path."""
        return self.json("GET", where, query=query)

    def json(
        self,
        method: str,
        where: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        until: float | None = None,
    ) -> Any:
        """The answer's JSON (None where there is none). `repeat`: doing it twice does no harm (by default: all but POST)."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent.update(headers or {})
        with self.open(method, where, query=query, body=data, headers=sent, repeat=repeat, until=until) as answer:
            text = answer.read()
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise SimyardError("not-simyard", f"What answers at {self.url} is not Simyard: it did not send JSON.") from None

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        where: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        until: float | None = None,
    ) -> Iterator[Answer]:
        """The answer, to be read in the block; raises SimyardError for every status that is not a success."""
        values = {name: value for name, value in (query or {}).items() if value not in {None, ""}}
        target = self._parts.path.rstrip("/") + where + ("?" + urlencode(values) if values else "")
        repeat = method != "POST" if repeat is None else repeat
        connection, answer = self._patiently(method, target, body, dict(headers or {}), repeat=repeat, until=until)
        try:
            yield answer
        except BaseException:
            _close(connection, answer)
            raise
        if answer.isclosed() and not answer.will_close and self._idle is None:
            self._idle = connection
        else:
            _close(connection, answer)

    def _patiently(
        self,
        method: str,
        target: str,
        body: bytes | IO[bytes] | None,
        headers: dict[str, str],
        *,
        repeat: bool,
        until: float | None,
    ) -> tuple[http.client.HTTPConnection, Answer]:
        given_up = time.monotonic() + self._patience
        delay = _FIRST_DELAY
        while True:
            try:
                return self._once(method, target, body, headers, _left(until, self._timeout))
            except (OSError, http.client.HTTPException) as error:
                _check(until, error)
                # who was refused was not heard, so even what must not be done twice may be said again
                if not (repeat or isinstance(error, ConnectionRefusedError)) or time.monotonic() > given_up:
                    raise NotRunning("not-running", f"Nobody answers at {self.url} ({error or type(error).__name__}).") from error
            except SimyardError as error:
                if not (error.retry and repeat):
                    raise
                _check(until, error)
                if time.monotonic() > given_up:
                    raise
            time.sleep(_left(until, delay))
            delay = min(delay * 2, _LAST_DELAY)

    def _once(
        self, method: str, target: str, body: bytes | IO[bytes] | None, headers: dict[str, str], timeout: float
    ) -> tuple[http.client.HTTPConnection, Answer]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", **headers}
        kept, self._idle = self._idle, None
        connection = kept or self._connect(timeout)
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            answer = _say(connection, method, target, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            connection.close()
            # a kept connection may have been closed at the other end since: that says nothing about the server
            if kept is None:
                raise
            connection = self._connect(timeout)
            answer = _say(connection, method, target, body, headers)
        if answer.status >= 400:
            try:
                raise _problem(answer, self.url)
            finally:
                _close(connection, answer)
        return connection, answer

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        made = kind(self._parts.hostname or "", self._parts.port, timeout=timeout)
        made.response_class = Answer
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _left(until: float | None, seconds: float) -> float:
    """So many seconds, or what is left of them."""
    return seconds if until is None else min(seconds, max(_LAST_WORDS, until - time.monotonic()))


def _check(until: float | None, why: Exception) -> None:
    if until is not None and time.monotonic() >= until:
        raise TimeoutError("There was no answer in that time.") from why


def _close(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
    """Close both: the answer of a server that hangs up afterwards owns the socket, and the connection has none any more."""
    answer.close()
    connection.close()


def _say(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes | IO[bytes] | None, headers: dict[str, str]
) -> Answer:
    """Send a request and wait for the head of the answer."""
    try:
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        try:
            connection.request(method, target, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # a server that refuses an upload answers and hangs up before it has heard all: the answer says why
            if body is None or isinstance(body, bytes):
                raise
        return cast("Answer", connection.getresponse())
    except BaseException:
        connection.close()
        raise


def _problem(answer: http.client.HTTPResponse, url: str) -> SimyardError:
    """The error that an answer of RFC 9457 describes; something in words also for what is none."""
    text = answer.read(_PROBLEM_LIMIT)
    try:
        said = json.loads(text)
        code, detail = str(said.pop("code")), str(said.pop("detail"))
    except (ValueError, KeyError, AttributeError):
        code, detail, said = "not-simyard", f"{url} answered {answer.status} {answer.reason}, and not in Simyard's words.", {}
    more = {key: value for key, value in said.items() if key not in {"type", "title", "status", "instance"}}
    return from_status(answer.status, code, detail, more)
