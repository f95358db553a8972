"""A code.toml that stands in place of a code.py is read strictly: what is wrong is named with its file, line, key and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import CodeError, Declaration

GOOD = r"""
title = "Solver"

[program]
command = ["solver", "--cores", "${cores}", "solver.in"]
templates = ["solver.in"]
error = 'ERROR: (.*)'

[progress]
pattern = 'step (?P<step>\d+)'
total = "steps"

[inputs.steps]
type = "integer"
default = 10

[inputs.energy]
type = "number"
default = 3.0

[models.solve]
kind = "long"
reports = ["curve", "field"]

[reports.curve]
file = "curve.csv"
x = "time"
y = ["energy", 3]

[reports.field]
file = "field_*.txt"
plot = "heatmap"
frames = true

[reports.cube]
file = "out/cube.h5"
plot = "heatmap"
z = "cube"

[results.best]
pattern = 'best (\S+)'
"""
TEMPLATE = "steps = ${steps}\nenergy = ${energy:%.3f}\n"


def read(folder: Path, text: str = GOOD, template: str | bytes | None = TEMPLATE) -> Declaration:
    made = folder / "solver"
    made.mkdir()
    (made / "code.toml").write_text(text, "utf-8")
    if template is not None:
        (made / "solver.in").write_bytes(template.encode() if isinstance(template, str) else template)
    return code_toml.read(made)


def test_a_code_without_a_code_py_is_a_code_like_others(tmp_path: Path) -> None:
    code = read(tmp_path)
    assert (code.title, list(code.models), list(code.reports)) == ("Solver", ["solve"], ["curve", "field", "cube"])
    assert code.reports["field"].frames
    assert list(code.results) == ["best"]


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('["solver", "--cores", "${cores}", "solver.in"]', '"solver in"', 'program.command: must be a list of words, not \'solver in\'; write command = ["solver", "in"]'),
        ('["solver", "--cores", "${cores}", "solver.in"]', "[]", "program.command: must be a list of words"),
        ('["solver", ', '["./solver", ', "program.command: './solver' would be looked for in the folder of the run; write '${code}/…'"),
        ("${cores}", "${core}", "program.command: there is no input called 'core'; did you mean 'cores'"),
        ("${cores}", "${cores", "program.command: '${' is not closed; write ${name}, or $${"),
        ("${cores}", "${cores:%s}", "program.command: '%s' is not a format for an input of type integer; write one like '%6d'"),
        ('templates = ["solver.in"]', 'templates = "solver.in"', "program.templates: must be a list of different strings"),
        ('templates = ["solver.in"]', 'templates = ["../solver.in"]', "program.templates: '../solver.in' must be a plain relative path"),
        ('templates = ["solver.in"]', 'templates = ["/etc/passwd"]', "program.templates: '/etc/passwd' must be a plain relative path"),
        ('templates = ["solver.in"]', 'templates = ["other.in"]', "other.in cannot be read: No such file or directory; it must be a"),
        ('templates = ["solver.in"]', 'template = "solver.in"', "program.template: there is no such key; did you mean 'templates'? Known are command, error, templ"),
        ("error = 'ERROR: (.*)'", "error = 'ERROR: (.*'", "program.error: is not a regular expression: missing ), unterminated subp"),
        (r"(?P<step>\d+)", r"(\d+)", "progress.pattern: needs a named group that tells how far it is, like 'step (?P<step>"),
        (r"(?P<step>\d+)", r"(?P<steps>\d+)", "progress.pattern: a group cannot be called 'steps'; known are fraction, percent, step"),
        ('total = "steps"', "", "progress.total: is missing"),
        ('total = "steps"', 'total = "step"', "progress.total: 'step' is no input that is a number; there are steps, energy"),
        ('total = "steps"', 'total = "steps"\nfile = "../x"', "progress.file: '../x' must be a plain relative path"),
        ('total = "steps"', 'total = "steps"\nevery = 1', "progress.every: there is no such key; known are file, pattern, total"),
        ('file = "curve.csv"', "", "reports.curve.file: is missing"),
        ('file = "curve.csv"', 'file = "*/curve.csv"', "reports.curve.file: a * may stand in the file's name, not in that of its folder"),
        ('file = "curve.csv"', 'file = "curve*.csv"', "reports.curve.file: a * stands for the frames of a report; add frames = true"),
        ('file = "curve.csv"', 'file = "curve.h5"', "reports.curve.y: in an HDF5 file columns are datasets, by their paths"),
        ('file = "curve.csv"', 'file = "a.csv"\nplot = "line"', "reports.curve.plot: 'line' is not a plot; write 'lines' or 'heatmap'"),
        ('x = "time"', 'x = ["time"]', "reports.curve.x: must be a column: its name, or its number from 1, not ['time']"),
        ('y = ["energy", 3]', "", "reports.curve.y: is missing: a list of columns to draw"),
        ('y = ["energy", 3]', 'y = "energy"', "reports.curve.y: must be a list of columns, by names or numbers from 1, not 'energy'"),
        ('y = ["energy", 3]', "y = [0]", "reports.curve.y: must be a list of columns"),
        ('y = ["energy", 3]', 'y = [1]\nz = "a"', "reports.curve.z: there is no such key for a plot of lines; known are file,"),
        ('z = "cube"', "", "reports.cube.z: is missing"),
        ('z = "cube"', 'z = "cube"\ny = ["a"]', "reports.cube.y: there is no such key for a plot of heatmap from HDF5"),
        ('file = "field_*.txt"', 'file = "field.txt"', "reports.field.frames: a report with frames needs a file for each"),
        ('reports = ["curve", "field"]', 'reports = ["curves"]', "models.solve.reports: 'curves' is not drawn yet: write [reports.curves] w"),
        (r"pattern = 'best (\S+)'", "", "results.best.pattern: is missing"),
        (r"best (\S+)", "best", "results.best.pattern: needs the number in brackets, like 'frequency = (\\S+)'"),
        ("[inputs.energy]", "[inputs.cores]", "inputs.cores: ${cores} already means something in a template; give the input another name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_its_key_and_the_fix(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    with pytest.raises(CodeError) as caught:
        read(tmp_path, text)
    assert words in caught.value.detail
    where, _, rest = caught.value.detail.partition(", line ")
    assert where == str(tmp_path / "solver/code.toml")
    number, key = int(rest.split(": ")[0]), rest.split(": ")[1]
    table, _, name = key.rpartition(".")
    above = text.splitlines()[:number]
    header = next(line for line in reversed(above) if line.startswith("["))
    if above[-1] != f"[{key}]":  # which is where a table itself is wrong
        assert header == f"[{table}]"
        # the line of the key, or where the table begins that lacks it
        assert above[-1].startswith(f"{name} = ") or (above[-1] == header and "is missing" in words)


@pytest.mark.parametrize(
    "template, words",
    [
        ("one\nx = ${energie}\n", "solver.in, line 2: there is no input called 'energie'; did you mean 'energy'."),
        (
            "x = ${energy:%d}",
            "solver.in, line 1: '%d' is not a format for an input of type number; write one like '%12.6e', or none.",
        ),
        ("\n\n${energy", "solver.in, line 3: '${' is not closed; write ${name}, or $${ for the characters themselves."),
        (b"ok\n\xff\n", "solver.in, line 2: this is not UTF-8; save the file in UTF-8."),
        (None, "program.templates: "),
    ],
)
def test_what_is_wrong_in_a_template_is_named_with_its_line(template: str | bytes | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(CodeError) as caught:
        read(tmp_path, template=template)
    assert words in caught.value.detail


def test_a_code_has_a_code_py_or_a_program(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "solver/code.py").write_text("")
    with pytest.raises(CodeError, match=r"program: a code with a code\.py has none; remove \[program\], or /.*code\.py"):
        code_toml.read(tmp_path / "solver")
    (tmp_path / "solver/code.py").unlink()
    (tmp_path / "solver/code.toml").write_text('title = "x"\n[models.a]\nkind = "long"\n')
    with pytest.raises(CodeError, match=r"code\.py does not exist: .* or else a \[program\] in its code\.toml"):
        code_toml.read(tmp_path / "solver")


def test_what_older_interpreters_cannot_read_is_refused_here(tmp_path: Path) -> None:
    with pytest.raises(
        CodeError, match=r"code\.toml: line 2: 2024-01-01 is neither .*; older interpreters than this one cannot read it"
    ):
        read(tmp_path, 'title = "x"\nwhen = 2024-01-01\n[program]\ncommand = ["true"]\n')
