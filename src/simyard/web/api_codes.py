"""Stop 1, web: what can be run."""

from __future__ import annotations

from typing import Any

from flask import Response, send_file

from simyard.codes import picture
from simyard.codes.declaration import Declaration
from simyard.errors import Conflict, NotFound
from simyard.web import bodies, present
from simyard.web.answers import answer
from simyard.web.arriving import arrive
from simyard.web.context import services, user
from simyard.web.routes import Routes

routes = Routes("codes")

#: A picture whose address names its version is kept by browsers for so long (seconds).
_PICTURE_KEPT = 7 * 86400


@routes.get("/codes", answers={200: "CodeList"})
def code_list() -> Response:
    """The codes, and what is wrong with folders that should be codes."""
    codes = services().shelf.fresh()
    items = [_shown(one) for one in codes.values()]
    return answer({"items": items, "cursor": "", "broken": codes.broken})


@routes.get("/codes/<code>", answers={200: "Code"}, problems=(404,))
def code_show(code: str) -> Response:
    """One code; whoever looks at it may run it soon, so it is made warm."""
    found = services().shelf.fresh().code(code)
    if _installed(found):
        arrive(services(), user(), found.name)
    return answer(_shown(found))


@routes.get(
    "/codes/<code>/picture",
    answers={200: "image/*", 304: ""},
    problems=(404,),
    headers={"If-None-Match": "The ETag of one before."},
)
def code_picture(code: str, query: bodies.PictureQuery) -> Response:
    """The picture of a code: a PNG, an SVG or a WebP."""
    found = services().shelf.fresh().code(code)
    if not found.picture or picture.problem(found.folder, found.picture):
        raise NotFound("no-picture", f"{found.title} has no picture.")
    path = found.folder / found.picture
    response = send_file(path, picture.TYPES[path.suffix.lower()], conditional=True, etag=found.version, last_modified=None)
    response.headers["Cache-Control"] = f"private, max-age={_PICTURE_KEPT}" if query.version == found.version else "no-cache"
    return response


@routes.post("/codes/<code>/install", answers={202: "Install"}, problems=(404, 409))
def code_install(code: str) -> Response:
    """Install a code, where the site allows it (403 `install-disabled`). While it is under way, this changes nothing."""
    services().installs.check_allowed()
    found = services().shelf.fresh().code(code)
    if _installed(found):
        raise Conflict("already-installed", f"{found.title} is installed already.")
    return answer(services().installs.start(found), 202)


@routes.get("/codes/<code>/install", answers={200: "Install"}, problems=(404,))
def code_install_show(code: str) -> Response:
    """How far the install of a code is, or how the last one ended."""
    services().installs.check_allowed()
    return answer(services().installs.state(services().shelf.codes().code(code)))


def _shown(code: Declaration) -> dict[str, Any]:
    return present.code(code, installed=_installed(code), installable=services().config.web.install_codes)


def _installed(code: Declaration) -> bool:
    """Whether it can be run where runs go when nobody says where. A container's image has its codes in it: one that is not there
    is said when it is run."""
    config = services().config
    if not code.python or config.targets[config.default_target].kind != "local":
        return True
    path = config.interpreter(code.python)
    return path is not None and path.exists()
