"""Stop 1, web: sessions: who am I, addresses that let a browser in once, and the way out."""

from __future__ import annotations

import secrets

from flask import Response, g, request

from simyard.clock import to_iso
from simyard.web.answers import answer
from simyard.web.auth import ONCE_SECONDS, Session
from simyard.web.context import services, user
from simyard.web.proxied import by_tls_only
from simyard.web.routes import Routes

routes = Routes("session")


@routes.get("/session", answers={200: "Session"})
def session_show() -> Response:
    """Who you are. `csrf` is what a page sends as X-CSRF-Token with everything that changes something."""
    session: Session | None = g.session
    if session is None:
        return answer({"user": user(), "csrf": "", "expires": None})
    return answer({"user": user(), "csrf": services().keys.csrf(session), "expires": to_iso(session.expires)})


@routes.delete("/session", answers={204: ""})
def session_end() -> Response:
    """Log this browser out."""
    session: Session | None = g.session
    keys = services().keys
    response = Response(status=204)
    if session is not None:
        services().users.end_session(session.secret)
        keys.forget(request.cookies.get(keys.cookie, ""))
        response.delete_cookie(
            keys.cookie, path="/", httponly=True, samesite="Strict", secure=by_tls_only(services().config, request)
        )
    return response


@routes.post("/login-addresses", answers={201: "LoginAddress"})
def login_address_create() -> Response:
    """An address that logs one browser in, once, within the next minutes."""
    known = services()
    now, nonce = known.clock(), secrets.token_urlsafe(32)
    known.users.add_once(nonce, user(), now + ONCE_SECONDS, now)
    # the name under which we were asked is the one that works where the caller is
    host = request.environ.get("HTTP_HOST", "")
    asked = f"{request.scheme}://{host}" if ":" in host.rpartition("]")[2] else known.url
    base = known.config.web.url or asked
    url = f"{base}/login?once={nonce}"
    return answer({"url": url, "expires": to_iso(now + ONCE_SECONDS)}, 201, {"Location": url})
