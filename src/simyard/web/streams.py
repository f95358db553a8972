"""Stop 1, web: hands a stream of the supervisor's on to a browser, a chunk at a time, and ends it when the browser has gone."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gevent
from flask import Response, request
from gevent.socket import wait_read

from simyard.errors import SimyardError
from simyard.web.port import STREAM_PATIENCE, Port, Stream

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*\Z", re.IGNORECASE)


class BadRange(SimyardError):
    """The range begins behind the end."""

    status = 416


def opened(door: Port, question: Any, *, patience: float = STREAM_PATIENCE) -> Stream:
    """The stream that answers the question; nobody goes on with it when the browser goes away before it begins."""
    with watched(browser()):
        return door.open(question, patience=patience)


def hand_on(stream: Stream, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response of the stream's bytes; it is closed with the response, however that ends."""
    response = Response(_chunks(stream, browser()), status, headers=dict(headers or {}), direct_passthrough=True)
    if stream.size >= 0:
        response.content_length = stream.size
    response.call_on_close(stream.close)
    return response


def _chunks(stream: Stream, client: socket.socket | None) -> Iterator[bytes]:
    yield b""  # the head goes out at once: whoever follows a silent log knows that it is there
    with stream, watched(client):
        yield from stream


def browser() -> socket.socket | None:
    """The connection of the browser that is asking; None where there is none, as in a test."""
    client: socket.socket | None = request.environ.get("gunicorn.socket")
    return client


@contextlib.contextmanager
def watched(client: socket.socket | None) -> Iterator[None]:
    """Ends the block (by GreenletExit) when the browser goes away while nothing can be sent to it, which is when nobody
    else would notice."""
    if client is None:
        yield
        return
    watcher = gevent.spawn(_watch, client, gevent.getcurrent())
    try:
        yield
    finally:
        watcher.kill(block=False)


def _watch(client: socket.socket, asking: gevent.Greenlet) -> None:
    try:
        wait_read(client.fileno())
        left = client.recv(1, socket.MSG_PEEK)
    except OSError:
        left = b""
    if not left:  # else it is the next request, sent ahead: the browser is there
        asking.kill(block=False)


def ranged(open_part: Callable[[int, int], Stream], headers: Mapping[str, str]) -> Response:
    """What the request's Range wants of something, where `open_part(offset, length)` (-1: to the end) opens a part of it.

    A range that cannot be understood, or several, is answered with everything, as RFC 9110 allows.
    """
    told = {"Accept-Ranges": "bytes", **headers}
    match = _RANGE.match(request.headers.get("Range", "")) if "If-Range" not in request.headers else None
    first, last = (match[1], match[2]) if match else ("", "")
    if not first and not last:
        return hand_on(open_part(0, -1), headers=told)
    if first and last and int(last) < int(first):
        return hand_on(open_part(0, -1), headers=told)
    if not first:
        return _suffix(open_part, int(last), told)
    offset, length = int(first), int(last) - int(first) + 1 if last else -1
    stream = open_part(offset, length)
    if stream.size < 0:  # it grows: where the part ends is not known, and a part must say so
        stream.close()
        return hand_on(open_part(0, -1), headers=told)
    if stream.size == 0:
        stream.close()
        raise BadRange("range-not-satisfiable", f"It ends before byte {offset}.")
    total = str(offset + stream.size) if length < 0 or stream.size < length else "*"
    return hand_on(stream, 206, {**told, "Content-Range": f"bytes {offset}-{offset + stream.size - 1}/{total}"})


def _suffix(open_part: Callable[[int, int], Stream], count: int, told: Mapping[str, str]) -> Response:
    whole = open_part(0, -1)
    if whole.size < 0 or count >= whole.size > 0:
        return hand_on(whole, headers=told)
    size = whole.size
    whole.close()
    if count == 0 or size == 0:
        raise BadRange("range-not-satisfiable", "There is nothing to send.")
    # exactly that many: it may have grown in between
    part = open_part(size - count, count)
    return hand_on(part, 206, {**told, "Content-Range": f"bytes {size - count}-{size - 1}/{size}"})
