"""`simyard code new`: a folder with a code that works, to be changed into another."""

from __future__ import annotations

import re
from pathlib import Path

from simyard.errors import Conflict, InvalidRequest

_TOML = """\
# All keys: docs/reference/code-toml.md. Try it: simyard code test @NAME@
title = "@TITLE@"
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


def make(name: str, folder: str) -> Path:
    """Make the folder `name` in `folder`, and answer with its path. Raises InvalidRequest, Conflict."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
        raise InvalidRequest(
            "invalid-name", f"A code cannot be called {name!r}: lower-case letters, digits, - and _, beginning with a letter."
        )
    target = Path(folder).expanduser().absolute() / name
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise Conflict("in-the-way", f"{target} is there already; choose another name.") from None
    title = name.replace("-", " ").replace("_", " ").capitalize()
    for file, text in (("code.toml", _TOML), ("code.py", _PY)):
        (target / file).write_text(text.replace("@NAME@", str(target)).replace("@TITLE@", title), "utf-8")
    return target
