"""Stop 1, web: how it stands with what a simulation takes from others."""

from __future__ import annotations

from flask import Response

from simyard.store.sources import Taken
from simyard.web import bodies, present
from simyard.web.answers import answer
from simyard.web.api_simulations import declaration, find
from simyard.web.context import services, user
from simyard.web.routes import PREFIX, Routes
from simyard.web.sources import Sources, Standing

routes = Routes("simulations")


@routes.get("/simulations/<simulation>/sources", answers={200: "SourceList"}, problems=(404, 503))
def source_list(simulation: str, query: bodies.SourcesQuery) -> Response:
    """The files that this simulation takes from runs of others, one for each input, and whether they are out of date."""
    found = find(simulation)
    standing = Sources(services(), user()).standing(found, declaration(found.code), query.model)
    return answer({"items": [_standing(one) for one in standing], "cursor": ""})


def _standing(one: Standing) -> present.Plain:
    run = one.look.run
    here = f"{PREFIX}/simulations/{one.source.simulation}"
    return {
        "input": one.input,
        **one.source.to_plain(),
        "state": one.state,
        "why": one.why,
        "detail": one.words,
        "name": one.title,
        "title": one.look.model,
        "run": None if run is None else run.id,
        "ended": None if run is None or run.ended is None else present.to_iso(run.ended),
        "taken": None if one.last is None else taken(one.last),
        "links": {"simulation": here, "file": None if run is None else f"{PREFIX}/runs/{run.id}/files/{one.source.file}"},
    }


def taken(one: Taken) -> present.Plain:
    """What a run was given of another's files, as the API tells it."""
    return {
        "input": one.input,
        "simulation": one.simulation,
        "model": one.model,
        "file": one.file,
        "name": one.title,
        "run": one.source,
        "as": one.name,
        "sha256": one.sha256,
        "size": one.size,
        "taken": present.to_iso(one.at),
    }
