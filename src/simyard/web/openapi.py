"""Stop 1, web: the OpenAPI document, generated from the handlers when somebody first asks for it.

flask-openapi3 makes it; it is imported then, and no request passes through it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from threading import Lock
from typing import Any

from flask import Flask, Response
from pydantic import BaseModel, Field, create_model

import simyard
from simyard.web.answers import answer
from simyard.web.routes import PREFIX, Operation, Routes

_PROBLEMS_OF_ALL = (400, 401, 403, 421, 500)
_DESCRIPTION = (
    "Times are ISO 8601 in UTC, sizes are bytes, durations seconds. Lists come in pages: `items`, and `cursor` for the next one, "
    'which is "" at the end. What goes wrong is an `application/problem+json` with a stable `code`.'
)


def install(app: Flask, parts: Sequence[Routes]) -> None:
    """Serve the document at /api/openapi.json."""
    made: list[dict[str, Any]] = []
    making = Lock()

    def document() -> Response:
        with making:
            if not made:
                made.append(build(parts))
        return answer(made[0])

    app.add_url_rule("/api/openapi.json", "openapi.document", document, methods=["GET"])


def build(parts: Sequence[Routes]) -> dict[str, Any]:
    """The document of these operations."""
    from flask_openapi3.models.info import Info
    from flask_openapi3.openapi import OpenAPI

    from simyard.web import shapes

    app = OpenAPI(
        "simyard.web.document",
        info=Info(title="Simyard", version=simyard.__version__, description=_DESCRIPTION),
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        doc_ui=False,
        static_folder=None,
        validation_error_model=shapes.Problem,
    )
    for part in parts:
        for one in part.operations:
            register = getattr(app, one.method.lower())
            register(
                PREFIX + one.rule,
                summary=_sentences(one)[0],
                description=_sentences(one)[1],
                operation_id=one.handler.__name__,
                responses=_responses(one, shapes),
                security=[{"token": []}],
            )(_stand_in(one))
    document: dict[str, Any] = app.api_doc
    operations = {one.handler.__name__: one for part in parts for one in part.operations}
    for item in document["paths"].values():
        for operation in item.values():
            _mend(operation, operations[operation["operationId"]])
    return document


def _stand_in(one: Operation) -> Any:
    """A function with the annotations by which flask-openapi3 learns what the handler takes."""

    def stand_in() -> None:
        """It is never called."""

    stand_in.__name__ = one.handler.__name__
    stand_in.__doc__ = one.handler.__doc__
    hints: dict[str, Any] = {"query": one.query, "body": one.body, "path": _parameters(one), "header": _headers(one)}
    stand_in.__annotations__ = {name: model for name, model in hints.items() if model is not None}
    return stand_in


def _parameters(one: Operation) -> type[BaseModel] | None:
    names = re.findall(r"<(?:path:)?(\w+)>", one.rule)
    fields: dict[str, Any] = {name: (str, Field(min_length=1)) for name in names}
    return create_model(f"{one.handler.__name__}_path", **fields) if fields else None


def _headers(one: Operation) -> type[BaseModel] | None:
    fields: dict[str, Any] = {
        name.lower().replace("-", "_"): (str, Field("", alias=name, description=words)) for name, words in one.headers.items()
    }
    return create_model(f"{one.handler.__name__}_header", **fields) if fields else None


def _sentences(one: Operation) -> tuple[str, str]:
    summary, _, rest = (one.handler.__doc__ or "").strip().partition("\n")
    return summary, " ".join(rest.split()) or summary


def _responses(one: Operation, shapes: Any) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, what in one.answers.items():
        if not what:
            responses[str(status)] = None
        elif "/" in what:
            responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": {what: {"schema": {"type": "string"}}}}
        else:
            responses[str(status)] = getattr(shapes, what)
    statuses = {*_PROBLEMS_OF_ALL, *one.problems}
    if one.body is not None:
        statuses |= {413, 415, 422}
    if one.query is not None:
        statuses.add(422)
    if one.upload:
        statuses |= {413, 422, 507}
    for status in sorted(statuses):
        schema = {"$ref": "#/components/schemas/Problem"}
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schema}},
        }
    return responses


def _mend(operation: dict[str, Any], one: Operation) -> None:
    """What flask-openapi3 does not know: the body of an upload; and what it adds that is not so: a 422 of its own kind."""
    operation["tags"] = [one.tag]
    answers = operation["responses"]
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]
    if one.upload:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": schema}}}
