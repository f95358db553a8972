"""Identifiers: ULIDs for what is made once, and the name of a compute job."""

import re
from typing import Callable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")

#: Answers with that many random bytes (`os.urandom`, or a fake in tests).
Randomness = Callable[[int], bytes]


def ulid(now: float, randomness: Randomness) -> str:
    """A 26-character id that sorts by time of making, to the millisecond (ULID specification)."""
    number = (int(now * 1000) << 80) | int.from_bytes(randomness(10), "big")
    letters = []
    for _ in range(26):
        letters.append(ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(letters))


def is_ulid(text: str) -> bool:
    """Whether `text` has the form of a ULID; anything else never becomes part of a path."""
    return _ULID.match(text) is not None


def ulid_time(text: str) -> float:
    """The time of making, in seconds since the epoch."""
    number = 0
    for letter in text[:10]:
        number = number * 32 + ALPHABET.index(letter)
    return number / 1000


def jid(user: str, simulation: str, model: str) -> str:
    """The name of the compute job that (user, simulation, model) stands for."""
    return f"{user}.{simulation}.{model}"
