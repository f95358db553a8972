"""`simyard code docs`: a page in Markdown about a code, from its declaration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from simyard.cli.common import size
from simyard.codes.declaration import Declaration, Example, Model
from simyard.codes.inputs import GIVEN, NUMERIC, Input

#: A default of many lines, or a long one, is not shown in a cell.
_LONG = 60


def page(code: Declaration) -> str:
    """The page."""
    return "\n".join(_parts(code)).rstrip() + "\n"


def _parts(code: Declaration) -> Iterator[str]:
    yield f"# {code.title} (`{code.name}`)\n"
    if code.description:
        yield f"{code.description}\n"
    yield from _install(code)
    yield "## Models\n"
    rows = [
        (f"`{one.name}`", f"{one.kind.value}: {one.title}", _says(one.help), _needs(one), _names(one.reports))
        for one in code.models.values()
    ]
    yield from _table(("model", "", "", "takes", "reports"), rows)
    if code.inputs:
        yield "## Inputs\n"
    for group in dict.fromkeys(one.group for one in code.inputs.values()):
        if group:
            yield f"### {group}\n"
        some = [one for one in code.inputs.values() if one.group == group]
        yield from _table(("input", "", "unit", "default", "allowed"), [_input(one, code.inputs) for one in some])
        for one in some:
            if one.columns:
                yield f"Columns of `{one.name}`:\n"
                yield from _table(("column", "", "unit", "default", "allowed"), [_input(column, {}) for column in one.columns])
    yield from _section("Examples", ("example", "", "inputs"), [_example(one) for one in code.examples.values()])
    drawn = [(f"`{one.name}`", one.title, "one picture for each frame" if one.frames else "") for one in code.reports.values()]
    yield from _section("Reports", ("report", "", ""), drawn)
    results = [(f"`{one.name}`", one.title, _says(one.unit)) for one in code.results.values()]
    yield from _section("Results", ("result", "", "unit"), results)


def _install(code: Declaration) -> Iterator[str]:
    if code.python:
        needs = f", which has {_names(code.requires)}" if code.requires else ""
        yield f"It runs in the environment `{code.python}`{needs}: `simyard code install {code.name}`.\n"
    else:
        yield "It runs in Simyard's own Python.\n"


def _needs(one: Model) -> str:
    cores = f"{one.cores} core{'s' if one.cores != 1 else ''}"
    more = [f"at most {one.time_limit:g} s"] if one.time_limit else []
    more += ["runs in parallel"] if one.parallel else []
    more += ["goes on from checkpoints"] if one.checkpoints else []
    return ", ".join([cores, size(one.memory), *more])


def _input(one: Input, inputs: Mapping[str, Input]) -> tuple[str, ...]:
    words = [one.title, *([one.help] if one.help else [])]
    if one.when:
        words.append(f"Only where {' and '.join(_condition(inputs[other], values) for other, values in one.when.items())}")
    return f"`{one.name}`", ". ".join(word.rstrip(".") for word in words), _says(one.unit), _default(one), _allowed(one)


def _condition(other: Input, values: Sequence[Any]) -> str:
    if other.type in GIVEN:
        return f"there is {'a' if values[0] else 'no'} `{other.name}`"
    return f"`{other.name}` is {' or '.join(_value(value) for value in values)}"


def _default(one: Input) -> str:
    if one.type == "table":
        return _rows(one.default)
    shown = _value(one.default)
    return shown if len(shown) <= _LONG and "\n" not in shown else "a longer text"


def _allowed(one: Input) -> str:
    if one.choices:
        return ", ".join(f"`{choice}`{' ' + one.labels[choice] if one.labels.get(choice) else ''}" for choice in one.choices)
    if one.type == "table":
        return f"{one.min_rows} … {one.max_rows} rows"
    if one.type == "file":
        return f"a file{': ' + ', '.join(f'`{suffix}`' for suffix in one.suffixes) if one.suffixes else ''}"
    if one.type not in NUMERIC:
        return {"boolean": "yes or no", "string": "a line of text", "text": "text"}.get(one.type, one.type)
    kind = "whole number" if one.type == "integer" else "number"
    low, high = one.minimum, one.maximum
    ends = {
        (True, True): f" {_number(low)} … {_number(high)}",
        (True, False): f" ≥ {_number(low)}",
        (False, True): f" ≤ {_number(high)}",
    }
    return f"{kind}{ends.get((low is not None, high is not None), '')}{', or an expression' if one.expression else ''}"


def _rows(value: Sequence[Any]) -> str:
    return f"{len(value) or 'no'} row{'s' if len(value) != 1 else ''}"


def _number(value: float | None) -> str:
    return f"{value:g}" if value is not None and abs(value) < 1e6 else f"{value}".removesuffix(".0")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return f"`{value}`" if isinstance(value, str) and value else str(value)


def _example(one: Example) -> tuple[str, ...]:
    told = []
    for name, value in one.inputs.items():
        shown = _rows(value) if isinstance(value, list) else _value(value)
        told.append(f"{name} = {shown}" if len(shown) <= _LONG and "\n" not in shown else f"{name}: a longer text")
    words = f"{one.title}. {one.help}" if one.help else one.title
    return f"`{one.name}`", words, "; ".join(told) or "all at their defaults"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _says(words: str) -> str:
    return " ".join(words.split())


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield f"## {title}\n"
        yield from _table(heads, rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, without the columns that are empty in every row."""
    many = [list(row) for row in rows]
    kept = [column for column in range(len(heads)) if any(row[column] for row in many)]
    yield "| " + " | ".join(heads[column] for column in kept) + " |"
    yield "|" + "---|" * len(kept)
    for row in many:
        yield "| " + " | ".join(row[column].replace("\n", " ").replace("|", "\\|") for column in kept) + " |"
    yield ""
