"""`simyard code new`: a folder with a code that works, to be changed into another; or one of a program."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from simyard.codes.toml_section import NAME, NAME_RULE, title_of
from simyard.codes.toml_words import quoted
from simyard.errors import Conflict, InvalidRequest

_TOML = """\
# All keys: docs/reference/code-toml.md. Try it: simyard code test @NAME@
title = @TITLE@
description = "A damped pendulum, until you make something else of it."
python = ""      # "" is Simyard's own Python; a name here is an environment of its own, with what `requires` lists

[inputs.angle]
type = "number"
title = "First angle"
unit = "degrees"
default = 60.0
minimum = -180.0
maximum = 180.0
help = "From hanging straight down"

[inputs.damping]
type = "number"
title = "Damping"
unit = "1/s"
default = 0.2
minimum = 0.0
maximum = 10.0

[inputs.seconds]
type = "number"
title = "Duration"
unit = "s"
default = 20.0
minimum = 0.1
maximum = 10000.0

[models.swing]
title = "Swing"
kind = "quick"
reports = ["curve"]
memory = "256 MiB"
time_limit = 60

[reports.curve]
title = "Angle"

[examples.gentle]
title = "A gentle swing"
inputs = { angle = 20.0, damping = 0.1 }
"""

_PY = '''\
"""@TITLE@: what Simyard calls. All functions: docs/reference/code-py.md."""

import csv
import math

CURVE = "curve.csv"
STEP = 0.005


def prepare(run):
    """What to run: a function, or a command line such as ["./program", "input.txt"]. The folder is `run.dir`."""
    return swing


def swing(run):
    angle, speed = math.radians(run.inputs["angle"]), 0.0
    steps = max(1, int(run.inputs["seconds"] / STEP))
    with open(CURVE, "w") as file:
        write = csv.writer(file).writerow
        write(("time", "angle"))
        for step in range(steps):
            speed += STEP * (-9.81 * math.sin(angle) - run.inputs["damping"] * speed)
            angle += STEP * speed
            if step % 10 == 0:
                write((round(step * STEP, 3), math.degrees(angle)))
                run.progress(float(step) / steps)


def curve():
    with open(CURVE) as file:
        rows = list(csv.reader(file))[1:]
    return [float(row[0]) for row in rows], [float(row[1]) for row in rows]


def report(run, name, frame):
    """A Plotly figure."""
    time, angle = curve()
    return {
        "data": [{"type": "scatter", "x": time, "y": angle, "name": "angle"}],
        "layout": {"xaxis": {"title": {"text": "time [s]"}}, "yaxis": {"title": {"text": "angle [degrees]"}}},
    }


def finish(run):
    """Called when it has ended by itself: the numbers that people want to see first."""
    if run.exit_code == 0:
        return {"results": {"largest angle": max(abs(one) for one in curve()[1])}}
'''

_PROGRAM_TOML = """\
# All keys: docs/reference/code-toml.md (a code without Python). How to: docs/how-to/add-a-program.md.
# Try it: simyard code test @NAME@
title = @TITLE@
description = "A program that reads an input file."

[program]
command = @COMMAND@
templates = @TEMPLATES@      # in them, ${name} becomes the value of an input
# error = 'ERROR: (.*)'      # finds the line of output by which the program says that it failed

# [progress]                 # finds how far it is, in what it prints
# pattern = 'step (?P<step>\\d+) of (?P<total>\\d+)'
@INPUTS@
[models.run]
title = "Run"
kind = "long"
memory = "1 GiB"

# reports = ["curve"]        # of [models.run]; and of the file that the program writes:
# [reports.curve]
# title = "Curve"
# file = "output.csv"
# x = "time"
# y = ["position"]

# [results.energy]           # a number in what it prints
# unit = "J"
# pattern = 'energy = (\\S+)'

