"""What is known of one run from its directory, and what of it the supervisor has been sent. Pure."""

from __future__ import annotations

import re
from collections import deque
from typing import Any, Deque, Dict, Optional, Tuple

from simyard.agent.following import Cursor, Reading
from simyard.agent.judgement import damaged_words
from simyard.protocol import rundir
from simyard.protocol.agents import Event
from simyard.protocol.jobs import State

#: So many messages of one run may be on their way, unconfirmed: with following.PIECE this bounds what a run can pile up.
WINDOW = 4


class Facts:
    """The run as its events tell it: `seen` is how far they were read."""

    def __init__(self) -> None:
        self.seen = Cursor()
        self.begun = False
        self.started = 0.0
        self.boot = ""
        self.host = ""
        #: On a cluster: the number of the job that began last, whether its part has ended to be gone on with, and what it told when the cluster
        #: ended it.
        self.job = 0
        self.paused = False
        self.stopped: Optional[Dict[str, Any]] = None
        self.final: Optional[Event] = None
        self.damaged = ""
        #: The final event is not in the file: it was concluded here, because the file is not believed.
        self.concluded_here = False

    def learn(self, reading: Reading) -> bool:
        """Take in what was read; whether anything in it is new."""
        new = False
        for event in reading.events:
            if event.n <= self.seen.n:
                continue
            new = True
            if event.event == rundir.BEGUN:
                self.begun = True
                self.boot, self.host = str(event.data.get("boot", "")), str(event.data.get("host", ""))
                self.job, self.paused, self.stopped = _number(event.data.get("job")), False, None
            elif event.event == rundir.PAUSED:
                self.paused = True
            elif event.event == rundir.STOPPED:
                self.stopped = event.data
            elif event.event == rundir.STARTED:
                self.started = event.at
            elif event.event == rundir.FINAL:
                self.final = event
        if reading.cursor.n > self.seen.n:
            self.seen = reading.cursor
        if reading.damaged and self.final is None and not self.damaged:
            self.damaged = reading.damaged
            new = True
        return new

    def disbelieve(self, damaged: str, n: int) -> None:
        """The record is damaged so badly that even the events up to `n`, which were there once, are gone."""
        self.damaged, self.final, self.concluded_here = damaged, None, False
        self.seen = Cursor(n, self.seen.offset)

    def conclude_here(self, now: float, state: State = State.FAILED, reason: str = "", cause: str = "lost") -> None:
        """Make up the final event of a run whose file is not believed, or cannot be written."""
        data: Dict[str, Any] = {
            "state": state.value,
            "reason": reason or damaged_words(self.damaged),
            "cause": cause,
            "usage": None,
            "results": {},
            "warnings": [],
        }
        self.final = Event(n=self.seen.n + 1, at=now, event=rundir.FINAL, data=data)
        self.concluded_here = True


def _number(told: object) -> int:
    """The number of a job, 0 for what is none."""
    return int(told) if isinstance(told, (int, str)) and re.fullmatch(r"[1-9]\d{0,9}", str(told)) else 0


class Sent:
    """How far the supervisor was sent this run's events over the present connection, and how far it has stored them."""

    def __init__(self, after: Cursor) -> None:
        self.cursor = after
        self.stored = after.n
        self._batches: Deque[Tuple[int, int]] = deque()

    @property
    def open(self) -> bool:
        """Whether one more message may be sent."""
        return len(self._batches) < WINDOW

    def sent(self, cursor: Cursor) -> None:
        self._batches.append((cursor.n, cursor.offset))
        self.cursor = cursor

    def confirm(self, last: int) -> None:
        """The events up to `last` are stored; that may be more than was sent here, where they were sent before."""
        self.stored = max(self.stored, last)
        while self._batches and self._batches[0][0] <= last:
            self._batches.popleft()
