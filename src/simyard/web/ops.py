"""Stop 1, web: for whoever looks after the server: is it alive, is it ready, what has it done."""

from __future__ import annotations

from flask import Blueprint, Response

from simyard.errors import SimyardError, Unavailable
from simyard.protocol.asking import Ping
from simyard.web.answers import answer, problem
from simyard.web.context import services

ops = Blueprint("ops", __name__)


@ops.get("/healthz")
def healthz() -> Response:
    """Web is alive."""
    return answer({"status": "ok"})


@ops.get("/readyz")
def readyz() -> Response:
    """Web, its database and the supervisor are ready, and what is asked for can be made durable."""
    known = services()
    try:
        known.library.named("", "")
        pong = known.door.ask(Ping())
        if pong.failing:
            raise Unavailable("not-writing", f"Nothing can be changed right now: {pong.failing}")
    except SimyardError as error:
        error.status = 503
        return problem(error)
    return answer({"status": "ok", "version": pong.version, "agents": pong.agents, "active": pong.active})


@ops.get("/metrics")
def metrics() -> Response:
    """Counters of this worker, and the supervisor's where it answers."""
    text = services().metrics.text().encode()
    try:
        text += services().door.get("/metrics")
    except SimyardError:
        text += b"# the supervisor is away\n"
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")
