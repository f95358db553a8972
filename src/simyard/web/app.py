"""Stop 1, web: the application, put together from its parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import lru_cache

from flask import Flask

from simyard import clock
from simyard.codes.shelf import Shelf
from simyard.config import Config
from simyard.store.engine import make_engine, migrate
from simyard.store.library import Blobs, LibraryStore
from simyard.store.notes import NoteStore
from simyard.store.simulations import SimulationStore
from simyard.store.sources import SourceStore
from simyard.store.users import UserStore
from simyard.web import (
    accounting,
    answers,
    api_bin,
    api_code_targets,
    api_codes,
    api_events,
    api_exchange,
    api_files,
    api_history,
    api_inputs,
    api_results,
    api_runs,
    api_session,
    api_simulations,
    api_sources,
    api_targets,
    auth,
    headers,
    metrics,
    openapi,
    proxied,
    uploads,
)
from simyard.web.context import Services
from simyard.web.door import Door
from simyard.web.fanout import Fanout
from simyard.web.installing import Installs
from simyard.web.ops import ops
from simyard.web.pages import pages
from simyard.web.port import Port
from simyard.web.room import Rooms
from simyard.web.telling import Telling

#: The parts of the API, in the order of the document.
PARTS = tuple(
    module.routes
    for module in (
        api_session,
        api_codes,
        api_code_targets,
        api_targets,
        api_simulations,
        api_bin,
        api_exchange,
        api_sources,
        api_runs,
        api_history,
        api_inputs,
        api_results,
        api_files,
        api_events,
    )
)


def make_services(config: Config, url: str, *, door: Port | None = None, now: clock.Clock = clock.system) -> Services:
    """What the handlers work with: the database is open and up to date, the token is there."""
    config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = make_engine(config.web_url)
    migrate(engine, "web")
    users, shelf = UserStore(engine), Shelf(config)
    users.ensure(auth.ME, auth.ME, now())
    shelf.codes()
    door = door or Door(config.web_door, config.door_secret)
    alone = config.web.workers == 1
    simulations, notes = SimulationStore(engine), NoteStore(engine, alone=alone)
    fanout = Fanout(door, api_events.Show(shelf, notes), alone=alone)
    return Services(
        config=config,
        url=url,
        clock=now,
        randomness=os.urandom,
        keys=auth.Keys(auth.ensure_token(config.token), config.home),
        users=users,
        simulations=simulations,
        notes=notes,
        sources=SourceStore(engine),
        library=LibraryStore(engine),
        blobs=_blobs(config),
        shelf=shelf,
        door=door,
        rooms=Rooms(config, door, now),
        installs=Installs(config),
        fanout=fanout,
        tell=Telling(door, fanout, simulations, notes, alone=alone),
        metrics=metrics.Metrics(),
        engine=engine,
    )


def _blobs(config: Config) -> Callable[[str], Blobs]:
    @lru_cache(maxsize=1000)
    def blobs(user: str) -> Blobs:
        found = Blobs(config.user_dir(user) / "files", uploads.sync)
        found.sweep_parts(time.time())
        return found

    return blobs


def create_app(services: Services) -> Flask:
    """The application."""
    app = Flask("simyard.web", static_folder=None)
    app.extensions["simyard"] = services
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    answers.install(app)
    accounting.install(app, services)
    headers.install(app)
    proxied.install(app, services.config)
    for part in PARTS:
        part.register(app)
    openapi.install(app, PARTS)
    app.register_blueprint(pages)
    app.register_blueprint(ops)
    return app
