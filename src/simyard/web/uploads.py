"""Stop 1, web: how a body becomes a content of the user's, and what nothing names any more goes away."""

from __future__ import annotations

import os
from typing import IO, BinaryIO, cast

import gevent
from flask import request

from simyard.errors import ProtocolError, TooLarge
from simyard.store.simulations import FileRef
from simyard.web.context import Services
from simyard.web.room import Room


def sync(fd: int) -> None:
    """fsync, in a thread: a slow disk must not stop everybody else."""
    gevent.get_hub().threadpool.apply(os.fsync, (fd,))


#: The next step of whoever has a larger file.
RAISE = "Send less, or raise upload_limit in the [web] section of simyard.toml and start Simyard again."


_CHUNK = 256 << 10


class _Body:
    """The request's body: what ends before its end is an error, not a shorter file."""

    def __init__(self, stream: IO[bytes], declared: int | None) -> None:
        self._stream = stream
        self._left = declared

    def read(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except Exception as error:  # the wall to gunicorn's parser, which has an error of its own for each way to be malformed
            raise ProtocolError("malformed-body", "The body is malformed, or was cut off; nothing of it was kept.") from error
        if self._left is not None:
            self._left -= len(data)
            if not data and self._left > 0:
                raise ProtocolError("cut-off", "The body ended before its end; nothing of it was kept. Send it again.")
        return data


def _body(limit: int) -> _Body:
    """The request's body; raises TooLarge where it says that it is."""
    declared = request.content_length
    if declared is not None and declared > limit:
        raise TooLarge(
            "too-large",
            f"The file has {declared} bytes, more than the limit of {limit}; nothing of it was read. {RAISE}",
            {"limit": limit},
        )
    request.max_content_length = None  # counted while it is written: a chunked body does not say its size
    return _Body(request.stream, declared)


def _room(services: Services, user: str) -> Room:
    """How much this user may still upload; raises OutOfSpace where the body says that it is more."""
    room = services.rooms.of(user)
    if (request.content_length or 0) > room.left:
        raise room.refusal()
    return room


def receive_into(services: Services, user: str, file: IO[bytes]) -> None:
    """The request's body, in a file that nobody else sees. Raises TooLarge, OutOfSpace."""
    limit = services.config.web.upload_limit
    body, room = _body(limit), _room(services, user)
    size = 0
    while data := body.read(_CHUNK):
        size += len(data)
        if size > limit:
            raise TooLarge("too-large", f"The body has more than the limit of {limit} bytes. {RAISE}", {"limit": limit})
        if size > room.left:
            raise room.refusal()
        file.write(data)


def receive(services: Services, user: str) -> FileRef:
    """The content that the request's body is: never more of it in memory than a chunk, and nothing of it kept that is over
    the limit. Raises TooLarge, OutOfSpace."""
    limit = services.config.web.upload_limit
    body, room = _body(limit), _room(services, user)
    try:
        ref = services.blobs(user).write(cast("BinaryIO", body), max(0, min(limit, room.left)), services.randomness)
    except TooLarge as error:
        if room.left < limit:
            raise room.refusal() from None
        raise TooLarge(error.code, f"{error.detail} {RAISE}", error.more) from None
    services.rooms.took(user, ref.size)
    return ref


def sweep(services: Services, user: str, sha256: str) -> None:
    """Remove a content that no file and no revision names any more."""
    if not services.library.named(user, sha256):
        services.blobs(user).sweep(sha256, services.clock())
