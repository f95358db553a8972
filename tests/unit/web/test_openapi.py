"""The document says what the handlers do."""

from __future__ import annotations

from typing import Any

import pytest

from simyard.web.app import PARTS
from tests.unit.web.conftest import Web


@pytest.fixture
def document(web: Web) -> dict[str, Any]:
    found: dict[str, Any] = web.stranger.get("/api/openapi.json").json
    return found


def test_every_operation_is_in_it(document: dict[str, Any]) -> None:
    told = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    assert told == {one.handler.__name__ for part in PARTS for one in part.operations}
    assert document["openapi"].startswith("3.1")


def test_every_operation_has_words_and_problems(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["tags"] != ["default"]
            assert operation["security"] == [{"token": []}]
            assert "application/problem+json" in operation["responses"]["401"]["content"]


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found: Any = document
                for part in value["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for inside in value.values():
                walk(inside)
        elif isinstance(value, list):
            for inside in value:
                walk(inside)

    walk(document)
    assert "Problem" in document["components"]["schemas"]


def test_path_parameters_are_told(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/runs/{run}/files/{path}"]["get"]
    assert {one["name"] for one in operation["parameters"] if one["in"] == "path"} == {"run", "path"}
    assert {one["name"] for one in operation["parameters"] if one["in"] == "header"} == {"Range"}
