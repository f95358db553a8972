"""Stop 1, web: what a user does with runs that are over: name, note, pin and delete them, and find the one that is the same."""

from __future__ import annotations

from flask import Response

from simyard.protocol.asking import RunDelete, RunSame, RunStatus
from simyard.web import bodies
from simyard.web.answers import answer
from simyard.web.api_runs import check_run
from simyard.web.api_simulations import declaration, find
from simyard.web.context import services, user
from simyard.web.routes import Routes
from simyard.web.showing import run_plain, runs_plain
from simyard.web.sources import Sources
from simyard.web.uploads import sweep

routes = Routes("runs")


@routes.patch("/runs/<run>", answers={200: "Run"}, problems=(404, 503))
def run_change(run: str, body: bodies.RunNote) -> Response:
    """Give a run a name, write a note on it, pin it. What is not named stays; "" takes it away."""
    known, who = services(), user()
    found = known.door.ask(RunStatus(user=who, run=check_run(run))).run
    if body.model_fields_set:
        known.notes.change(who, found.id, known.clock(), name=body.name, text=body.note, pinned=body.pinned)
        known.tell.note(who, found.id)
    return answer(run_plain(known, found))


@routes.delete("/runs/<run>", answers={204: ""}, problems=(404, 409, 503))
def run_delete(run: str) -> Response:
    """Delete a run that is over, for ever, with its directory: at once, or when its target is next reached."""
    known, who = services(), user()
    known.door.ask(RunDelete(user=who, run=check_run(run)))
    known.notes.delete(who, run)
    for sha256 in known.sources.delete(who, run):
        sweep(known, who, sha256)
    return Response(status=204)


@routes.get("/simulations/<simulation>/same", answers={200: "RunList"}, problems=(404, 503))
def run_same(simulation: str, query: bodies.SameQuery) -> Response:
    """The completed run that has computed exactly what this simulation would now: one of its own, or else of another; none
    where there is none. It is what `reuse` would answer with, and nothing is started."""
    known, found = services(), find(simulation)
    code = declaration(found.code)
    model = code.model(query.model)
    given = Sources(known, user()).known(found, code)
    if given is None:  # what it would take from another simulation was never taken
        return answer({"items": [], "cursor": ""})
    question = RunSame(user=user(), simulation=found.id, code=code.name, model=model.name, inputs=given.inputs, files=given.files)
    return answer({"items": runs_plain(known, known.door.ask(question).runs), "cursor": ""})
