"""Stop 1, web: what a code is given: the input as it would get it now, and what a run was made of."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from simyard.errors import TooLarge, Unavailable
from simyard.protocol.asking import RunInputs, ShowInput
from simyard.web import bodies
from simyard.web.answers import answer
from simyard.web.api_runs import check_run, resources
from simyard.web.api_simulations import declaration, find
from simyard.web.api_sources import taken
from simyard.web.context import services, user
from simyard.web.routes import Routes
from simyard.web.sources import Sources
from simyard.web.streams import opened

routes = Routes("inputs")

#: What an agent may tell of an input (bytes); it keeps within half of that.
_MAX_INPUT = 8 << 20


@routes.post("/simulations/<simulation>/input", answers={200: "GeneratedInput"}, problems=(404, 409, 413, 422, 429, 503, 507))
def input_show(simulation: str, body: bodies.WantedInput) -> Response:
    """The input of a model as the code would get it: what its `code.py` writes, and the command line. No run comes of it."""
    found = find(simulation)
    code = declaration(found.code)
    model = code.model(body.model)
    given = Sources(services(), user()).given(found, code)
    question = ShowInput(
        user=user(),
        code=code.name,
        model=model.name,
        inputs=given.inputs,
        files=given.files,
        target=body.target or services().config.default_target,
        resources=resources(body.resources, model),
    )
    data = bytearray()
    with opened(services().door, question) as stream:
        for chunk in stream:
            data += chunk
            if len(data) > _MAX_INPUT:
                raise TooLarge("input-too-large", "The generated input is too large to be shown.")
    return answer(_input(bytes(data)))


@routes.get("/runs/<run>/inputs", answers={200: "RunInputs"}, problems=(404, 503))
def run_inputs(run: str) -> Response:
    """What a run was made of: its inputs, and its files by SHA-256. Its simulation may have changed since, or be gone."""
    found = services().door.ask(RunInputs(user=user(), run=check_run(run)))
    sources = [taken(one) for one in services().sources.of_run(user(), run)]
    return answer({"inputs": found.inputs, "files": found.files, "sources": sources})


def _input(data: bytes) -> dict[str, Any]:
    """What the code's side has told, in the form that the API promises, whatever it was."""
    try:
        told = json.loads(data)
        return {"command": _command(told["command"]), "files": [_file(one) for one in told["files"]]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unavailable("malformed-input", "The generated input came damaged. Try again.") from None


def _command(words: Any) -> list[str] | None:
    return None if words is None else [_string(word) for word in words]


def _file(one: dict[str, Any]) -> dict[str, Any]:
    size = one["size"]
    return {
        "name": _string(one["name"]),
        "text": None if one["text"] is None else _string(one["text"]),
        "size": size if type(size) is int and 0 <= size < 1 << 53 else 0,
        "truncated": one["truncated"] is True,
    }


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
