"""Reads a code's folder into a Declaration; whatever is wrong is named with its file, its key, and what to write instead."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from simyard.codes import picture
from simyard.codes.declaration import CodeError, Declaration, Example, Input, Model, ReportDecl, ResultDecl, WrongValue
from simyard.codes.input_toml import read_inputs
from simyard.codes.toml_section import NAME, NAME_RULE, Section, title_of
from simyard.codes.verdict import Verdict
from simyard.protocol.jobs import Kind

FILE = "code.toml"
PROGRAM = "code.py"
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
        raise CodeError(f"{folder}: the folder's name is the code's name and {NAME_RULE}.")
    if not (folder / PROGRAM).is_file():
        raise CodeError(f"{folder / PROGRAM} does not exist: a code needs one, with prepare(run) in it.")
    try:
        version = content_version(folder)
    except OSError as error:
        raise CodeError(f"{folder}: {error}") from None
    return from_table(folder, version, table, str(path))


def content(folder: Path) -> list[tuple[str, Path]]:
    """The files that belong to a code, by their paths relative to its folder, in order. Raises OSError."""
    found = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not any(_NOT_CONTENT.fullmatch(part) for part in relative.parts) and path.is_file():
            found.append((str(relative), path))
    return found


def content_version(folder: Path) -> str:
    """12 hex digits that change when any file of the folder does."""
    digest = hashlib.sha256()
    for name, path in content(folder):
        data = path.read_bytes()
        digest.update(b"%s\0%d\0" % (name.encode("utf-8", "surrogateescape"), len(data)))
        digest.update(data)
    return digest.hexdigest()[:12]


def from_table(folder: Path, version: str, table: Mapping[str, Any], where: str) -> Declaration:
    """The declaration that a parsed code.toml describes; `where` is named in errors. Raises CodeError."""
    at = Section(table, where, "")
    inputs = read_inputs(at)
    reports = {name: _report(name, section) for name, section in at.sections("reports")}
    models = {name: _model(name, section) for name, section in at.sections("models")}
    for model in models.values():
        for name in model.reports:  # a report that needs no words of its own need not be declared
            if not NAME.match(name):
                raise CodeError(f"{where}: models.{model.name}.reports: {name!r} {NAME_RULE}.")
            reports.setdefault(name, ReportDecl(name=name, title=title_of(name)))
    examples = {name: _example(name, section, inputs) for name, section in at.sections("examples")}
    results = {name: _result(name, section) for name, section in at.sections("results")}
    declaration = Declaration(
        name=folder.name,
        folder=folder,
        title=at.text("title", needed=True),
        version=version,
        description=at.text("description"),
        picture=at.text("picture"),
        python=at.text("python"),
        requires=at.texts("requires"),
        inputs=inputs,
        models=models,
        reports=reports,
        results=results,
        examples=examples,
    )
    at.done()
    if declaration.picture and (wrong := picture.problem(folder, declaration.picture)):
        raise CodeError(f"{where}: picture: {wrong}.")
    if not models:
        raise CodeError(f"{where}: a code needs at least one model; write [models.NAME] with a kind.")
    if declaration.python and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", declaration.python):
        raise CodeError(f"{where}: python: {declaration.python!r} is not a name of an interpreter; write one like 'madx', or ''.")
    if declaration.requires and not declaration.python:
        raise CodeError(f"{where}: requires needs an environment of its own to be installed in; add python = {folder.name!r}.")
    return declaration


def _model(name: str, at: Section) -> Model:
    kinds = [kind.value for kind in Kind]
    kind = at.text("kind", needed=True)
    if kind not in kinds:
        raise at.error("kind", f"{kind!r} is not a kind; write one of {', '.join(kinds)}")
    made = Model(
        name=name,
        title=at.text("title") or title_of(name),
        kind=Kind(kind),
        reports=at.texts("reports"),
        cores=at.whole("cores", 1),
        memory=at.size("memory", 1 << 30),
        time_limit=at.number("time_limit") or 0.0,
        help=at.text("help"),
        checkpoints=at.boolean("checkpoints"),
        parallel=at.boolean("parallel"),
    )
    at.done()
    if made.cores < 1 or made.memory < 1 or made.time_limit < 0:
        raise at.error("cores", "cores and memory must be at least 1, and time_limit at least 0")
    if made.checkpoints and made.kind is Kind.QUICK:
        raise at.error("checkpoints", "only a long model can be gone on with; write kind = 'long', or leave it out")
    return made


def _report(name: str, at: Section) -> ReportDecl:
    made = ReportDecl(name=name, title=at.text("title") or title_of(name), frames=at.boolean("frames"))
    at.done()
    return made


def _result(name: str, at: Section) -> ResultDecl:
    digits = at.whole("digits", -1)
    made = ResultDecl(
        name=name, title=at.text("title") or title_of(name), unit=at.text("unit"), digits=None if digits == -1 else digits
    )
    at.done()
    if made.digits is not None and not 0 <= made.digits <= 15:
        raise at.error("digits", "must be a whole number from 0 to 15: digits after the point")
    return made


def _example(name: str, at: Section, inputs: Mapping[str, Input]) -> Example:
    values = at.take("inputs", {})
    made = Example(name=name, title=at.text("title") or title_of(name), help=at.text("help"), inputs=values)
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
    # one by one they are right; together an expression may come to something else, and a file cannot be there
    for key, wrong in Verdict(inputs, checked, ()).errors.items():
        raise at.error(f"inputs.{key}", str(wrong).rstrip("."))
    return replace(made, inputs=checked)
