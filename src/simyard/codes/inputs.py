"""One input of a code: what is declared of it, and the check of a value by its type. js/inputs.js is the page's side of it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from simyard.codes import expression
from simyard.codes.source import as_source

#: Bounds of what a user may put into one input: characters, rows, and the integers that JSON carries everywhere.
MAX_STRING = 1_000
MAX_TEXT = 256 << 10
MAX_INTEGER = (1 << 53) - 1
MAX_ROWS = 1_000
HUGE = 1e300

NUMERIC = frozenset({"number", "integer"})
#: Types of inputs on which others may depend, by their values; of GIVEN ones it only counts whether there is something.
DECIDING = frozenset({"boolean", "choice", "integer", "number"})
GIVEN = frozenset({"file", "string", "text"})
#: What a column of a table may be.
COLUMN_TYPES = ("number", "integer", "string", "choice", "boolean")
#: Letters that are no part of a line: controls, marks of direction, ends of lines and paragraphs.
_NOT_A_LINE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class WrongValue(ValueError):
    """A value that an input cannot have, in the words for the user. `rule` is what it breaks, under the same name in the page."""

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text)
        self.rule = rule


@dataclass(frozen=True, kw_only=True)
class Input:
    """`[inputs.NAME]`: one thing that a user sets; also a column of a table.

    `type` is one of TYPES. `minimum` and `maximum` are allowed values themselves; `choices` are the allowed strings of
    a choice, `labels` how people read them; `suffixes` of a file input are lower-case with their dot, and say which files
    are offered first. `when` maps names of other inputs to the values of theirs with which this one is shown. With
    `expression` the value may be text to be evaluated; `default_value` is then the number that the default comes to.
    `step`, `scale`, `format`, `language` and `advanced` only say how the form looks.
    """

    name: str
    type: str
    title: str
    unit: str = ""
    default: Any = ""
    default_value: Any = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    scale: str = ""
    format: str = ""
    expression: bool = False
    choices: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Input, ...] = ()
    min_rows: int = 0
    max_rows: int = MAX_ROWS
    language: str = ""
    help: str = ""
    group: str = ""
    advanced: bool = False
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()

    def base(self) -> Any:
        """What the default comes to."""
        return self.default if self.default_value is None else self.default_value

    def check(self, value: Any, files: Collection[str]) -> Any:
        """The value in the type's own form (3 becomes 3.0 for a number); raises WrongValue in the words for the user.
        The text of an expression is only made tidy here: what it comes to depends on other inputs."""
        if self.expression and isinstance(value, str):
            return _expression(self, value)
        return TYPES[self.type](self, value, files)


def shown(value: Any) -> str:
    """A foreign value for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _expression(one: Input, value: str) -> Any:
    text = value.strip(" \t")
    if not expression.is_number(text):
        if len(text) > expression.MAX_LENGTH:
            raise WrongValue(f"{one.title}: It has more than {expression.MAX_LENGTH} characters.", "expression.syntax")
        return text
    return TYPES[one.type](one, float(text), ())


def _range(one: Input, value: float) -> None:
    unit = f" {one.unit}" if one.unit else ""
    if one.minimum is not None and value < one.minimum:
        raise WrongValue(f"{one.title}: {value:g} is below the smallest allowed value, {one.minimum:g}{unit}.", "below")
    if one.maximum is not None and value > one.maximum:
        raise WrongValue(f"{one.title}: {value:g} is above the largest allowed value, {one.maximum:g}{unit}.", "above")


def _number(one: Input, value: Any, _: Collection[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongValue(f"{one.title} must be a number, not {shown(value)}.", "number")
    if not abs(value) < HUGE:
        raise WrongValue(f"{one.title} must be a finite number, not {shown(value)}.", "finite")
    _range(one, value)
    return float(value)


def _integer(one: Input, value: Any, _: Collection[str]) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongValue(f"{one.title} must be a whole number, not {shown(value)}.", "integer")
    if abs(value) > MAX_INTEGER:
        raise WrongValue(f"{one.title}: {shown(value)} is too large a number.", "large")
    _range(one, value)
    return value


def _boolean(one: Input, value: Any, _: Collection[str]) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(f"{one.title} must be true or false, not {shown(value)}.", "boolean")
    return value


def _string(one: Input, value: Any, _: Collection[str]) -> str:
    text = _text(one, value, ())
    if len(text) > MAX_STRING or any(unicodedata.category(letter) in _NOT_A_LINE for letter in text):
        raise WrongValue(f"{one.title} must be one line of at most {MAX_STRING} characters.", "oneline")
    return text


def _text(one: Input, value: Any, _: Collection[str]) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{one.title} must be text, not {shown(value)}.", "text")
    if len(value) > MAX_TEXT:
        raise WrongValue(
            f"{one.title} has {len(value)} characters, more than the {MAX_TEXT} that are allowed; put it into a file.", "long"
        )
    if "\0" in value or any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise WrongValue(f"{one.title} has characters in it that are not text.", "characters")
    return value


def _choice(one: Input, value: Any, _: Collection[str]) -> str:
    if not isinstance(value, str) or value not in one.choices:
        raise WrongValue(f"{one.title} must be one of {', '.join(one.choices)}, not {shown(value)}.", "choice")
    return value


def _file(one: Input, value: Any, files: Collection[str]) -> Any:
    if (source := as_source(value)) is not None:
        return source.to_plain()
    if not isinstance(value, str):
        words = 'must be the name of a file, or a file of another simulation ({"simulation", "model", "file"})'
        raise WrongValue(f"{one.title} {words}, not {shown(value)}.", "filename")
    if value and value not in files:
        have = ", ".join(sorted(files)[:10]) or "none"
        raise WrongValue(
            f"{one.title}: the simulation has no file called {shown(value)} (it has: {have}). Add the file first.", "nofile"
        )
    return value


def _table(one: Input, value: Any, _: Collection[str]) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise WrongValue(f"{one.title} must be a list of rows, each an object with its columns, not {shown(value)}.", "rows")
    if len(value) > one.max_rows:
        raise WrongValue(f"{one.title} has {len(value)} rows, more than the {one.max_rows} that are allowed.", "manyrows")
    rows = [_row(one, row, number) for number, row in enumerate(value, 1)]
    if len(value) < one.min_rows:
        raise WrongValue(f"{one.title} has {len(value)} rows, fewer than the {one.min_rows} that are needed.", "fewrows")
    return rows


def _row(one: Input, row: Mapping[Any, Any], number: int) -> dict[str, Any]:
    names = {column.name for column in one.columns}
    for name in row:
        if name not in names:
            raise WrongValue(
                f"{one.title}, row {number}: there is no column called {shown(name)}; there are {', '.join(sorted(names))}.",
                "column",
            )
    checked = {}
    for column in one.columns:
        try:
            checked[column.name] = column.check(row.get(column.name, column.default), ())
        except WrongValue as error:
            raise WrongValue(f"{one.title}, row {number}: {error}", f"cell.{error.rule}") from None
    return checked


def small(value: Any) -> bool:
    """Whether a value that is not looked at any closer may be kept."""
    return len(json.dumps(value)) <= MAX_TEXT


#: How a value of each type is checked. The keys are the types that a code.toml may name.
TYPES: Mapping[str, Callable[[Input, Any, Collection[str]], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "string": _string,
    "text": _text,
    "choice": _choice,
    "file": _file,
    "table": _table,
}
