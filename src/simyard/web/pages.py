"""Stop 1, web: the page, its scripts and styles, and the address by which a browser logs in."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from simyard.web.assets import Asset, Assets
from simyard.web.auth import new_session, session_of
from simyard.web.context import services
from simyard.web.proxied import by_tls_only

STATIC = Path(__file__).parent / "static"
pages = Blueprint("pages", __name__)
assets = Assets(STATIC)

#: A version's files never change: a second visit asks for none of them.
_FOR_GOOD = "public, max-age=31536000, immutable"
#: Asked again each time, and answered with 304 where nothing has changed.
_ASK_AGAIN = "no-cache"

_REFUSED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simyard</title></head>
<body><h1>This address does not work any more</h1>
<p>It logs a browser in once, within a few minutes. Run <code>simyard open</code> for a new one.</p></body></html>
"""


@pages.get("/")
def index() -> Response:
    """The page; it holds nothing secret, and asks the API for everything."""
    return _answer(assets.current().page, _ASK_AGAIN)


@pages.get("/static/<path:name>")
def static(name: str) -> Response:
    """A file of a version (`v…/js/main.js`), or of the newest one."""
    first, _, rest = name.partition("/")
    version = assets.version(first) if rest and first.startswith("v") and first != "vendor" else None
    found = version.files.get(rest) if version is not None else assets.current().files.get(name)
    if found is None:
        raise NotFound
    return _answer(found, _FOR_GOOD if version is not None else _ASK_AGAIN)


@pages.get("/favicon.ico")
def favicon() -> Response:
    return _answer(assets.current().files["icon.svg"], _ASK_AGAIN)


def _answer(asset: Asset, caching: str) -> Response:
    """The file, compressed where the browser can read that, or 304 where it has it already."""
    data = asset.compressed() if request.accept_encodings["gzip"] else None
    # a compressed answer is another one, and says so: half of each must not be put together
    headers = {"Cache-Control": caching, "Vary": "Accept-Encoding", "ETag": f'"{asset.etag}{"-gz" if data else ""}"'}
    if data:
        headers["Content-Encoding"] = "gzip"
    response = Response(data or asset.plain(), content_type=asset.type, headers=headers)
    response.make_conditional(request)
    return response


@pages.get("/login")
def login() -> AnyResponse:
    """Where a one-time address leads: a session for this browser, and on to the page."""
    known, keys = services(), services().keys
    now = known.clock()
    if request.method == "HEAD":  # who only looks has not arrived
        return Response()
    user = known.users.take_once(request.args.get("once", ""), now)
    if user is None:
        if session_of(request, known) is not None:
            return redirect("/", 303)  # the address was opened again, in the browser that it has let in
        return Response(_REFUSED, 403, content_type="text/html; charset=utf-8")
    session = new_session(user, now)
    known.users.add_session(session.secret, user, session.expires, now)
    response = redirect("/", 303)
    response.set_cookie(
        keys.cookie,
        keys.cookie_value(session),
        max_age=int(session.expires - now),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=by_tls_only(known.config, request),
    )
    return response
