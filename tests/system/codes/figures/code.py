"""A code that draws every sort of figure, and films: what the page's plots are tested and measured with."""

import time
from typing import Any

import numpy as np

SIZE = 256


def prepare(run: Any) -> Any:
    return film if run.model == "film" else draw


def draw(run: Any) -> None:
    run.log("drawn")


def film(run: Any) -> None:
    frames, seconds = run.inputs["frames"], run.inputs["seconds"]
    for frame in range(frames):
        run.progress(fraction=(frame + 1) / frames, frames=frame + 1, message=f"frame {frame + 1}")
        time.sleep(seconds / frames)


def report(run: Any, name: str, frame: int) -> dict[str, Any]:
    return FIGURES[name](run.inputs["shift"], frame)


def axis(text: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": text}, **more}


def lines(shift: float, _frame: int) -> dict[str, Any]:
    x = np.linspace(0.0, 10.0, 4000)
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": x, "y": np.sin(x + 0.7 * index + shift), "name": f"wave {index + 1}"}
            for index in range(3)
        ],
        "layout": {"title": {"text": f"Shift {shift:g}"}, "xaxis": axis("time [s]"), "yaxis": axis("height [mm]")},
    }


def decades(_shift: float, _frame: int) -> dict[str, Any]:
    x = np.arange(1, 200)
    return {
        "data": [{"type": "scatter", "x": x, "y": np.where(x % 50 == 0, -1.0, x**2.0), "name": "square"}],
        "layout": {"xaxis": axis("n"), "yaxis": axis("n²")},
    }


def heat(shift: float, _frame: int) -> dict[str, Any]:
    x = np.linspace(-2.0, 2.0, 80)
    z = np.exp(-(x[None, :] ** 2) - (x[:, None] - shift) ** 2)
    return {
        "data": [{"type": "heatmap", "x": x, "y": x * 2, "z": z, "colorbar": {"title": {"text": "density [1/mm²]"}}}],
        "layout": {"xaxis": axis("x [mm]"), "yaxis": axis("y [mm]")},
    }


def surface(_shift: float, _frame: int) -> dict[str, Any]:
    x = np.linspace(-3.0, 3.0, 60)
    z = np.sin(x[None, :] ** 2 + x[:, None] ** 2) * np.exp(-0.2 * (x[None, :] ** 2 + x[:, None] ** 2))
    scene = {"xaxis": axis("x"), "yaxis": axis("y"), "zaxis": axis("z")}
    return {"data": [{"type": "surface", "x": x, "y": x, "z": z}], "layout": {"title": {"text": "A surface"}, "scene": scene}}


def points(_shift: float, _frame: int) -> dict[str, Any]:
    t = np.linspace(0.0, 20.0, 400)
    marker = {"size": 3, "color": t, "colorscale": "Viridis"}
    return {"data": [{"type": "scatter3d", "mode": "markers", "x": np.sin(t), "y": np.cos(t), "z": t, "marker": marker}]}


def mesh(_shift: float, _frame: int) -> dict[str, Any]:
    return {"data": [{"type": "mesh3d", "x": [0, 1, 0, 0], "y": [0, 0, 1, 0], "z": [0, 0, 0, 1], "opacity": 0.7, "alphahull": 0}]}


def polar(_shift: float, _frame: int) -> dict[str, Any]:
    t = np.linspace(0.0, 360.0, 200)
    return {"data": [{"type": "scatterpolar", "mode": "lines", "theta": t, "r": 1 + np.cos(np.radians(3 * t))}]}


def ternary(_shift: float, _frame: int) -> dict[str, Any]:
    a = np.linspace(0.0, 1.0, 30)
    return {"data": [{"type": "scatterternary", "mode": "markers", "a": a, "b": (1 - a) * a, "c": (1 - a) ** 2}]}


def parallel(_shift: float, _frame: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    dimensions = [{"label": f"p{index}", "values": random.normal(size=60)} for index in range(4)]
    return {"data": [{"type": "parcoords", "dimensions": dimensions}]}


def flow(_shift: float, _frame: int) -> dict[str, Any]:
    node = {"label": ["beam", "target", "dump", "detector"]}
    return {"data": [{"type": "sankey", "node": node, "link": {"source": [0, 0, 1], "target": [1, 2, 3], "value": [8, 2, 5]}}]}


def rows(_shift: float, _frame: int) -> dict[str, Any]:
    return {"data": [{"type": "table", "header": {"values": ["name", "length [m]"]}, "cells": {"values": [["qf", "qd"], [0.5, 0.5]]}}]}


def atlas(_shift: float, _frame: int) -> dict[str, Any]:
    return {"data": [{"type": "scattergeo", "lon": [6.05, 8.2], "lat": [46.23, 47.5], "mode": "markers"}]}


def odd(_shift: float, _frame: int) -> dict[str, Any]:
    return {"data": [{"type": "hologram", "x": [1]}]}


def field(shift: float, frame: int) -> dict[str, Any]:
    x = np.linspace(-1.0, 1.0, SIZE, dtype=np.float32)
    turn = 0.05 * frame + shift
    z = np.sin(9 * x[None, :] + turn) * np.cos(7 * x[:, None] - turn) + 0.3 * np.sin(40 * (x[None, :] ** 2 + x[:, None] ** 2) - 3 * turn)
    return {
        "data": [{"type": "heatmap", "z": z.astype(np.float32), "x0": 0, "dx": 1, "y0": 0, "dy": 1, "zmin": -1.3, "zmax": 1.3, "colorscale": "Viridis"}],
        "layout": {
            "title": {"text": f"Frame {frame + 1}"}, "xaxis": axis("x [cells]"), "yaxis": axis("y [cells]", scaleanchor="x"),
        },
    }  # fmt: skip


def cloud(shift: float, frame: int) -> dict[str, Any]:
    random = np.random.default_rng(2)
    radius, phase = random.rayleigh(1.0, 1000), random.uniform(0, 6.3, 1000) + 0.05 * frame + shift
    marker = {"size": 4, "color": radius, "cmin": 0, "cmax": 3, "colorscale": "Viridis", "showscale": True}
    return {
        "data": [{"type": "scatter", "mode": "markers", "x": radius * np.cos(phase), "y": radius * np.sin(phase), "marker": marker}],
        "layout": {"title": {"text": f"Turn {frame}"}, "xaxis": axis("x [mm]", range=[-4, 4]), "yaxis": axis("p [mrad]", range=[-4, 4])},
    }


FIGURES = {
    "lines": lines, "decades": decades, "heat": heat, "surface": surface, "points": points, "mesh": mesh, "polar": polar, "ternary": ternary,
    "parallel": parallel, "flow": flow, "rows": rows, "map": atlas, "odd": odd, "field": field, "cloud": cloud,
}  # fmt: skip
