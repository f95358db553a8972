"""Stop 1, web: the page, its scripts and styles, and the address by which a browser logs in."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flask import Blueprint, Response, redirect, request, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

from simyard.web.auth import new_session, session_of
from simyard.web.context import services

STATIC = Path(__file__).parent / "static"
pages = Blueprint("pages", __name__)

# what a browser refuses to run when a machine's tables say otherwise
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("image/svg+xml", ".svg")

_REFUSED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simyard</title></head>
<body><h1>This address does not work any more</h1>
<p>It logs a browser in once, within a few minutes. Run <code>simyard open</code> for a new one.</p></body></html>
"""


@pages.get("/")
def index() -> Response:
    """The page; it holds nothing secret, and asks the API for everything."""
    return _static("index.html")


@pages.get("/static/<path:name>")
def static(name: str) -> Response:
    return _static(name)


@pages.get("/favicon.ico")
def favicon() -> Response:
    return _static("icon.svg")


def _static(name: str) -> Response:
    response = send_from_directory(STATIC, name, conditional=True)
    # always asked again, and answered with 304: an update must not meet half an older page
    response.headers["Cache-Control"] = "no-cache"
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
        secure=request.is_secure,
    )
    return response
