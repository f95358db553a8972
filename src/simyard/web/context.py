"""Stop 1, web: what every handler works with, made once and found through the application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app, g

from simyard.codes.shelf import Shelf
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
    shelf: Shelf
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
