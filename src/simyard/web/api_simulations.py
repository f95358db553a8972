"""Stop 1, web: simulations: a user's named sets of inputs, each save kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from simyard.codes.declaration import Declaration
from simyard.errors import Busy, InvalidRequest, NotFound, PreconditionFailed
from simyard.protocol.ids import is_ulid, ulid
from simyard.store.library import check_name
from simyard.store.simulations import FileRef, Files, Simulation, in_bin, revision_id
from simyard.web import bodies, present
from simyard.web.answers import answer
from simyard.web.arriving import arrive
from simyard.web.context import services, user
from simyard.web.paging import page
from simyard.web.routes import PREFIX, Routes
from simyard.web.sources import Sources

routes = Routes("simulations")

MAX_FILES = 1000
_TRIES = 5
IF_MATCH = {"If-Match": "The ETag of the simulation that you have read; refused with 412 where it has changed."}


def find(simulation: str) -> Simulation:
    """The user's simulation; raises NotFound, which is also the answer for another user's."""
    if not is_ulid(simulation):
        raise NotFound("unknown-simulation", f"There is no simulation {simulation[:60]!r}.")
    return services().simulations.get(user(), simulation)


def find_live(simulation: str) -> Simulation:
    """The user's simulation, to be changed or run; raises NotFound, and Conflict where it lies in the bin."""
    found = find(simulation)
    if found.deleted is not None:
        raise in_bin(found)
    return found


def declaration(code: str) -> Declaration:
    """The code that a body names; raises InvalidRequest."""
    try:
        return services().shelf.codes().code(code)
    except NotFound:
        pass  # its folder may have come a moment ago
    try:
        return services().shelf.fresh().code(code)
    except NotFound as error:
        raise InvalidRequest(error.code, error.detail) from None


@routes.get("/simulations", answers={200: "SimulationList"})
def simulation_list(query: bodies.SimulationPaging) -> Response:
    """Your simulations, newest first: those in the bin, or those that are not."""
    found = services().simulations.page(
        user(),
        query.limit + 1,
        query.cursor,
        query.code,
        tag=query.tag,
        folder=query.folder,
        deleted=query.deleted,
        brief=query.brief,
    )
    return answer(page(found, query.limit, present.brief_simulation if query.brief else present.simulation, lambda one: one.id))


@routes.post("/simulations", answers={201: "Simulation"})
def simulation_create(body: bodies.NewSimulation) -> Response:
    """A new simulation of a code, from its defaults or an example, with inputs and files of your own."""
    code = declaration(body.code)
    inputs, title = dict(body.inputs), body.name or code.title
    if body.example is not None:
        example = code.example(body.example)
        inputs, title = {**example.inputs, **inputs}, body.name or example.title
    files = _attached({}, dict(body.files))
    checked = code.check_inputs(inputs, files)
    Sources(services(), user()).check("", {}, checked)
    return created(code.name, title, checked, files, body.folder, tuple(body.tags))


@routes.get("/simulations/<simulation>", answers={200: "Simulation", 304: ""}, problems=(404,))
def simulation_show(simulation: str) -> Response:
    """One simulation; its ETag is what If-Match wants to see when you change it."""
    found = find(simulation)
    arrive(services(), user(), found.code)
    return shown(found)


@routes.patch("/simulations/<simulation>", answers={200: "Simulation"}, problems=(404, 409, 412), headers=IF_MATCH)
def simulation_change(simulation: str, body: bodies.SimulationChange) -> Response:
    """Change the name, folder, tags, some inputs (null: back to the default), some files (null: away); the rest stays.

    With `restore`, inputs and files become those of that save, as a new one: nothing is lost by it.
    """
    if body.restore is not None and (body.inputs or body.files):
        raise InvalidRequest("invalid-request", "restore brings back inputs and files: leave both out.")
    tags = None if body.tags is None else tuple(body.tags)
    return shown(change(simulation, body.name, body.inputs, body.files, folder=body.folder, tags=tags, restore=body.restore))


@routes.post("/simulations/<simulation>/copy", answers={201: "Simulation"}, problems=(404,))
def simulation_copy(simulation: str, body: bodies.SimulationCopy) -> Response:
    """A new simulation with the same inputs and files, in the same folder and with the same tags."""
    found = find(simulation)
    return created(found.code, body.name or f"{found.name[:190]} (copy)", found.inputs, found.files, found.folder, found.tags)


@routes.get("/simulations/<simulation>/revisions", answers={200: "SaveList"}, problems=(404,))
def revision_list(simulation: str, query: bodies.SavePaging) -> Response:
    """Every save, newest first. `revision` names the content: two saves of the same content have the same."""
    find(simulation)
    found = services().simulations.saves(user(), simulation, query.limit + 1, query.cursor)
    return answer(page(found, query.limit, present.saved, lambda one: str(one.n)))


