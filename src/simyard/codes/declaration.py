"""What a code declares: its inputs, models, reports and examples, as frozen data, and the check of a user's inputs against it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from simyard.errors import InvalidRequest
from simyard.protocol.jobs import Kind

#: Bounds of what a user may put into one input: characters, and the integers that JSON carries everywhere.
MAX_STRING = 1_000
MAX_TEXT = 256 << 10
MAX_INTEGER = (1 << 53) - 1
HUGE = 1e300


class CodeError(InvalidRequest):
    """A code's folder says something that cannot be; `detail` names the file, the key, and what to write instead."""

    def __init__(self, detail: str) -> None:
        super().__init__("bad-code", detail)


class WrongValue(ValueError):
    """A value that an input cannot have, in the words for the user."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """`[inputs.NAME]`: one thing that a user sets.

    `type` is one of TYPES. `minimum` and `maximum` are allowed values themselves; `choices` are the allowed strings of
    a choice; `suffixes` of a file input are lower-case with their dot, and say which files are offered first.
    """

    name: str
    type: str
    title: str
    unit: str = ""
    default: Any = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    group: str = ""
    suffixes: tuple[str, ...] = ()

    def check(self, value: Any, files: Collection[str]) -> Any:
        """The value in the type's own form (3 becomes 3.0 for a number); raises WrongValue in the words for the user."""
        return TYPES[self.type](self, value, files)


@dataclass(frozen=True, kw_only=True)
class Model:
    """`[models.NAME]`: something that a simulation can compute. `memory` in bytes; `time_limit` in seconds, 0 for the target's."""

    name: str
    title: str
    kind: Kind
    reports: tuple[str, ...] = ()
    cores: int = 1
    memory: int = 1 << 30
    time_limit: float = 0.0
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportDecl:
    """`[reports.NAME]`: a plot of a run; with `frames`, one that has many pictures."""

    name: str
    title: str
    frames: bool = False


@dataclass(frozen=True, kw_only=True)
class Example:
    """`[examples.NAME]`: inputs to start from; what it does not name stands at its default."""

    name: str
    title: str
    help: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All that a code's folder says of itself. `version` is the hash of the folder's files, 12 hex digits."""

    name: str
    folder: Path
    title: str
    version: str
    description: str = ""
    python: str = ""
    requires: tuple[str, ...] = ()
    inputs: Mapping[str, Input] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    reports: Mapping[str, ReportDecl] = field(default_factory=dict)
    examples: Mapping[str, Example] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Every input at its default."""
        return {name: one.default for name, one in self.inputs.items()}

    def check_inputs(self, inputs: Mapping[str, Any], files: Collection[str] = ()) -> dict[str, Any]:
        """All inputs, with defaults filled in and in the order of the declaration.

        `files` are the names of the simulation's files. Raises InvalidRequest with one sentence for each input that is wrong.
        """
        errors: dict[str, str] = {}
        for name in inputs:
            if name not in self.inputs:
                errors[str(name)[:100]] = (
                    f"{self.title} has no input called {str(name)[:100]!r}{_closest(str(name), self.inputs)}."
                )
        checked = {}
        for name, one in self.inputs.items():
            try:
                checked[name] = one.check(inputs[name], files) if name in inputs else one.default
            except WrongValue as error:
                errors[name] = str(error)
        if errors:
            raise InvalidRequest("invalid-input", " ".join(errors.values())[:2000], {"errors": errors})
        return checked

    def model(self, name: str) -> Model:
        """The model of that name; raises InvalidRequest naming those that there are."""
        if name not in self.models:
            raise InvalidRequest(
                "unknown-model", f"{self.title} has no model called {name[:100]!r}; it has {', '.join(self.models)}."
            )
        return self.models[name]

    def example(self, name: str) -> Example:
        """The example of that name; raises InvalidRequest naming those that there are."""
        if name not in self.examples:
            known = f"it has {', '.join(self.examples)}" if self.examples else "it has none"
            raise InvalidRequest("unknown-example", f"{self.title} has no example called {name[:100]!r}; {known}.")
        return self.examples[name]

    def input_for(self, file: str) -> str:
        """The file input that a file of this name belongs to by its suffix; "" for none."""
        for name, one in self.inputs.items():
            if one.type == "file" and file.lower().endswith(one.suffixes):
                return name
        return ""

    def to_plain(self) -> dict[str, Any]:
        """What the API tells, in JSON's types: lists where order matters; what a page needs to draw the form."""
        groups: dict[str, list[str]] = {}
        for name, one in self.inputs.items():
            groups.setdefault(one.group, []).append(name)
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "version": self.version,
            "python": self.python,
            "requires": list(self.requires),
            "inputs": [_plain(one) for one in self.inputs.values()],
            "groups": [{"title": title, "inputs": names} for title, names in groups.items()],
            "models": [_plain(one) for one in self.models.values()],
            "reports": [_plain(one) for one in self.reports.values()],
            "examples": [_plain(one) for one in self.examples.values()],
        }


