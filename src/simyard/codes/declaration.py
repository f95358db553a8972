"""What a code declares: its inputs, models, reports and examples, as frozen data, and the check of a user's inputs against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from simyard.codes.closest import did_you_mean
from simyard.codes.inputs import MAX_TEXT, TYPES, Input, WrongValue
from simyard.codes.verdict import Verdict
from simyard.errors import InvalidRequest
from simyard.protocol.jobs import Kind

__all__ = ["MAX_TEXT", "TYPES", "CodeError", "Declaration", "Example", "Input", "Model", "ReportDecl", "WrongValue"]


class CodeError(InvalidRequest):
    """A code's folder says something that cannot be; `detail` names the file, the key, and what to write instead."""

    def __init__(self, detail: str) -> None:
        super().__init__("bad-code", detail)


@dataclass(frozen=True, kw_only=True)
class Model:
    """`[models.NAME]`: something that a simulation can compute. `memory` in bytes; `time_limit` in seconds, 0 for the target's.
    One that `checkpoints` can be ended before its time is over, and gone on with; one that is `parallel` runs on all of its tasks."""

    name: str
    title: str
    kind: Kind
    reports: tuple[str, ...] = ()
    cores: int = 1
    memory: int = 1 << 30
    time_limit: float = 0.0
    help: str = ""
    checkpoints: bool = False
    parallel: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportDecl:
    """`[reports.NAME]`: a plot of a run; with `frames`, one that has many pictures."""

    name: str
    title: str
    frames: bool = False


@dataclass(frozen=True, kw_only=True)
class ResultDecl:
    """`[results.NAME]`: how a number of a run reads; `digits` after the point (what is less is shown as 0), None: six that count."""

    name: str
    title: str
    unit: str = ""
    digits: int | None = None


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
    picture: str = ""
    python: str = ""
    requires: tuple[str, ...] = ()
    inputs: Mapping[str, Input] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    reports: Mapping[str, ReportDecl] = field(default_factory=dict)
    results: Mapping[str, ResultDecl] = field(default_factory=dict)
    examples: Mapping[str, Example] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Every input at its default."""
        return {name: one.default for name, one in self.inputs.items()}

    def check_inputs(self, inputs: Mapping[str, Any], files: Collection[str] = ()) -> dict[str, Any]:
        """All inputs as they are kept, with defaults filled in and in the order of the declaration; expressions as text.

        `files` are the names of the simulation's files. Raises InvalidRequest with one sentence for each input that is wrong.
        """
        return self._judged(inputs, files).stored

    def values(self, inputs: Mapping[str, Any], files: Collection[str] = ()) -> dict[str, Any]:
        """The inputs as code.py gets them: expressions as numbers, what the form hides at its default. Raises as `check_inputs`."""
        return self._judged(inputs, files).values

    def _judged(self, inputs: Mapping[str, Any], files: Collection[str]) -> Verdict:
        errors: dict[str, str] = {}
        for name in inputs:
            if name not in self.inputs:
                errors[str(name)[:100]] = (
                    f"{self.title} has no input called {str(name)[:100]!r}{did_you_mean(str(name), self.inputs)}."
                )
        verdict = Verdict(self.inputs, inputs, files)
        errors.update({name: str(error) for name, error in verdict.errors.items()})
        if errors:
            raise InvalidRequest("invalid-input", " ".join(errors.values())[:2000], {"errors": errors})
        return verdict

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
            "picture": self.picture,
            "version": self.version,
            "python": self.python,
            "requires": list(self.requires),
            "inputs": [_plain(one) for one in self.inputs.values()],
            "groups": [{"title": title, "inputs": names} for title, names in groups.items()],
            "models": [_plain(one) for one in self.models.values()],
            "reports": [_plain(one) for one in self.reports.values()],
            "results": [_plain(one) for one in self.results.values()],
            "examples": [_plain(one) for one in self.examples.values()],
        }


def _plain(one: Input | Model | ReportDecl | ResultDecl | Example) -> dict[str, Any]:
    return {each.name: _plain_value(getattr(one, each.name)) for each in fields(one)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Kind):
        return value.value
    if isinstance(value, Input):
        return _plain(value)
    if isinstance(value, tuple):
        return [_plain_value(one) for one in value]
    return {key: _plain_value(one) for key, one in value.items()} if isinstance(value, Mapping) else value
