"""Stop 1, web: what every answer says to the browser about what it may do with it."""

from __future__ import annotations

import logging

from flask import Flask, Response, request

log = logging.getLogger("simyard.access")

#: The page: its own scripts and styles, nothing inline, nobody's frame. Plotly draws pictures as data: and blob: images.
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Everything else is data: whatever a file holds, a browser that is made to show it must not run it.
DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_QUIET = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask) -> None:
    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        for name, value in _ALWAYS.items():
            headers[name] = value
        is_page = request.endpoint is not None and request.endpoint.startswith("pages.")
        headers["Content-Security-Policy"] = PAGE if is_page else DATA
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"
        if request.method not in _QUIET or response.status_code >= 500:
            # the path only: a query may hold what lets a browser in
            log.info("%s %s %d", request.method, ascii(request.path)[1:-1], response.status_code)
        return response
