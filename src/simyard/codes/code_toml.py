"""Reads a code's folder into a Declaration; whatever is wrong is named with its file, its key, and what to write instead."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from simyard.codes import picture, program_toml, toml_words
from simyard.codes.closest import did_you_mean
from simyard.codes.declaration import CodeError, Declaration, Example, Input, Model, ReportDecl, ResultDecl, WrongValue
from simyard.codes.input_toml import read_inputs
from simyard.codes.toml_section import NAME, NAME_RULE, Lines, Section, title_of
from simyard.codes.verdict import Verdict
from simyard.job_cmd import toml_reader as toml_reader_module
from simyard.protocol.jobs import Kind

# it is written for Python 2.7 as well, and has no annotations
toml_reader: Any = toml_reader_module
FILE = "code.toml"
PROGRAM = "code.py"
#: What does not belong to a code's content: made by interpreters, editors and version control.
_NOT_CONTENT = re.compile(r"__pycache__|.*\.pyc|.*~|\..*")


def read(folder: Path) -> Declaration:
    """The declaration of the code in `folder`, whose name is the folder's. Raises CodeError."""
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError:
        raise CodeError(f"{path} does not exist: a code's folder needs a {FILE}.") from None
    except tomllib.TOMLDecodeError as error:
        raise CodeError(f"{path}{toml_words.explain(text, str(error))}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CodeError(f"{path}, line {line}: this is not utf-8; save the file in UTF-8.") from None
    except OSError as error:
        raise CodeError(f"{path}: {error.strerror}.") from None
    if not NAME.match(folder.name):
        raise CodeError(f"{folder}: the folder's name is the code's name and {NAME_RULE}.")
    own = (folder / PROGRAM).is_file()
    if not own and "program" not in table:
        raise CodeError(
            f"{folder / PROGRAM} does not exist: a code needs one, with prepare(run) in it, or else a [program] in its {FILE}."
        )
    if own and "program" in table:
        raise CodeError(f"{path}: program: a code with a {PROGRAM} has none; remove [program], or {folder / PROGRAM}.")
    if not own:
        _same_for_all(path, text, table)
    try:
        version = content_version(folder)
    except OSError as error:
        raise CodeError(f"{folder}: {error}") from None
    return from_table(folder, version, table, str(path), lambda: _lines(text))


def _lines(text: str) -> dict[str, int]:
    """The line of each key; none where only tomllib can read the file."""
    try:
        found: dict[str, int] = toml_reader.read(text)[1]
    except ValueError:
        return {}
    return found


def _same_for_all(path: Path, text: str, table: Mapping[str, Any]) -> None:
    """The job cmd must read a code.toml by itself, under interpreters without tomllib; so it is held to read the same here."""
    try:
        same = toml_reader.read(text)[0] == table
    except ValueError as error:
        raise CodeError(f"{path}: {error}; older interpreters than this one cannot read it.") from None
    if not same:
        raise CodeError(f"{path}: older interpreters would read something else; write it in simpler TOML.")


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


def from_table(folder: Path, version: str, table: Mapping[str, Any], where: str, lines: Lines = dict) -> Declaration:
    """The declaration that a parsed code.toml describes; `where` is named in errors, with the line. Raises CodeError."""
    at = Section(table, where, "", lines)
    inputs = read_inputs(at)
    template = "program" in table  # in place of a code.py
    if template:
        program_toml.read_program(at, folder, inputs)
    reports = {name: _report(name, section, template) for name, section in at.sections("reports")}
    drawn = set(reports)
    models = {name: _model(name, section) for name, section in at.sections("models")}
    for model in models.values():
        for name in model.reports:  # a report that needs no words of its own need not be declared
            if not NAME.match(name):
                raise at.error(f"models.{model.name}.reports", f"{name!r} {NAME_RULE}")
            reports.setdefault(name, ReportDecl(name=name, title=title_of(name)))
    examples = {name: _example(name, section, inputs) for name, section in at.sections("examples")}
    results = {name: _result(name, section, template) for name, section in at.sections("results")}
    if template:
        program_toml.all_drawn(at, models, reports, drawn)
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
        raise at.error("picture", wrong)
    if not models:
        raise at.error("models", "a code needs at least one; write [models.NAME] with a kind")
    if declaration.python and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", declaration.python):
        raise at.error("python", f"{declaration.python!r} is not a name of an interpreter; write one like 'madx', or ''")
    if declaration.requires and not declaration.python:
        raise at.error("requires", f"needs an environment of its own to be installed in; add python = {folder.name!r}")
    return declaration


def _model(name: str, at: Section) -> Model:
    kinds = [kind.value for kind in Kind]
    kind = at.text("kind", needed=True, example='"quick"')
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
    if made.cores < 1:
        raise at.error("cores", f"must be at least 1, not {made.cores}")
    if made.memory < 1:
        raise at.error("memory", 'must be at least a byte; write memory = "512 MiB"')
    if made.time_limit < 0:
        raise at.error("time_limit", f"must be at least 0 seconds (0: the target's limit), not {made.time_limit:g}")
    if made.checkpoints and made.kind is Kind.QUICK:
        raise at.error("checkpoints", "only a long model can be gone on with; write kind = 'long', or leave it out")
    return made


def _report(name: str, at: Section, template: bool) -> ReportDecl:
    made = ReportDecl(name=name, title=at.text("title") or title_of(name), frames=at.boolean("frames"))
    if template:
        program_toml.read_plot(at, frames=made.frames)
    at.done()
    return made


def _result(name: str, at: Section, template: bool) -> ResultDecl:
    if template:
        program_toml.read_pattern(at)
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
            raise at.error(
                f"inputs.{key}", f"there is no such input; there are {', '.join(inputs) or 'none'}{did_you_mean(key, inputs)}"
            )
        try:
            checked[key] = inputs[key].check(value, ())
        except WrongValue as error:
            raise at.error(f"inputs.{key}", str(error).rstrip(".")) from None
    # one by one they are right; together an expression may come to something else, and a file cannot be there
    for key, wrong in Verdict(inputs, checked, ()).errors.items():
        raise at.error(f"inputs.{key}", str(wrong).rstrip("."))
    return replace(made, inputs=checked)