[examples.first]
title = "A first case"
"""
_STEPS = """
[inputs.steps]
type = "integer"
title = "Steps"
default = 100
minimum = 1
"""
_TEMPLATE = "steps = ${steps}\n"
#: A file that is named on a command line and is larger than this is data, not a template (bytes).
_MAX_TEMPLATE = 1 << 20
#: A word with a suffix, which a file has and an option or a number has not.
_FILE = re.compile(r"(?!-)[^=${}]*\.[A-Za-z][A-Za-z0-9]*$")


def check_name(name: str) -> str:
    """The name, if a code can be called so. Raises InvalidRequest."""
    if not NAME.match(name):
        raise InvalidRequest("invalid-name", f"A code cannot be called {name!r}: it {NAME_RULE}.")
    return name


def make(name: str, folder: str, *, title: str = "", program: str | None = None) -> Path:
    """Make the folder `name` in `folder`, and answer with its path. Raises InvalidRequest, Conflict.

    With `program`, a command line, it is a code of that program, without a code.py: the files that the command line names are
    copied and become templates as they are; where it names none, there is one with an input to begin from.
    """
    check_name(name)
    title = title.strip() or title_of(name)
    files = _python_files(title) if program is None else _program_files(title, program)
    target = Path(folder).expanduser().resolve() / name
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise Conflict("in-the-way", f"{target} is there already; choose another name.") from None
    except OSError as error:
        raise InvalidRequest("no-folder", f"{target} cannot be made: {error.strerror}.") from None
    for file, text in files.items():
        (target / file).write_text(text.replace("@NAME@", str(target)) if file == "code.toml" else text, "utf-8")
    return target


def doubts(program: str) -> list[str]:
    """What of a command line may be a mistake: a program that is not on PATH, words that look like files and name none."""
    first, *rest = shlex.split(program)
    said = [] if "/" in first or shutil.which(first) or Path(first).is_file() else [f"{first} is not on PATH."]
    return said + [
        f"There is no file {word} here, so it stays a word of the command."
        for word in rest
        if _FILE.match(word) and not Path(word).expanduser().exists()
    ]


def _python_files(title: str) -> dict[str, str]:
    words = title.replace("\\", " ").replace('"', "'")  # in a docstring
    return {"code.toml": _TOML.replace("@TITLE@", quoted(title)), "code.py": _PY.replace("@TITLE@", words)}


def _program_files(title: str, program: str) -> dict[str, str]:
    try:
        words = shlex.split(program)
    except ValueError as error:
        raise InvalidRequest("bad-command", f"The command line {program!r} cannot be read: {error}.") from None
    if not words:
        raise InvalidRequest("bad-command", "The command line is empty: write the program and its arguments, in quotes.")
    command = [escape(_program(words[0]))]
    files: dict[str, str] = {}
    for word in words[1:]:
        if (text := _template(word)) is not None:
            name = Path(word).name
            if name in {"code.toml", "code.py"} or name in files:
                raise InvalidRequest("bad-command", f"{word} cannot be a template: there would be two files called {name}.")
            files[name] = escape(text)
            command.append(name)
        else:
            command.append(escape(word))
    inputs = ""
    if not files:
        inputs, files["input.txt"] = _STEPS, _TEMPLATE
        command.append("input.txt")
    toml = _PROGRAM_TOML.replace("@TITLE@", quoted(title)).replace("@INPUTS@", inputs)
    toml = toml.replace("@COMMAND@", _list(command)).replace("@TEMPLATES@", _list(files))
    return {"code.toml": toml, **files}


def _program(word: str) -> str:
    """The program as a code.toml names it: absolute where it is a path, for a run has a folder of its own."""
    path = Path(word).expanduser().absolute()
    if "/" in word and not path.is_file():
        raise InvalidRequest("no-program", f"There is no program {path}.")
    return str(path) if "/" in word or (shutil.which(word) is None and path.is_file()) else word


def _template(word: str) -> str | None:
    """The text of the file that a word names; None where it names none, or one that is no text."""
    try:
        path = Path(word).expanduser()
        return path.read_text("utf-8") if path.is_file() and path.stat().st_size <= _MAX_TEMPLATE else None
    except (OSError, ValueError):
        return None


def escape(text: str) -> str:
    """The template that becomes this text again."""
    return text.replace("${", "$${")


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, words))}]"
