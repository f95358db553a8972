"""Reads what a code.toml says in place of a code.py: `[program]`, `[progress]`, files of reports, patterns of results; and its templates."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simyard.codes.closest import closest
from simyard.codes.declaration import CodeError, Input, Model, ReportDecl
from simyard.codes.toml_section import Section
from simyard.job_cmd import template as template_module

# what the job cmd does with it; it is written for Python 2.7 as well, and has no annotations
template: Any = template_module
HDF5 = (".h5", ".hdf5")
_PLOTS = ("lines", "heatmap")
_TELLING = ("fraction", "percent", "step", "total", "message")
#: A template may not be larger (bytes): it is filled in while somebody waits.
_MAX_TEMPLATE = 4 << 20


def read_program(at: Section, folder: Path, inputs: Mapping[str, Input]) -> None:
    """Check `[program]`, which is there, and `[progress]`, and the templates that they name. Raises CodeError."""
    for name in inputs:
        if name in template.OWN:
            raise at.error(f"inputs.{name}", f"${{{name}}} already means something in a template; give the input another name")
    kinds = {**template.OWN, **{name: one.type for name, one in inputs.items()}}
    program = at.section("program")
    assert program is not None
    command = program.words("command")
    for word in command:
        _check(word, kinds, lambda _, words: program.error("command", words))
    if "/" in command[0] and not command[0].startswith(("/", "${code}/")):
        fix = "write '${code}/…' for a program in the code's folder, or only its name for one on the PATH"
        raise program.error("command", f"{command[0]!r} would be looked for in the folder of the run; {fix}")
    for name in program.texts("templates"):
        _file(program, "templates", name)
        _read_template(program, folder, name, kinds)
    _pattern(program, "error")
    program.done()
    if progress := at.section("progress"):
        _read_progress(progress, inputs)


def read_plot(at: Section, *, frames: bool) -> None:
    """Check how a report is drawn. Raises CodeError."""
    file, plot = at.text("file", needed=True), at.text("plot") or "lines"
    _file(at, "file", file)
    if "*" in file.rpartition("/")[0]:
        raise at.error("file", "a * may stand in the file's name, not in that of its folder")
    if plot not in _PLOTS:
        raise at.error("plot", f"{plot!r} is not a plot; write 'lines' or 'heatmap'")
    at.text("x_title")
    at.text("y_title")
    hdf5 = file.endswith(HDF5)
    many = "*" in file
    if plot == "lines":
        y, x = at.columns("y"), at.columns("x", one=True)
        if not y:
            raise at.error("y", "is missing: a list of columns to draw, by their names or by their numbers from 1")
        if hdf5 and not all(isinstance(one, str) for one in (*x, *y)):
            raise at.error("y", "in an HDF5 file columns are datasets, by their paths, like 'results/energy'")
    elif hdf5:
        at.text("z", needed=True)
        many = True
    at.done(f" for a plot of {plot}{' from HDF5' if hdf5 else ''}")
    if frames and not many:
        raise at.error("frames", "a report with frames needs a file for each; write file with a *, like 'frame_*.txt'")
    if "*" in file and not frames:
        raise at.error("file", "a * stands for the frames of a report; add frames = true")


def read_pattern(at: Section) -> None:
    """Check where the number of a result is found. Raises CodeError."""
    if _pattern(at, "pattern", needed=True).groups < 1:
        raise at.error("pattern", r"needs the number in brackets, like 'frequency = (\S+)'")


def all_drawn(at: Section, models: Mapping[str, Model], reports: Mapping[str, ReportDecl], drawn: Collection[str]) -> None:
    """Each report of a model says how it is drawn. Raises CodeError."""
    for model in models.values():
        for name in model.reports:
            if name in reports and name not in drawn:
                raise at.error(f"models.{model.name}.reports", f"{name!r} is not drawn yet: write [reports.{name}] with a file")


def _read_progress(at: Section, inputs: Mapping[str, Input]) -> None:
    groups = _pattern(at, "pattern", needed=True).groupindex
    for name in groups:
        if name not in _TELLING:
            raise at.error("pattern", f"a group cannot be called {name!r}; known are {', '.join(_TELLING)}")
    if not {"fraction", "percent", "step", "message"} & groups.keys():
        raise at.error("pattern", r"needs a named group that tells how far it is, like 'step (?P<step>\d+) of (?P<total>\d+)'")
    total = at.text("total", needed="step" in groups and "total" not in groups)
    if file := at.text("file"):
        _file(at, "file", file)
    at.done()
    if total and (total not in inputs or inputs[total].type not in {"integer", "number"}):
        numeric = [name for name, one in inputs.items() if one.type in {"integer", "number"}]
        raise at.error("total", f"{total!r} is no input that is a number; there are {', '.join(numeric) or 'none'}")


def _pattern(at: Section, key: str, *, needed: bool = False) -> re.Pattern[str]:
    try:
        return re.compile(at.text(key, needed=needed))
    except re.error as error:
        fix = r"write it in single quotes, so that \ stays what it is"
        raise at.error(key, f"is not a regular expression: {error}; {fix}") from None


def _file(at: Section, key: str, name: str) -> None:
    if name.startswith(("/", "~")) or not all(part not in {"", ".", ".."} for part in name.split("/")) or not name.isprintable():
        raise at.error(key, f"{name!r} must be a plain relative path, like 'out/table.csv'")


def _read_template(at: Section, folder: Path, name: str, kinds: Mapping[str, str]) -> None:
    path = folder / name
    try:
        if path.stat().st_size > _MAX_TEMPLATE:
            raise at.error("templates", f"{path} is larger than {_MAX_TEMPLATE >> 20} MiB; keep data out of templates")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise at.error("templates", f"{path} cannot be read: {error.strerror}; it must be a file in the code's folder") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CodeError(f"{path}, line {line}: this is not UTF-8; save the file in UTF-8.") from None
    _check(text, kinds, lambda line, words: CodeError(f"{path}, line {line}: {words}."))


def _check(text: str, kinds: Mapping[str, str], wrong: Any) -> None:
    """What is filled in is declared, and has a format that fits. Raises what `wrong(line, words)` makes."""
    try:
        for line, name, form in template.holes(text):
            if name not in kinds:
                close = closest(name, kinds)
                fix = f"did you mean {close!r}?" if close else f"there are {', '.join(kinds)}"
                raise wrong(line, f"there is no input called {name!r}; {fix}".rstrip("?"))
            if words := template.wrong_format(kinds[name], form):
                raise wrong(line, words)
    except template.TemplateError as error:
        raise wrong(error.line, error.words) from None