def _plain(one: Input | Model | ReportDecl | Example) -> dict[str, Any]:
    return {each.name: _plain_value(getattr(one, each.name)) for each in fields(one)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Kind):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _closest(name: str, known: Collection[str]) -> str:
    import difflib  # here, because only an error needs it

    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _range(one: Input, value: float) -> None:
    unit = f" {one.unit}" if one.unit else ""
    if one.minimum is not None and value < one.minimum:
        raise WrongValue(f"{one.title}: {value:g} is below the smallest allowed value, {one.minimum:g}{unit}.")
    if one.maximum is not None and value > one.maximum:
        raise WrongValue(f"{one.title}: {value:g} is above the largest allowed value, {one.maximum:g}{unit}.")


def _number(one: Input, value: Any, _: Collection[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongValue(f"{one.title} must be a number, not {_shown(value)}.")
    if not abs(value) < HUGE:
        raise WrongValue(f"{one.title} must be a finite number, not {_shown(value)}.")
    _range(one, value)
    return float(value)


def _integer(one: Input, value: Any, _: Collection[str]) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongValue(f"{one.title} must be a whole number, not {_shown(value)}.")
    if abs(value) > MAX_INTEGER:
        raise WrongValue(f"{one.title}: {_shown(value)} is too large a number.")
    _range(one, value)
    return value


def _boolean(one: Input, value: Any, _: Collection[str]) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(f"{one.title} must be true or false, not {_shown(value)}.")
    return value


def _string(one: Input, value: Any, _: Collection[str]) -> str:
    text = _text(one, value, ())
    if len(text) > MAX_STRING or not text.isprintable():
        raise WrongValue(f"{one.title} must be one line of at most {MAX_STRING} characters.")
    return text


def _text(one: Input, value: Any, _: Collection[str]) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{one.title} must be text, not {_shown(value)}.")
    if len(value) > MAX_TEXT:
        raise WrongValue(
            f"{one.title} has {len(value)} characters, more than the {MAX_TEXT} that are allowed; put it into a file."
        )
    if "\0" in value or any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise WrongValue(f"{one.title} has characters in it that are not text.")
    return value


def _choice(one: Input, value: Any, _: Collection[str]) -> str:
    if not isinstance(value, str) or value not in one.choices:
        raise WrongValue(f"{one.title} must be one of {', '.join(one.choices)}, not {_shown(value)}.")
    return value


def _file(one: Input, value: Any, files: Collection[str]) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{one.title} must be the name of a file, not {_shown(value)}.")
    if value and value not in files:
        have = ", ".join(sorted(files)[:10]) or "none"
        raise WrongValue(f"{one.title}: the simulation has no file called {_shown(value)} (it has: {have}). Add the file first.")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


#: How a value of each type is checked. The keys are the types that a code.toml may name.
TYPES: Mapping[str, Callable[[Input, Any, Collection[str]], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "string": _string,
    "text": _text,
    "choice": _choice,
    "file": _file,
}
