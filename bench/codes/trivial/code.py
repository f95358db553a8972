"""What the bench runs: /bin/true, sleep, and a small report made with numpy."""

import numpy as np


def prepare(run):
    if run.model == "sleep":
        return ["sleep", str(run.inputs["seconds"])]
    return ["true"]


def report(run, name, frame):
    return curve(frame)


def curve(frame):
    """The work of a report; the bare fork server does the same."""
    x = np.linspace(0.0, 10.0, 1000)
    return {"data": [{"type": "scatter", "x": x, "y": np.sin(x + frame)}], "layout": {}}
