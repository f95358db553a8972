"""Stop 1, web: files: those of the user's library, and those of a simulation."""

from __future__ import annotations

import os
from urllib.parse import quote

from flask import Response, send_file

from simyard.errors import NotFound
from simyard.store.library import check_name
from simyard.store.simulations import FileRef
from simyard.web import bodies, present
from simyard.web.answers import answer
from simyard.web.api_simulations import change, check_match, find, find_live
from simyard.web.context import services, user
from simyard.web.paging import page
from simyard.web.routes import PREFIX, Routes
from simyard.web.uploads import receive, sweep

routes = Routes("files")

_BYTES = "application/octet-stream"
_RANGE = {"Range": "The bytes that you want, such as `bytes=0-1023`."}


@routes.get("/files", answers={200: "FileList"})
def file_list(query: bodies.Paging) -> Response:
    """The files of your library, in the order of their names."""
    found = services().library.page(user(), query.limit + 1, query.cursor)
    return answer(page(found, query.limit, present.library_file, lambda one: one.name))


@routes.put("/files/<name>", answers={200: "LibraryFile", 201: "LibraryFile"}, problems=(413, 422, 507), upload=True)
def file_put(name: str) -> Response:
    """Upload a file, or replace it. The body is the file."""
    check_name(name)
    ref = receive(services(), user())
    stored, is_new = services().library.put(user(), name, ref, services().clock())
    headers = {"ETag": f'"{ref.sha256}"'}
    if is_new:
        headers["Location"] = f"{PREFIX}/files/{quote(name)}"
    return answer(present.library_file(stored), 201 if is_new else 200, headers)


@routes.get("/files/<name>", answers={200: _BYTES, 206: _BYTES, 304: ""}, problems=(404, 416), headers=_RANGE)
def file_get(name: str) -> Response:
    """Download a file."""
    return _send(name, services().library.get(user(), name).sha256)


@routes.delete("/files/<name>", answers={204: ""}, problems=(404,))
def file_delete(name: str) -> Response:
    """Take a file out of your library. Simulations that have it keep it."""
    gone = services().library.delete(user(), name)
    sweep(services(), user(), gone.sha256)
    return Response(status=204)


@routes.put(
    "/simulations/<simulation>/files/<name>",
    answers={200: "Simulation"},
    problems=(404, 412, 413, 422, 507),
    headers={"If-Match": "The ETag of the simulation that you have read."},
    upload=True,
)
def simulation_file_put(simulation: str, name: str) -> Response:
    """Upload a file straight into a simulation, or replace it there. The body is the file, the answer the simulation."""
    check_name(name)
    check_match(find_live(simulation))
    ref = receive(services(), user())
    changed = change(simulation, None, {}, {name: ref.sha256})
    return answer(present.simulation(changed), headers={"ETag": present.etag(changed)})


@routes.get(
    "/simulations/<simulation>/files/<name>", answers={200: _BYTES, 206: _BYTES, 304: ""}, problems=(404, 416), headers=_RANGE
)
def simulation_file_get(simulation: str, name: str) -> Response:
    """Download a file of a simulation."""
    return _send(name, _file_of(simulation, name).sha256)


@routes.delete("/simulations/<simulation>/files/<name>", answers={200: "Simulation"}, problems=(404, 412, 422))
def simulation_file_delete(simulation: str, name: str) -> Response:
    """Take a file out of a simulation; earlier revisions keep it."""
    _file_of(simulation, name)
    changed = change(simulation, None, {}, {name: None})
    return answer(present.simulation(changed), headers={"ETag": present.etag(changed)})


def _file_of(simulation: str, name: str) -> FileRef:
    ref = find(simulation).files.get(name)
    if ref is None:
        raise NotFound("unknown-file", f"The simulation has no file called {name[:60]!r}.")
    return ref


def _send(name: str, sha256: str) -> Response:
    path = services().blobs(user()).path(sha256)
    if not os.path.exists(path):
        raise NotFound("content-missing", f"The content of {name[:60]!r} is not on the disk any more; upload it again.")
    response = send_file(path, _BYTES, as_attachment=True, download_name=name, conditional=True, etag=sha256, last_modified=None)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
