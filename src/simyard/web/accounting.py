"""Stop 1, web: what is done around every request: who is asking is found out first, and what became of it is counted last."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g
from flask.globals import request_ctx

from simyard.web import auth
from simyard.web.context import Services

log = logging.getLogger("simyard.access")

_QUIET = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask, services: Services) -> None:
    """One function before and one after, each of which looks up the request once: this is on every request's way."""
    hosts, metrics = auth.Hosts(services.config), services.metrics

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        asked = request_ctx.request  # the proxy `request` costs more than what is asked of it
        hosts.check(asked.environ.get("HTTP_HOST"))
        if asked.endpoint not in auth.OPEN:
            g.user, g.session = auth.identify(services, asked)

    @app.after_request
    def end(response: Response) -> Response:
        asked = request_ctx.request
        status, rule = response.status_code, asked.url_rule
        # methods are any word that a stranger sends: those that no address knows must not make counters
        method, endpoint = (asked.method, rule.endpoint) if rule is not None else ("other", "none")
        metrics.seen(method, endpoint, status, time.perf_counter() - g.began)
        if asked.method not in _QUIET or status >= 500:
            # the path only: a query may hold what lets a browser in
            log.info(
                "%s %s %d %s", ascii(asked.method)[1:-1], ascii(asked.path)[1:-1], status, asked.environ.get("REMOTE_ADDR", "")
            )
        return response
