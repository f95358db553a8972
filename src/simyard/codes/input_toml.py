"""Reads `[inputs.NAME]` of a code.toml, columns of tables included, and what inputs say of each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simyard.codes.expression import CONSTANTS, FUNCTIONS
from simyard.codes.inputs import COLUMN_TYPES, DECIDING, GIVEN, MAX_ROWS, NUMERIC, TYPES, Input, WrongValue
from simyard.codes.toml_section import NAME, NAME_RULE, Section, title_of
from simyard.codes.verdict import Verdict

_EMPTY: Mapping[str, Any] = {"string": "", "text": "", "file": "", "boolean": False}
_MAX_COLUMNS = 50


def read_inputs(at: Section) -> dict[str, Input]:
    """The inputs of a code, in their order. Raises CodeError."""
    sections = dict(at.sections("inputs"))
    inputs = {name: _input(name, section) for name, section in sections.items()}
    for name, section in sections.items():
        inputs[name] = replace(inputs[name], when=_when(inputs, name, section))
    for name, section in sections.items():
        _not_in_a_circle(inputs, name, section)
    # a default may be an expression of other defaults
    verdict = Verdict({name: replace(one, when={}) for name, one in inputs.items()}, {}, ())
    for name, error in verdict.errors.items():
        raise sections[name].error("default", str(error).rstrip("."))
    for name, one in inputs.items():
        if one.expression and isinstance(one.default, str):
            inputs[name] = replace(one, default_value=verdict.values[name])
    return inputs


def _input(name: str, at: Section) -> Input:
    kind = at.text("type", needed=True, example='"number"')
    if kind not in TYPES:
        raise at.error("type", f"{kind!r} is not a type; write one of {', '.join(TYPES)}")
    made = replace(
        _common(name, kind, at),
        expression=kind in NUMERIC and at.boolean("expression"),
        language=at.text("language") if kind == "text" else "",
        group=at.text("group"),
        advanced=at.boolean("advanced"),
        suffixes=at.texts("suffixes") if kind == "file" else (),
        columns=_columns(at) if kind == "table" else (),
        min_rows=at.whole("min_rows", 0) if kind == "table" else 0,
        max_rows=at.whole("max_rows", MAX_ROWS) if kind == "table" else MAX_ROWS,
    )
    at.know("when")
    for suffix in made.suffixes:
        if not re.fullmatch(r"\.[a-z0-9._-]+", suffix):
            raise at.error("suffixes", f"{suffix!r} must be a dot and lower-case letters, like '.dat'")
    if not re.fullmatch(r"[a-z0-9+_-]{0,20}", made.language):
        raise at.error("language", f"{made.language!r} must be lower-case letters, like 'python'")
    if not 0 <= made.min_rows <= made.max_rows <= MAX_ROWS:
        raise at.error("max_rows", f"must be from min_rows, {made.min_rows}, to {MAX_ROWS}")
    if made.expression and (name in FUNCTIONS or name in CONSTANTS):
        raise at.error("expression", f"{name!r} already means something in expressions; give the input another name")
    if kind == "table":
        row = {column.name: column.default for column in made.columns}
        return _with_default(made, at, [dict(row) for _ in range(made.min_rows)])
    return _with_default(made, at, _EMPTY.get(kind))


def _common(name: str, kind: str, at: Section) -> Input:
    """What inputs and columns have alike."""
    numeric = kind in NUMERIC
    choices, labels = at.choices("choices") if kind == "choice" else ((), {})
    made = Input(
        name=name,
        type=kind,
        title=at.text("title") or title_of(name),
        unit=at.text("unit"),
        minimum=at.number("minimum") if numeric else None,
        maximum=at.number("maximum") if numeric else None,
        step=at.number("step") if numeric else None,
        scale=at.text("scale") if numeric else "",
        format=at.text("format") if numeric else "",
        choices=choices,
        labels=labels,
        help=at.text("help"),
    )
    if kind == "choice" and not choices:
        raise at.error("choices", "a choice needs a list of strings to choose from, or a table of them and their titles")
    if made.minimum is not None and made.maximum is not None and made.minimum > made.maximum:
        raise at.error("minimum", f"{made.minimum:g} is above the maximum, {made.maximum:g}")
    if made.step is not None and not made.step > 0:
        raise at.error("step", f"must be above 0, not {made.step:g}")
    if made.scale not in {"", "linear", "log"}:
        raise at.error("scale", f"{made.scale!r} is not a scale; write 'linear' or 'log'")
    if made.scale == "log" and not (made.minimum is not None and made.maximum is not None and made.minimum > 0):
        raise at.error("scale", "'log' needs a minimum above 0 and a maximum")
    if made.format not in {"", "plain", "scientific"}:
        raise at.error("format", f"{made.format!r} is not a format; write 'plain' or 'scientific'")
    return made


def _with_default(made: Input, at: Section, default: Any) -> Input:
    default = at.take("default", default)
    at.done(f" for an input of type {made.type}")
    if default is None:
        example = f'"{made.choices[0]}"' if made.choices else "0" if made.minimum is None else f"{made.minimum:g}"
        raise at.error("default", f"is missing: a form needs a value to start from; write default = {example}")
    try:
        return replace(made, default=made.check(default, ()))
    except WrongValue as error:
        raise at.error("default", str(error).rstrip(".")) from None


def _columns(at: Section) -> tuple[Input, ...]:
    found: dict[str, Input] = {}
    for section in at.rows("columns"):
        name = section.text("name", needed=True)
        if not NAME.match(name):
            raise section.error("name", f"{name!r} {NAME_RULE}")
        if name in found:
            raise section.error("name", f"there are two columns called {name!r}")
        kind = section.text("type", needed=True, example='"number"')
        if kind not in COLUMN_TYPES:
            raise section.error("type", f"{kind!r} is not a type of a column; write one of {', '.join(COLUMN_TYPES)}")
        found[name] = _with_default(_common(name, kind, section), section, _EMPTY.get(kind))
    if not 1 <= len(found) <= _MAX_COLUMNS:
        raise at.error("columns", f"a table needs 1 to {_MAX_COLUMNS} columns; write [[inputs.NAME.columns]] with name and type")
    return tuple(found.values())


def _when(inputs: Mapping[str, Input], name: str, at: Section) -> dict[str, tuple[Any, ...]]:
    """`when = {other = value}`, with a list for any of several; each value must be one that the other input can have."""
    found = {}
    for other, wanted in at.table("when").items():
        key = f"when.{other}"
        one = inputs.get(other)
        if one is None or other == name:
            raise at.error(key, f"there is no other input called {other!r}; there are {', '.join(sorted({*inputs} - {name}))}")
        if one.type not in DECIDING | GIVEN or one.expression:
            what = "an expression" if one.expression else f"a {one.type}"
            raise at.error(
                key, f"{other} is {what}: an input can depend on {', '.join(sorted(DECIDING | GIVEN))} without expression"
            )
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            raise at.error(key, "needs a value, or a list of values")
        if one.type in GIVEN:
            if not all(isinstance(value, bool) for value in values):
                raise at.error(key, f"{other} is a {one.type}: write true for where there is one, false for where there is none")
            found[other] = tuple(values)
            continue
        try:
            found[other] = tuple(one.check(value, ()) for value in values)
        except WrongValue as error:
            raise at.error(key, str(error).rstrip(".")) from None
    return found


def _not_in_a_circle(inputs: Mapping[str, Input], name: str, at: Section) -> None:
    seen: set[str] = set()
    waiting = [*inputs[name].when]
    while waiting:
        other = waiting.pop()
        if other == name:
            raise at.error("when", "goes round in a circle: an input cannot depend on one that depends on it")
        if other not in seen:
            seen.add(other)
            waiting += inputs[other].when
