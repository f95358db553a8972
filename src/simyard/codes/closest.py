"""The name that somebody probably meant."""

from __future__ import annotations

from collections.abc import Collection


def closest(name: str, known: Collection[str]) -> str:
    """The known name that is most like this one; "" where none is."""
    import difflib  # here, because only an error needs it

    return next(iter(difflib.get_close_matches(name, known, 1, 0.6)), "")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The words that follow after what is unknown; "" where nothing is like it."""
    close = closest(name, known)
    return f"; did you mean {close!r}?" if close else ""
