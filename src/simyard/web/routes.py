"""Stop 1, web: a handler's address, what is checked before it is called, and what the OpenAPI document says of it.

A handler takes its path parameters by name, and where it has them `body` and `query`: pydantic models by which a request
is checked. A handler that has neither is called by Flask itself, with nothing in between.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, get_type_hints

from flask import Flask, Response, request
from pydantic import BaseModel, ValidationError

from simyard.errors import InvalidRequest, ProtocolError, SimyardError, TooLarge

PREFIX = "/api/v1"
#: A JSON body may not be larger (bytes): what it says must fit into one message to the supervisor.
MAX_BODY = 3 << 20
_MAX_DEPTH = 64

Handler = Callable[..., Response]


class UnsupportedMediaType(SimyardError):
    """The body is not of a type that this address takes."""

    status = 415


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address. `answers` maps a status to the name of its model (`shapes`), a media type, or "";
    `problems` are the statuses of what may go wrong beside those that every operation has."""

    tag: str
    method: str
    rule: str
    handler: Handler
    answers: Mapping[int, str]
    problems: Sequence[int] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    upload: bool = False
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None

    def view(self) -> Handler:
        """What Flask calls."""
        handler, body, query = self.handler, self.body, self.query
        if body is None and query is None:
            return handler

        @wraps(handler)
        def checked(**parameters: Any) -> Response:
            if query is not None:
                parameters["query"] = _validated(query, request.args.to_dict(), strict=False)
            if body is not None:
                parameters["body"] = _validated(body, _read_json(body), strict=True)
            return handler(**parameters)

        return checked


class Routes:
    """The operations of one part of the API."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def register(self, app: Flask) -> None:
        for one in self.operations:
            endpoint = f"{self.tag}.{one.handler.__name__}"
            app.add_url_rule(PREFIX + one.rule, endpoint, one.view(), methods=[one.method])

    def get(self, rule: str, **told: Any) -> Callable[[Handler], Handler]:
        return self._route("GET", rule, told)

    def post(self, rule: str, **told: Any) -> Callable[[Handler], Handler]:
        return self._route("POST", rule, told)

    def put(self, rule: str, **told: Any) -> Callable[[Handler], Handler]:
        return self._route("PUT", rule, told)

    def patch(self, rule: str, **told: Any) -> Callable[[Handler], Handler]:
        return self._route("PATCH", rule, told)

    def delete(self, rule: str, **told: Any) -> Callable[[Handler], Handler]:
        return self._route("DELETE", rule, told)

    def _route(self, method: str, rule: str, told: dict[str, Any]) -> Callable[[Handler], Handler]:
        def decorate(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            operation = Operation(
                tag=self.tag, method=method, rule=rule, handler=handler, body=hints.get("body"), query=hints.get("query"), **told
            )
            self.operations.append(operation)
            return handler

        return decorate


def _read_json(model: type[BaseModel]) -> Any:
    """The object that the body is; {} for an empty body where nothing is required. Raises what the caller did wrong."""
    request.max_content_length = MAX_BODY
    if (request.content_length or 0) > MAX_BODY:
        raise _too_large()
    data = request.get_data(cache=False)
    if not data and not any(one.is_required() for one in model.model_fields.values()):
        return {}
    if not request.is_json:
        raise UnsupportedMediaType("unsupported-media-type", "Send the body as JSON, with Content-Type: application/json.")
    return parse_json(data)


def parse_json(data: bytes) -> Any:
    """The object that strict JSON text describes: no NaN, no text that is not Unicode, no NUL. Raises ProtocolError."""
    try:
        found = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("malformed-json", f"The body is not JSON: {error}"[:300]) from None
    if not isinstance(found, dict):
        raise ProtocolError("malformed-json", "The body must be a JSON object: {…}.")
    _check_plain(found, 0)
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _check_plain(value: Any, depth: int) -> None:
    """Refuse what JSON can say and nothing behind this door can keep."""
    if depth > _MAX_DEPTH:
        raise ProtocolError("malformed-json", f"The body is nested deeper than {_MAX_DEPTH} levels.")
    if isinstance(value, str):
        if "\0" in value:
            raise ProtocolError("malformed-json", "The body has a NUL character in a text.")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ProtocolError("malformed-json", "The body has half a surrogate pair in a text.") from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_plain(key, depth)
            _check_plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ProtocolError("malformed-json", "The body has a number that is too large.")


def _validated(model: type[BaseModel], found: Any, *, strict: bool) -> BaseModel:
    try:
        return model.model_validate(found, strict=strict)
    except ValidationError as error:
        errors = {".".join(str(part) for part in one["loc"]) or "body": one["msg"] for one in error.errors(include_url=False)}
        words = "; ".join(f"{where[:100]}: {what}" for where, what in errors.items())
        raise InvalidRequest("invalid-request", words[:2000], {"errors": errors}) from None


def _too_large() -> TooLarge:
    return TooLarge(
        "too-large", f"A JSON body may have {MAX_BODY} bytes at most; put large content into a file.", {"limit": MAX_BODY}
    )