def change(
    simulation: str,
    name: str | None,
    inputs: Mapping[str, Any],
    files: Mapping[str, str | None],
    *,
    folder: str | None = None,
    tags: tuple[str, ...] | None = None,
    restore: int | None = None,
) -> Simulation:
    """The simulation with these changes, saved; `restore`: with the inputs and files of that save. Raises InvalidRequest, PreconditionFailed, NotFound, Conflict."""
    for _ in range(_TRIES):
        old = find_live(simulation)
        check_match(old)
        new_files = _attached(old.files, files)
        new_inputs: Mapping[str, Any] = old.inputs
        if inputs or files:
            merged = {**old.inputs, **inputs}
            # null takes an input back to its default, also one that the code no longer has
            kept = {key: value for key, value in merged.items() if value is not None}
            new_inputs = declaration(old.code).check_inputs(kept, new_files)
        elif restore is not None:
            new_inputs, new_files = _content_of(old, restore)
        if new_inputs is not old.inputs:
            # what a save had, it may have again; a circle that has come about meanwhile it may not
            Sources(services(), user()).check(old.id, new_inputs if restore is not None else old.inputs, new_inputs)
        try:
            changed = services().simulations.change(
                user(),
                old.id,
                services().clock(),
                version=old.version,
                name=name,
                inputs=new_inputs,
                files=new_files,
                folder=folder,
                tags=tags,
                restores=restore,
            )
            if changed.version != old.version:
                services().tell.simulation(user(), old.id)
            return changed
        except PreconditionFailed:
            # somebody was faster: with If-Match the next look at it says so, without it this change goes on top
            continue
    raise Busy("busy-simulation", "Others are changing this simulation all the time; try again.")


def _content_of(found: Simulation, n: int) -> tuple[dict[str, Any], dict[str, FileRef]]:
    """The inputs and files of a save, as the code would have them now. Raises InvalidRequest."""
    try:
        save = services().simulations.saved(user(), found.id, n)
    except NotFound as error:
        raise InvalidRequest(error.code, error.detail) from None
    code = declaration(found.code)
    inputs = {name: value for name, value in save.inputs.items() if name in code.inputs}
    return code.check_inputs(inputs, save.files), dict(save.files)


def check_match(found: Simulation) -> None:
    """Raises PreconditionFailed where the caller has read another version than this one."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    # a proxy that compresses makes tags weak
    if present.etag(found) not in {tag.strip().removeprefix("W/") for tag in wanted.split(",")}:
        raise PreconditionFailed(
            "changed-meanwhile",
            "Somebody else has changed this simulation: read it again, then repeat your change.",
            {"etag": present.etag(found)},
        )


def _attached(old: Files, changes: Mapping[str, str | None]) -> dict[str, FileRef]:
    """The files after these changes; raises NotFound for a content that the user has not uploaded, InvalidRequest for a name."""
    files, blobs = dict(old), services().blobs(user())
    for name, sha256 in changes.items():
        check_name(name)
        if sha256 is None:
            files.pop(name, None)
            continue
        try:
            files[name] = blobs.find(sha256)
        except NotFound as error:
            raise InvalidRequest(error.code, error.detail, {"errors": {f"files.{name}": error.detail}}) from None
    if len(files) > MAX_FILES:
        raise InvalidRequest("too-many-files", f"A simulation may have {MAX_FILES} files at most.")
    return files


def created(
    code: str, name: str, inputs: Mapping[str, Any], files: Files, folder: str = "", tags: tuple[str, ...] = ()
) -> Response:
    """The answer to who has made a new simulation: it is stored."""
    known = services()
    now = known.clock()
    new = Simulation(
        id=ulid(now, known.randomness),
        user=user(),
        name=name,
        code=code,
        inputs=inputs,
        files=files,
        revision=revision_id(inputs, files),
        version=1,
        created=now,
        updated=now,
        folder=folder,
        tags=tags,
    )
    known.simulations.create(new)
    known.tell.simulation(user(), new.id)
    arrive(known, user(), code)
    response = shown(new, 201)
    response.headers["Location"] = f"{PREFIX}/simulations/{new.id}"
    return response


def shown(found: Simulation, status: int = 200) -> Response:
    """The answer that is a simulation, with its ETag."""
    tag = present.etag(found)
    if request.method in {"GET", "HEAD"} and tag in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
    return answer(present.simulation(found), status, {"ETag": tag, "Cache-Control": "no-cache"})
