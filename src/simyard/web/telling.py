"""Stop 1, web: tells every window of a user what web itself knows to have changed: simulations, and notes on runs.

The windows of this worker are told at once, the supervisor being there or not; those of the other workers by way of the
supervisor, whose stream of changes all of them follow. What goes that way is a name and an id: each worker looks at what
is now so, and so nothing that is told can be older than what was told before.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

import gevent

from simyard.errors import NotFound, SimyardError
from simyard.protocol.asking import Notice, Tell
from simyard.store.notes import NoteStore
from simyard.store.simulations import SimulationStore
from simyard.web import present
from simyard.web.fanout import Fanout, event
from simyard.web.port import Port

log = logging.getLogger("simyard.web")

#: So much may wait to be told to the other workers; what is more they are not told, and see when they look again.
_MAX_WAITING = 10_000
SIMULATION, NOTE = "simulation", "note"
#: Told by the supervisor: how a user's login to a target stands has changed, or what the target gives.
TARGET = "target"


class Telling:
    """Tells a user's windows. `alone`: there is no other worker. Nothing here fails or blocks: who changes something has done
    so already."""

    def __init__(self, door: Port, fanout: Fanout, simulations: SimulationStore, notes: NoteStore, *, alone: bool) -> None:
        self._door, self._fanout, self._alone = door, fanout, alone
        self._simulations, self._notes = simulations, notes
        self._origin = secrets.token_hex(8)
        self._waiting: dict[tuple[str, str, str], None] = {}
        fanout.on_notice = self._on_notice

    def simulation(self, user: str, simulation: str) -> None:
        """A simulation was made, changed, put into the bin, taken back, or is gone for good."""
        self._tell(user, SIMULATION, simulation)

    def note(self, user: str, run: str) -> None:
        """Something was written on a run."""
        self._tell(user, NOTE, run)

    def _tell(self, user: str, what: str, name: str) -> None:
        self._hand_on(user, what, name)
        if self._alone or len(self._waiting) >= _MAX_WAITING:
            return
        first = not self._waiting
        self._waiting[user, what, name] = None
        if first:
            gevent.spawn(self._relay)

    def _relay(self) -> None:
        while self._waiting:
            user, what, name = key = next(iter(self._waiting))
            try:
                self._door.ask(Tell(user=user, what=what, id=name, origin=self._origin))
            except SimyardError as error:
                # their windows look at everything again when the supervisor is back
                log.info("the other workers are not told: %s", error.detail)
                self._waiting.clear()
                return
            self._waiting.pop(key, None)

    def _on_notice(self, notice: Notice) -> None:
        if notice.origin != self._origin:
            self._hand_on(notice.user, notice.what, notice.id)

    def _hand_on(self, user: str, what: str, name: str) -> None:
        if not self._fanout.has_listeners(user):
            return
        try:
            data = self._look(user, what, name)
        except SimyardError as error:
            log.warning("a change of %s %s cannot be told: %s", what, name, error.detail)
            return
        if data is not None:
            self._fanout.tell(user, event(what, data))

    def _look(self, user: str, what: str, name: str) -> dict[str, Any] | None:
        if what == SIMULATION:
            try:
                return present.simulation(self._simulations.get(user, name))
            except NotFound:
                return {"id": name, "gone": True}
        if what == NOTE:
            return {"run": name, **present.note(self._notes.of(user, name))}
        if what == TARGET:
            return {"name": name}
        return None  # a newer worker may tell of more
