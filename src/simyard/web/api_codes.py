"""Stop 1, web: what can be run, and where."""

from __future__ import annotations

import re

from flask import Response

from simyard.codes.declaration import Declaration
from simyard.errors import NotFound
from simyard.protocol.asking import TargetList, TargetLogin
from simyard.web import bodies, present
from simyard.web.answers import answer
from simyard.web.arriving import arrive
from simyard.web.context import services, user
from simyard.web.routes import Routes

routes = Routes("codes")

_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


@routes.get("/codes", answers={200: "CodeList"})
def code_list() -> Response:
    """The codes, and what is wrong with folders that should be codes."""
    codes = services().shelf.fresh()
    items = [present.code(one, installed=_installed(one)) for one in codes.values()]
    return answer({"items": items, "cursor": "", "broken": codes.broken})


@routes.get("/codes/<code>", answers={200: "Code"}, problems=(404,))
def code_show(code: str) -> Response:
    """One code; whoever looks at it may run it soon, so it is made warm."""
    found = services().shelf.fresh().code(code)
    if _installed(found):
        arrive(services(), user(), found.name)
    return answer(present.code(found, installed=_installed(found)))


def _installed(code: Declaration) -> bool:
    if not code.python:
        return True
    path = services().config.interpreter(code.python)
    return path is not None and path.exists()


@routes.get("/targets", answers={200: "TargetList"}, problems=(503,))
def target_list() -> Response:
    """The places to run, as they are now."""
    found = services().door.ask(TargetList(user=user()))
    return answer({"items": [present.target(one) for one in found.targets], "cursor": ""})


@routes.post("/targets/<target>/login", answers={200: "LoginAnswer"}, problems=(404, 409, 422, 503))
def target_login(target: str, body: bodies.Login) -> Response:
    """Log in to a target. The answer's prompts are to be answered in another login; none means that it is done."""
    if not _TARGET.match(target):
        raise NotFound("unknown-target", f"There is no target called {target[:60]!r}.")
    found = services().door.ask(TargetLogin(user=user(), target=target, answers=tuple(body.answers)))
    return answer({"target": found.target, "state": found.state, "prompts": list(found.prompts)})
