"""What can go wrong, in the words that a user reads: each error has a stable code, a fault, and a next step."""

from __future__ import annotations

import errno
from typing import Any, Dict, Mapping, Optional


class SimyardError(Exception):
    """Base of everything that Simyard raises on purpose.

    `code` is stable and meant for programs, `detail` is a sentence for people and says what to do next,
    `more` is extra data for programs (such as the address of the run that is in the way).
    """

    status = 500
    retry = False

    def __init__(self, code: str, detail: str, more: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.more: Dict[str, Any] = dict(more or {})


class InvalidRequest(SimyardError):
    """The caller's fault: asking again unchanged gives the same answer."""

    status = 422


class Unauthenticated(SimyardError):
    """Nobody has said who is asking, or the token is wrong."""

    status = 401


class Forbidden(SimyardError):
    """It is known who is asking, and that person may not."""

    status = 403


class NotFound(SimyardError):
    """There is no such thing, or it is not the caller's: the two are never told apart."""

    status = 404


class Conflict(SimyardError):
    """The request was sound, and what it met was not in the state that it needs."""

    status = 409


class PreconditionFailed(SimyardError):
    """Somebody else changed it first (If-Match did not match)."""

    status = 412


class TooLarge(SimyardError):
    """More than the limit that `detail` names."""

    status = 413


class Busy(SimyardError):
    """A bound was reached: asking again later may succeed."""

    status = 429
    retry = True


class Unavailable(SimyardError):
    """A part is away: asking again may succeed."""

    status = 503
    retry = True


class OutOfSpace(SimyardError):
    """A disk is full: asking again helps once somebody has freed some space."""

    status = 507
    retry = True


class ProtocolError(SimyardError):
    """The peer's fault: it sent what the protocol does not allow."""

    status = 400


BY_STATUS = {
    cls.status: cls
    for cls in (
        InvalidRequest, Unauthenticated, Forbidden, NotFound, Conflict, PreconditionFailed, TooLarge, Busy,
        Unavailable, OutOfSpace, ProtocolError,
    )
}  # fmt: skip


def from_status(status: int, code: str, detail: str, more: Optional[Mapping[str, Any]] = None) -> SimyardError:
    """The error that a peer answered with, to be raised again on this side."""
    return BY_STATUS.get(status, SimyardError)(code, detail, more)


def is_out_of_space(error: OSError) -> bool:
    """Whether a write failed because the disk, a quota, or a limit on a file's size is exhausted."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
