"""Stop 1, web: how an answer is written, whether it is what was asked for or what went wrong.

Everything that goes wrong is an `application/problem+json` (RFC 9457) with a stable `code`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import gevent
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from simyard.errors import SimyardError

log = logging.getLogger("simyard.web")

#: Codes of what Flask itself refuses.
_CODES = {
    400: "bad-request",
    404: "no-such-address",
    405: "method-not-allowed",
    413: "too-large",
    414: "address-too-long",
    415: "unsupported-media-type",
    416: "range-not-satisfiable",
}
_WORDS = {
    404: "There is nothing at this address; the API is described at /api/openapi.json.",
    405: "This address does not know that method.",
}
#: How much of a body that was refused is read and thrown away, so that the sender comes to reading the answer.
_LINGER_BYTES, _LINGER_SECONDS = 16 << 20, 2.0


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def dump(data: Any) -> bytes:
    """JSON, in as few bytes as it takes; keys stay in their order. Half a surrogate pair, which a code's words may hold
    and UTF-8 cannot, becomes a question mark."""
    return _encode(data).encode(errors="replace")


def dump_with(data: Mapping[str, Any], name: str, text: str) -> bytes:
    """The JSON of an object that has something in it, and of one more member of it whose JSON text is there already."""
    return dump(data)[:-1] + f',"{name}":'.encode() + text.encode(errors="replace") + b"}"


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; bytes are JSON already."""
    response = Response(data if isinstance(data, bytes) else dump(data), status, content_type="application/json")
    if headers:
        response.headers.update(headers)
    return response


def problem(error: SimyardError) -> Response:
    """The problem+json of an error; `more` is beside the standard members."""
    body = {
        "type": "about:blank",
        "title": _phrase(error.status),
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    response = Response(dump({**error.more, **body}), error.status, content_type="application/problem+json")
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="simyard"'
    if error.retry:
        response.headers["Retry-After"] = "1"
    if request.content_length or request.environ.get("HTTP_TRANSFER_ENCODING"):
        _end_connection(response)
    return response


def install(app: Flask) -> None:
    """Have everything that is raised answered as a problem."""
    app.register_error_handler(SimyardError, problem)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_exception)


def _on_http_exception(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # a redirect that routing wants
        return Response("", error.code or 500, error.get_headers())
    detail = _WORDS.get(error.code) or error.description or _phrase(error.code)
    said = SimyardError(_CODES.get(error.code, f"http-{error.code}"), detail)
    said.status = error.code
    response = problem(said)
    for name, value in error.get_headers():
        if name in {"Allow", "Content-Range"}:
            response.headers[name] = value
    return response


def _on_exception(error: Exception) -> Response:
    # the wall of a request: whatever was not foreseen is logged here, and nobody else's request is harmed
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(SimyardError("internal-error", "Something in Simyard is broken; its log (log/web.log) says what."))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _end_connection(response: Response) -> None:
    """End the connection after this answer: what of the body was not read must not be taken for the next request, and
    need not be read to its end. A little of it is, for the sender to find the answer instead of a reset."""
    force_close = request.environ.get("simyard.force_close")
    if force_close is None or "simyard.lingers" in g:
        return
    g.setdefault("simyard.lingers", True)
    force_close()
    body = request.environ["wsgi.input"]

    def linger() -> None:
        with gevent.Timeout(_LINGER_SECONDS, False):
            left = _LINGER_BYTES
            try:
                while left > 0 and (data := body.read(min(left, 64 << 10))):
                    left -= len(data)
            except Exception as error:  # noqa: BLE001 - a body that was refused may be broken in any way
                log.debug("the rest of a refused body: %s", error)

    response.call_on_close(linger)
