"""Stop 1, web: where runs can go, and the login to where one is needed."""

from __future__ import annotations

import re
from typing import Any

from flask import Response

from simyard.errors import NotFound
from simyard.protocol.targets import TargetList, TargetLogin
from simyard.web import bodies, present
from simyard.web.answers import answer
from simyard.web.context import services, user
from simyard.web.routes import Routes

routes = Routes("targets")

_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_PROBLEMS = (404, 409, 422, 503)


@routes.get("/targets", answers={200: "TargetList"}, problems=(404, 422, 503))
def target_list(query: bodies.TargetQuery) -> Response:
    """The places to run, as they are now, the one first where a run goes when nobody says where; with `code` and `model`, each with what a run of that model would `wait` there."""
    found = services().door.ask(TargetList(user=user(), code=query.code, model=query.model))
    return answer({"items": [present.target(one) for one in found.targets], "cursor": ""})


@routes.get("/targets/<target>/login", answers={200: "LoginAnswer"}, problems=_PROBLEMS)
def target_login_show(target: str, query: bodies.LoginWait) -> Response:
    """How your login to a target stands: at once, or with `wait` as soon as it is your turn. Nothing is begun by asking."""
    return _step(target, query.wait)


@routes.post("/targets/<target>/login", answers={200: "LoginAnswer"}, problems=_PROBLEMS)
def target_login(target: str, body: bodies.Login) -> Response:
    """Take the next step of a login: `begin` it (anew), give `answers` to the prompts that were asked last, or `accept` the key of a host.

    What the host asks is in the answer, in its own words; it comes as soon as it is your turn, or after `wait` seconds with
    the state `connecting`. What you answer is handed to the host, and kept nowhere."""
    return _step(
        target, body.wait, answers=tuple(body.answers), accept=body.accept, begin=body.begin, name=body.name if body.begin else ""
    )


@routes.delete("/targets/<target>/login", answers={200: "LoginAnswer"}, problems=_PROBLEMS)
def target_logout(target: str) -> Response:
    """End your login to a target. What runs there goes on; nothing is heard of it until you log in again."""
    return _step(target, 10.0, end=True)


def check_target(target: str) -> None:
    """Raises NotFound for what cannot be the name of one."""
    if not _TARGET.match(target):
        raise NotFound("unknown-target", f"There is no target called {target[:60]!r}.")


def _step(target: str, wait: float, **step: Any) -> Response:
    check_target(target)
    found = services().door.ask(TargetLogin(user=user(), target=target, wait=wait, **step), wait)
    return answer(present.login(found), headers={"Cache-Control": "no-store"})
