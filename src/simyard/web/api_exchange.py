"""Stop 1, web: simulations as files: one taken away as a zip, and one made of such a zip."""

from __future__ import annotations

import tempfile
from typing import IO
from urllib.parse import quote

from flask import Response

from simyard import clock
from simyard.errors import NotFound, OutOfSpace, is_out_of_space
from simyard.store.simulations import FileRef
from simyard.web import exchange
from simyard.web.api_simulations import MAX_FILES, created, declaration, find
from simyard.web.context import services, user
from simyard.web.routes import Routes
from simyard.web.uploads import RAISE, receive_into

routes = Routes("simulations")

_ZIP = "application/zip"


@routes.get("/simulations/<simulation>/export", answers={200: _ZIP}, problems=(404,))
def simulation_export(simulation: str) -> Response:
    """The simulation as a zip, made while it is sent: `simulation.json`, and its files in `files/`."""
    found = find(simulation)
    blobs = services().blobs(user())
    contents = {name: blobs.path(ref.sha256) for name, ref in found.files.items()}
    if gone := next((name for name, path in contents.items() if not path.exists()), None):
        raise NotFound("content-missing", f"The content of {gone[:60]!r} is not on the disk any more; upload it again.")
    parts = exchange.write(found, contents, clock.to_iso(services().clock()))
    name = f"{exchange.file_name(found.name)}.zip"
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(parts, content_type=_ZIP, headers=headers, direct_passthrough=True)


@routes.post("/simulations/import", answers={201: "Simulation"}, problems=(413, 422, 507), upload=True)
def simulation_import() -> Response:
    """A new simulation from a zip that `GET /simulations/{id}/export` has made. The body is the zip.

    Nothing is kept unless all of it is sound: names, sizes, the contents' digests, and inputs that the code takes.
    """
    limit = services().config.web.upload_limit
    try:
        with tempfile.TemporaryFile(dir=services().config.home) as body:
            receive_into(services(), user(), body)
            return _import(body, limit)
    except OSError as error:
        if is_out_of_space(error):
            raise OutOfSpace(
                "disk-full", "The disk of the server is full: nothing of this was kept. Free some space and try again."
            ) from error
        raise


def _import(body: IO[bytes], limit: int) -> Response:
    with exchange.Reader(body, limit, MAX_FILES, RAISE) as reader:
        found = reader.simulation()
        code = declaration(found.code)
        inputs = code.check_inputs(found.inputs, found.files)
        size, room = reader.check_contents(found.files), services().rooms.of(user())
        if size > room.left:
            raise room.refusal()
        blobs = services().blobs(user())
        files: dict[str, FileRef] = {}
        for name in found.files:
            files[name] = blobs.write(reader.open(name), limit, services().randomness)
        services().rooms.took(user(), size)
    return created(code.name, found.name, inputs, files, found.folder, tuple(found.tags))
