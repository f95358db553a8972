"""A place that does not answer, in words: which one, since when, and what that means. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from simyard.drivers.base import Trouble

#: An hour of the day says which day is meant as long as it was less than this long ago (seconds).
_SAME_DAY = 20 * 3600.0


def words(trouble: Trouble, now: float) -> str:
    """A sentence: `The Docker daemon at … is not answering since 20:15 UTC.`"""
    return f"{trouble.words}." if trouble.since is None else f"{trouble.words} since {moment(trouble.since, now)}."


def moment(at: float, now: float) -> str:
    """A moment as people read it: `20:15 UTC`, `22 Nov 20:15 UTC`."""
    then = datetime.fromtimestamp(at, UTC)
    return f"{then:%H:%M} UTC" if now - at < _SAME_DAY else f"{then.day} {then:%b %H:%M} UTC"
