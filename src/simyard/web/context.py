"""Stop 1, web: what every handler works with, made once and found through the application."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app, g

from simyard.codes import registry
from simyard.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from simyard.clock import Clock
    from simyard.store.library import Blobs, LibraryStore
    from simyard.store.notes import NoteStore
    from simyard.store.simulations import SimulationStore
    from simyard.store.sources import SourceStore
    from simyard.store.users import UserStore
    from simyard.web.auth import Keys
    from simyard.web.fanout import Fanout
    from simyard.web.installing import Installs
    from simyard.web.metrics import Metrics
    from simyard.web.port import Port
    from simyard.web.room import Rooms
    from simyard.web.telling import Telling

#: The codes' folders are looked at again when somebody asks for the list, but not more often (seconds).
_FRESH = 3.0


class CodeShelf:
    """The codes as they were last read."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._read_at = 0.0
        self._codes: registry.Codes | None = None

    def codes(self) -> registry.Codes:
        return self._codes if self._codes is not None else self.fresh()

    def fresh(self) -> registry.Codes:
        """The codes as they are now, or were a moment ago."""
        if self._codes is None or time.monotonic() - self._read_at > _FRESH:
            self._codes = registry.load(self._config)
            self._read_at = time.monotonic()
        return self._codes


@dataclass(kw_only=True)
class Services:
    """All that a handler may need. `url` is where web listens, for addresses that leave it; `blobs` gives a user's contents."""

    config: Config
    url: str
    clock: Clock
    randomness: Callable[[int], bytes]
    keys: Keys
    users: UserStore
    simulations: SimulationStore
    notes: NoteStore
    sources: SourceStore
    library: LibraryStore
    blobs: Callable[[str], Blobs]
    shelf: CodeShelf
    door: Port
    rooms: Rooms
    installs: Installs
    fanout: Fanout
    tell: Telling
    metrics: Metrics
    engine: Engine
    arrived: dict[tuple[str, str], float] = field(default_factory=dict)

    def close(self) -> None:
        """Close what is open: streams, connections, the database."""
        self.installs.close()
        self.fanout.close()
        self.door.close()
        self.engine.dispose()


def services() -> Services:
    return cast("Services", current_app.extensions["simyard"])


def user() -> str:
    """Who is asking; known before any handler of the API is called."""
    return cast("str", g.user)
