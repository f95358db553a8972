"""The page's verdict on inputs is the server's: one file of cases, and many that chance makes, put to both."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from simyard.codes import code_toml
from simyard.codes.declaration import Declaration
from simyard.codes.verdict import Verdict
from tests.page_modules import blank_page

ROOT = Path(__file__).parents[3]
CODE = code_toml.read(ROOT / "tests" / "system" / "codes" / "forms")
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "cases.json").read_text("utf-8"))
JUDGE = """async ([code, cases]) => {
    const { judge } = await import('/js/verdict.js');
    return cases.map(({ given, files }) => {
        const found = judge(code, given, Object.fromEntries(files.map((name) => [name, {}])));
        return Object.fromEntries(Object.entries(found).map(([name, one]) => [name, {
            hidden: one.hidden, rule: one.rule, error: one.error, value: one.value === undefined ? null : one.value, number: one.number ?? null }]));
    });
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with blank_page() as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=[json.dumps(case["given"])[:60] for case in CASES])
def test_the_server_answers_as_the_vectors_say(case: dict[str, Any]) -> None:
    verdict = Verdict(CODE.inputs, case["given"], case["files"])
    assert {name: error.rule for name, error in verdict.errors.items()} == case["errors"]
    assert {name: verdict.values.get(name) for name in case["values"]} == case["values"]


@pytest.mark.browser
def test_the_page_answers_as_the_vectors_say(page: Page) -> None:
    for case, found in zip(CASES, page.evaluate(JUDGE, [CODE.to_plain(), CASES]), strict=True):
        assert {name: one["rule"] for name, one in found.items() if one["rule"]} == case["errors"], case
        for name, value in case["values"].items():
            one = found[name]
            if not one["hidden"]:  # the page shows what is kept; the server gives the code the default
                assert (one["value"] if one["number"] is None else one["number"]) == value, case


@pytest.mark.browser
def test_the_page_and_the_server_agree_on_whatever_chance_makes(page: Page) -> None:
    chance = random.Random(20)
    cases: list[dict[str, Any]] = [
        {"given": some_inputs(chance), "files": chance.choice([[], ["a.seq", "b.lat"]])} for _ in range(1500)
    ]
    wrong = 0
    for case, found in zip(cases, page.evaluate(JUDGE, [CODE.to_plain(), cases]), strict=True):
        verdict = Verdict(CODE.inputs, case["given"], case["files"])
        assert {name: one["rule"] for name, one in found.items() if one["rule"]} == {
            name: error.rule for name, error in verdict.errors.items()
        }, case
        for name, one in found.items():
            assert one["hidden"] == verdict.hidden(name), case
            error = verdict.errors.get(name)
            if error is not None and error.rule.startswith("expression."):
                assert str(error) == f"{CODE.inputs[name].title}: {one['error']}"
            if error is None and not one["hidden"]:
                assert one["value"] == verdict.stored[name], case
                assert one["number"] is None or float(one["number"]) == verdict.values[name], case
            wrong += error is not None
    assert 1000 < wrong < 10_000  # both kinds were seen


WORDS = ["cells", "length", "phase", "mass", "free", "pi", "e", "x", "particle", "seed", "toString"]


def some_expression(chance: random.Random, depth: int = 0) -> str:
    kind = chance.randrange(9 if depth < 3 else 2)
    deeper = partial(some_expression, chance, depth + 1)
    if kind == 0:
        return chance.choice(["0", "1", "2.5", "1e3", ".5", "7.", "1e-320", "3e299", "1e999"])
    if kind == 1:
        return chance.choice(WORDS)
    if kind < 6:
        return f"{deeper()}{chance.choice(['+', '-', '*', '/', ' / ', '^', '**'])}{deeper()}"
    if kind == 6:
        return f"{chance.choice('+-')}{deeper()}"
    if kind == 7:
        return f"({deeper()})"
    name = chance.choice(
        ["sqrt", "sin", "cos", "tan", "exp", "log", "log10", "atan", "asin", "floor", "ceil", "round", "abs", "min", "max"]
    )
    return f"{name}({', '.join(deeper() for _ in range(chance.choice([1, 1, 1, 2])))})"


def spoilt(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    # no comma: in a field 1,5 is a number, and the page sends it as one
    return text[:at] + chance.choice(["", "(", ")", "#", "é", "1", "a", "*", " ", "😀"]) + text[at + chance.randrange(2) :]


def something(chance: random.Random) -> Any:
    return chance.choice(
        [
            None,
            True,
            False,
            0,
            1,
            2,
            -1,
            3.0,
            2.5,
            1e300,
            1 << 53,
            1e-9,
            "",
            "x",
            "proton",
            "other",
            "a.seq",
            [],
            {},
            "a\tb",
            "\u200bz",
        ]
    )


def some_row(chance: random.Random) -> Any:
    if chance.random() < 0.05:
        return something(chance)
    values: dict[str, Any] = {
        "name": "q", "position": 1.5, "strength": -2, "slices": 3, "kind": "defocusing", "on": False,
    }  # fmt: skip
    row = {name: value for name, value in values.items() if chance.random() < 0.8}
    if chance.random() < 0.15:
        row[chance.choice([*values, "more"])] = something(chance)
    return row


def some_inputs(chance: random.Random) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, one in CODE.inputs.items():
        dice = chance.random()
        if dice < 0.3:
            continue
        if one.expression and dice < 0.8:
            text = some_expression(chance)
            given[name] = spoilt(chance, text) if chance.random() < 0.2 else text
        elif one.type == "choice" and dice < 0.9:
            given[name] = chance.choice(one.choices)
        elif one.type == "boolean" and dice < 0.9:
            given[name] = chance.random() < 0.7
        elif one.type == "table" and dice < 0.9:
            given[name] = [some_row(chance) for _ in range(chance.randrange(10))]
        elif one.type in {"number", "integer"} and dice < 0.9:
            given[name] = chance.choice([0, 1, 2, 3, 24, 0.5, 12.25, 1000, -5])
        else:
            given[name] = something(chance)
    return given


def test_what_is_hidden_keeps_its_value_and_has_no_say_in_a_run() -> None:
    verdict = Verdict(CODE.inputs, {"mass": "9 * 9", "charge": "nonsense", "particle": "electron"}, ())
    assert verdict.errors == {}
    assert (verdict.stored["mass"], verdict.stored["charge"]) == ("9 * 9", "nonsense")
    assert (verdict.values["mass"], verdict.values["charge"]) == (0.938, 1)


def test_a_number_in_words_and_its_value_are_the_same_run() -> None:
    declared: Declaration = CODE
    assert declared.values({"cells": "4*6"}) == declared.values({"cells": 24}) == declared.values({})
    assert declared.check_inputs({"cells": "4*6"})["cells"] == "4*6"
