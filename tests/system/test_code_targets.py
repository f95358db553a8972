"""`simyard code test` holds a code to the contract where it will run: in a container, and on a cluster."""

from __future__ import annotations

import json

import pytest

from tests.system.page_kit import Yard
from tests.system.targets import on_each_target

# on this machine it runs without a Simyard: tests/contract/test_code_kit.py
pytestmark = pytest.mark.parametrize("target", on_each_target.args[1][1:], indirect=True, scope="module")


def test_a_code_holds_the_contract_there_and_leaves_nothing(yard: Yard) -> None:
    there = yard.target.name
    said = yard.simyard("code", "test", "grayscott", "--target", there, "--first", "--limit", "90", "--json")
    found = {one["what"]: one["detail"] for one in json.loads(said.partition("\n")[0])}
    assert set(found.values()) == {""}, found
    for model, reports in {"evolve": ("field", "mass"), "preview": ("pattern", "mass")}.items():
        assert f"{there}: {model}: completes with example mitosis" in found
        assert f"{there}: {model}: cancel is clean" in found
        assert all(f"{there}: {model}: report {report}" in found for report in reports)
    assert list(yard.client.runs()) == []
    assert list(yard.client.simulations()) == []
