"""Reads a code's folder into a Declaration; whatever is wrong is named with its file, its key, and what to write instead."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from simyard import config
from simyard.codes.declaration import TYPES, CodeError, Declaration, Example, Input, Model, ReportDecl, WrongValue
from simyard.protocol.jobs import Kind

FILE = "code.toml"
PROGRAM = "code.py"
#: Names of codes, inputs, models, reports, examples: they become parts of paths, addresses and command lines.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_NAME_RULE = "must start with a lower-case letter, then lower-case letters, digits and _ (40 at most)"
_NUMERIC = {"number", "integer"}
_EMPTY = {"string": "", "text": "", "file": "", "boolean": False}
#: What does not belong to a code's content: made by interpreters, editors and version control.
_NOT_CONTENT = re.compile(r"__pycache__|.*\.pyc|.*~|\..*")


def read(folder: Path) -> Declaration:
    """The declaration of the code in `folder`, whose name is the folder's. Raises CodeError."""
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CodeError(f"{path} does not exist: a code's folder needs a {FILE}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CodeError(f"{path}: {error}") from None
    if not NAME.match(folder.name):
        raise CodeError(f"{folder}: the folder's name is the code's name and {_NAME_RULE}.")
    if not (folder / PROGRAM).is_file():
        raise CodeError(f"{folder / PROGRAM} does not exist: a code needs one, with prepare(run) in it.")
    try:
        version = content_version(folder)
    except OSError as error:
        raise CodeError(f"{folder}: {error}") from None
    return from_table(folder, version, table, str(path))


def content_version(folder: Path) -> str:
    """12 hex digits that change when any file of the folder does."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(_NOT_CONTENT.fullmatch(part) for part in relative.parts) or not path.is_file():
            continue
        content = path.read_bytes()
        digest.update(b"%s\0%d\0" % (str(relative).encode("utf-8", "surrogateescape"), len(content)))
        digest.update(content)
    return digest.hexdigest()[:12]


def from_table(folder: Path, version: str, table: Mapping[str, Any], where: str) -> Declaration:
    """The declaration that a parsed code.toml describes; `where` is named in errors. Raises CodeError."""
    at = _Section(table, where, "")
    inputs = {name: _input(name, section) for name, section in at.sections("inputs")}
    reports = {name: _report(name, section) for name, section in at.sections("reports")}
    models = {name: _model(name, section) for name, section in at.sections("models")}
    for model in models.values():
        for name in model.reports:  # a report that needs no words of its own need not be declared
            if not NAME.match(name):
                raise CodeError(f"{where}: models.{model.name}.reports: {name!r} {_NAME_RULE}.")
            reports.setdefault(name, ReportDecl(name=name, title=_title(name)))
    examples = {name: _example(name, section, inputs) for name, section in at.sections("examples")}
    declaration = Declaration(
        name=folder.name,
        folder=folder,
        title=at.text("title", needed=True),
        version=version,
        description=at.text("description"),
        python=at.text("python"),
        requires=at.texts("requires"),
        inputs=inputs,
        models=models,
        reports=reports,
        examples=examples,
    )
    at.done()
    if not models:
        raise CodeError(f"{where}: a code needs at least one model; write [models.NAME] with a kind.")
    if declaration.python and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", declaration.python):
        raise CodeError(f"{where}: python: {declaration.python!r} is not a name of an interpreter; write one like 'madx', or ''.")
    if declaration.requires and not declaration.python:
        raise CodeError(f"{where}: requires needs an environment of its own to be installed in; add python = {folder.name!r}.")
    return declaration


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _input(name: str, at: _Section) -> Input:
    kind = at.text("type", needed=True)
    if kind not in TYPES:
        raise at.error("type", f"{kind!r} is not a type; write one of {', '.join(TYPES)}")
    made = Input(
        name=name,
        type=kind,
        title=at.text("title") or _title(name),
        unit=at.text("unit"),
        minimum=at.number("minimum") if kind in _NUMERIC else None,
        maximum=at.number("maximum") if kind in _NUMERIC else None,
        choices=at.texts("choices") if kind == "choice" else (),
        help=at.text("help"),
        group=at.text("group"),
        suffixes=at.texts("suffixes") if kind == "file" else (),
    )
    default = at.take("default", _EMPTY.get(kind))
    at.done(f" for an input of type {kind}")
    if kind == "choice" and not made.choices:
        raise at.error("choices", "a choice needs a list of strings to choose from")
    if made.minimum is not None and made.maximum is not None and made.minimum > made.maximum:
        raise at.error("minimum", f"{made.minimum:g} is above the maximum, {made.maximum:g}")
    for suffix in made.suffixes:
        if not re.fullmatch(r"\.[a-z0-9._-]+", suffix):
            raise at.error("suffixes", f"{suffix!r} must be a dot and lower-case letters, like '.dat'")
    if default is None:
        raise at.error("default", "is missing: a form needs a value to start from")
    try:
        default = made.check(default, ())
    except WrongValue as error:
        raise at.error("default", str(error).rstrip(".")) from None
    return replace(made, default=default)


def _model(name: str, at: _Section) -> Model:
    kinds = [kind.value for kind in Kind]
    kind = at.text("kind", needed=True)
    if kind not in kinds:
        raise at.error("kind", f"{kind!r} is not a kind; write one of {', '.join(kinds)}")
    made = Model(
        name=name,
        title=at.text("title") or _title(name),
        kind=Kind(kind),
        reports=at.texts("reports"),
        cores=at.whole("cores", 1),
        memory=at.size("memory", 1 << 30),
        time_limit=at.number("time_limit") or 0.0,
        help=at.text("help"),
    )
    at.done()
    if made.cores < 1 or made.memory < 1 or made.time_limit < 0:
        raise at.error("cores", "cores and memory must be at least 1, and time_limit at least 0")
    return made


def _report(name: str, at: _Section) -> ReportDecl:
    made = ReportDecl(name=name, title=at.text("title") or _title(name), frames=at.boolean("frames"))
    at.done()
    return made


def _example(name: str, at: _Section, inputs: Mapping[str, Input]) -> Example:
    values = at.take("inputs", {})
    made = Example(name=name, title=at.text("title") or _title(name), help=at.text("help"), inputs=values)
    at.done()
    if not isinstance(values, dict):
        raise at.error("inputs", "must be a table of inputs and their values")
    checked = {}
    for key, value in values.items():
        if key not in inputs:
            raise at.error(f"inputs.{key}", f"there is no such input; there are {', '.join(inputs)}")
        try:
            checked[key] = inputs[key].check(value, ())
        except WrongValue as error:
            raise at.error(f"inputs.{key}", str(error).rstrip(".")) from None
    return replace(made, inputs=checked)


class _Section:
    """A table of the file from which keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, table: Any, where: str, key: str) -> None:
        self._where = where
        self._key = key
        if not isinstance(table, dict):
            raise CodeError(f"{where}: {key} must be a table; write [{key}].")
        self._left = dict(table)
        self._known: list[str] = []

    def error(self, key: str, words: str) -> CodeError:
        return CodeError(f"{self._where}: {self._key + '.' if self._key else ''}{key}: {words}.")

    def take(self, key: str, default: Any = None) -> Any:
        self._known.append(key)
        return self._left.pop(key, default)

    def done(self, where: str = "") -> None:
        """Nothing may be left; raises CodeError with the first key that nobody asked for."""
        for key in self._left:
            raise self.error(key, f"there is no such key{where}; known are {', '.join(sorted(self._known))}")

    def sections(self, key: str) -> list[tuple[str, _Section]]:
        table = self.take(key, {})
        if not isinstance(table, dict):
            raise self.error(key, f"must be tables; write [{key}.NAME]")
        for name in table:
            if not NAME.match(name):
                raise self.error(key, f"the name {name!r} {_NAME_RULE}")
        return [(name, _Section(value, self._where, f"{key}.{name}")) for name, value in table.items()]

    def _typed(self, key: str, default: Any, fits: Callable[[Any], bool], words: str) -> Any:
        value = self.take(key, default)
        if not fits(value):
            raise self.error(key, f"must be {words}, not {value!r:.60}")
        return value

    def text(self, key: str, *, needed: bool = False) -> str:
        if needed and key not in self._left:
            raise self.error(key, "is missing")
        value: str = self._typed(key, "", lambda value: isinstance(value, str), "a string in quotes")
        if needed and not value.strip():
            raise self.error(key, "must not be empty")
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        def fits(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(one, str) and one for one in value) and len({*value}) == len(value)

        return tuple(self._typed(key, [], fits, "a list of different strings, like ['a', 'b']"))

    def number(self, key: str) -> float | None:
        value = self._typed(key, None, lambda value: value is None or type(value) in {int, float}, "a number")
        return None if value is None else float(value)

    def whole(self, key: str, default: int) -> int:
        value: int = self._typed(key, default, lambda value: type(value) is int, "a whole number")
        return value

    def boolean(self, key: str) -> bool:
        value: bool = self._typed(key, False, lambda value: isinstance(value, bool), "true or false")
        return value

    def size(self, key: str, default: int) -> int:
        try:
            return config.parse_size(self._typed(key, default, lambda value: type(value) in {int, str}, "a size, like '512 MiB'"))
        except config.ConfigError:
            raise self.error(key, "is not a size; write one like '512 MiB' or '2 GB'") from None
