"""The web door: who may ask, how a question comes in, and how an answer or a Problem goes out, over HTTP on a Unix socket."""

from __future__ import annotations

import asyncio
import hmac
import http
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from simyard.errors import InvalidRequest, ProtocolError, SimyardError, TooLarge, Unauthenticated
from simyard.protocol.asking import ANSWER, ASK, PATHS, Problem
from simyard.protocol.wire import MAX_MESSAGE
from simyard.supervisor.journal import Journal

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell

journal = Journal(__name__)

#: Names, ids and keys that web passes on are at most this long.
MAX_WORD = 1000
#: A user's id is the name of a folder.
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Handler(RequestHandler):
    """What every handler of the web door does: errors are Problems, and every request is counted."""

    shell: Shell

    def initialize(self, shell: Shell) -> None:
        self.shell = shell
        self.is_gone = False
        self.on_gone: Callable[[], None] | None = None

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json")

    def check_secret(self) -> None:
        """Raises Unauthenticated for everybody who does not show the door's secret."""
        shown = self.request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self.settings["wanted"]):
            raise Unauthenticated("wrong-secret", "This door opens with the secret in the home folder only.")

    def compute_etag(self) -> None:
        """Nothing here is cached."""

    def on_connection_close(self) -> None:
        self.is_gone = True
        if self.on_gone is not None:
            self.on_gone()
        super().on_connection_close()

    def problem(self, error: SimyardError) -> None:
        """Answer with an error."""
        self.clear()
        self.set_status(error.status, _phrase(error.status))
        self.finish(ANSWER.encode(Problem(status=error.status, code=error.code, detail=error.detail, more=error.more)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, SimyardError):
            self.problem(error)
        elif isinstance(error, HTTPError):
            refused = SimyardError("bad-request", f"{_phrase(status_code)}: {self.request.method} {self.request.path[:200]}")
            refused.status = status_code
            self.problem(refused)
        else:
            # the wall of a request: its fault is its own
            self.problem(SimyardError("internal", "The supervisor failed at this; its log says why."))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if value is not None and not isinstance(value, SimyardError | HTTPError | StreamClosedError):
            journal.failure("a request failed", value, path=self.request.path)

    def on_finish(self) -> None:
        path = self.request.path if self.request.path in _KNOWN else "other"
        self.shell.counts.requests[path, self.get_status()] += 1


@stream_request_body
class Ask(Handler):
    """`POST /<question>`. `answers` (in the settings) has a function for every question: it returns a message, or its
    encoded text, or has written a stream by itself and returns None."""

    def prepare(self) -> None:
        self._body = bytearray()
        if int(self.request.headers.get("Content-Length") or 0) > MAX_MESSAGE:
            raise TooLarge("message-too-large", f"A question has at most {MAX_MESSAGE} bytes.")

    def data_received(self, chunk: bytes) -> None:
        # what is not to be answered is read to its end all the same: a client that is refused while it still sends sees a
        # broken connection and not the refusal. Only what may be needed is kept
        if len(self._body) <= MAX_MESSAGE:
            self._body += chunk

    async def post(self) -> None:
        self.check_secret()
        if len(self._body) > MAX_MESSAGE:
            raise TooLarge("message-too-large", f"A question has at most {MAX_MESSAGE} bytes.")
        question = ASK.decode(bytes(self._body))
        if PATHS.get(self.request.path) is not type(question):
            raise ProtocolError("wrong-path", f"{type(question).__name__} is not asked at {self.request.path[:200]}.")
        _check_words(question)
        if getattr(question, "code", ""):
            await self.shell.look_at_codes()
        answers: dict[type, Callable[[Shell, Any, Ask], Any]] = self.settings["answers"]
        answer = answers[type(question)](self.shell, question, self)
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer is not None and not self.is_gone:
            self.finish(answer if isinstance(answer, str) else ANSWER.encode(answer))

    def abort(self) -> None:
        """Break the response off, so that the client sees that it is not whole."""
        if self.request.connection is not None:
            stream = self.request.connection.stream  # type: ignore[attr-defined]
            stream.close()

    async def pass_on(self, data: bytes, limit: float) -> None:
        """Write a piece of a stream, and wait until the client has taken it; raises StreamClosedError when it has gone."""
        self.write(data)
        try:
            async with asyncio.timeout(limit):
                await self.flush()
        except TimeoutError:
            self.abort()
            raise StreamClosedError from None


def _check_words(question: Any) -> None:
    """Names that will stand in a table or a path: bounded, and text that every database takes."""
    if not _USER.fullmatch(getattr(question, "user", "me")):
        raise InvalidRequest("invalid-user", "A user's id has letters, digits, dots, dashes and underscores, at most 64.")
    for name in type(question).__slots__:
        value = getattr(question, name)
        if isinstance(value, str) and (len(value) > MAX_WORD or "\0" in value or (not value.isascii() and not _is_sound(value))):
            raise InvalidRequest(
                "invalid-text", f"{type(question).__name__}.{name} is longer than {MAX_WORD} characters, or not proper text."
            )


def _is_sound(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"


_KNOWN = frozenset(PATHS) | {"/healthz", "/readyz", "/metrics"}
