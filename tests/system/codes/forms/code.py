"""Tells what it was given, as results, and draws the table."""

import json
import os


def prepare(run):
    return show


def show(run):
    with open(os.path.join(run.dir, "given.json"), "w") as file:
        json.dump(run.inputs, file)


def finish(run):
    inputs = run.inputs
    return {"results": {"cells": inputs["cells"], "phase": inputs["phase"], "charge": inputs["charge"], "rows": len(inputs["magnets"])}}


def report(run, name, frame):
    magnets = run.inputs["magnets"]
    return {
        "data": [{"type": "bar", "x": [one["position"] for one in magnets], "y": [one["strength"] for one in magnets]}],
        "layout": {"xaxis": {"title": {"text": "position [m]"}}, "yaxis": {"title": {"text": "strength [1/m²]"}}},
    }
