"""Reading events.jsonl: foreign input, which is believed line by line, in order, and only when a line is complete."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from simyard.errors import ProtocolError, SimyardError
from simyard.protocol import rundir, wire
from simyard.protocol.agents import Event
from simyard.protocol.jobs import FINAL

#: So much is read at a time (bytes): it bounds a message, whose JSON may be three times as long.
PIECE = 512 << 10
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FINAL_STATES = frozenset(state.value for state in FINAL)
_MAX_KIND = 64


class Damaged(SimyardError):
    """The file is not what a job cmd writes; `detail` says what is wrong with it."""

    def __init__(self, detail: str) -> None:
        super().__init__("damaged", detail)


class Cursor(NamedTuple):
    """A place between two events: after event `n`, which ends at byte `offset`."""

    n: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Reading:
    """What was found after a cursor. `at_end`: there was nothing more; `damaged`: why nothing after `cursor` is believed."""

    events: Tuple[Event, ...]
    cursor: Cursor
    at_end: bool
    damaged: str = ""


def parse(data: bytes, after: Cursor) -> Tuple[List[Event], Cursor, str]:
    """The events in the complete lines of `data`, which begins at `after`; the new cursor; and what is wrong with the
    next line, "" if nothing is. Whatever follows a final event is not read."""
    events: List[Event] = []
    n, offset = after
    start = 0
    while True:
        end = data.find(b"\n", start)
        if end < 0:
            too_long = len(data) - start > rundir.MAX_LINE
            return events, Cursor(n, offset + start), f"line {n + 1} is too long" if too_long else ""
        try:
            event = parse_line(data[start:end], n + 1)
        except Damaged as error:
            return events, Cursor(n, offset + start), f"line {n + 1}: {error.detail}"
        events.append(event)
        start, n = end + 1, n + 1
        if event.event == rundir.FINAL:
            return events, Cursor(n, offset + start), ""


def parse_line(line: bytes, n: int) -> Event:
    """One event, which must have number `n`; raises Damaged."""
    if len(line) > rundir.MAX_LINE:
        raise Damaged("it is too long")
    try:
        plain = json.loads(line, parse_constant=_no_constant)
        event = wire.from_plain(Event, plain)
        if not wire.is_shallow(event.data) or not _is_finite(event.data):
            raise Damaged("it holds what cannot be sent on")
        if b"\\u" in line:
            # a lone surrogate is legal JSON, and is refused by every database
            json.dumps(plain, ensure_ascii=False).encode("utf-8")
    except ProtocolError as error:
        raise Damaged(error.detail[:200]) from None
    except (ValueError, RecursionError):
        raise Damaged("it is not JSON") from None
    if event.n != n:
        raise Damaged(f"it has number {event.n}")
    if not 0 < len(event.event) <= _MAX_KIND:
        raise Damaged("it has no proper name")
    if event.event == rundir.FINAL and str(event.data.get("state")) not in _FINAL_STATES:
        raise Damaged("it names no final state")
    return event


def _is_finite(data: Dict[str, Any]) -> bool:
    """Whether JSON has all its numbers: 1e999 is read as an infinity, which no message can carry."""
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        return False
    return True


def _no_constant(text: str) -> None:
    raise ValueError(text)


def read(directory: str, after: Cursor) -> Reading:
    """What the run directory's events.jsonl holds after the cursor, at most PIECE bytes of it. A file that is not there
    (yet) holds nothing."""
    try:
        descriptor = _open(directory)
        if descriptor is None:
            missing = "" if after.n == 0 else "events.jsonl has disappeared"
            return Reading((), after, at_end=True, damaged=missing)
        try:
            if os.fstat(descriptor).st_size < after.offset:
                return Reading((), after, at_end=True, damaged="events.jsonl has become shorter")
            # a piece holds the longest legal line
            data = os.pread(descriptor, PIECE, after.offset)
        finally:
            os.close(descriptor)
    except Damaged as error:
        return Reading((), after, at_end=True, damaged=error.detail)
    events, cursor, damaged = parse(data, after)
    ended = bool(events) and events[-1].event == rundir.FINAL
    return Reading(tuple(events), cursor, at_end=len(data) < PIECE or ended or bool(damaged), damaged=damaged)


def locate(directory: str, n: int) -> Cursor:
    """The cursor after event `n`: after line `n`, as numbers have no gaps. Raises Damaged where there is no such line."""
    if n <= 0:
        return Cursor()
    descriptor = _open(directory)
    if descriptor is None:
        raise Damaged("events.jsonl has disappeared")
    try:
        left, offset = n, 0
        while True:
            data = os.pread(descriptor, PIECE, offset)
            count = data.count(b"\n")
            if count >= left:
                end = -1
                for _ in range(left):
                    end = data.index(b"\n", end + 1)
                return Cursor(n, offset + end + 1)
            if not data:
                raise Damaged(f"events.jsonl has lost its line {n}")
            left, offset = left - count, offset + len(data)
    finally:
        os.close(descriptor)


def _open(directory: str) -> Optional[int]:
    """A descriptor, or None where there is no such file; raises Damaged for what is no plain file."""
    try:
        descriptor = os.open(os.path.join(directory, rundir.EVENTS), _READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(f"events.jsonl cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Damaged("events.jsonl is not a plain file")
    return descriptor
