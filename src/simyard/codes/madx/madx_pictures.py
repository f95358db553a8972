"""Job cmd, code madx: draws what tracked particles did: phase space, one picture for each share of the turns, and the survivors."""

import csv
import os

import numpy as np
from madx_optics import BLUE, CLEAR, ORANGE, axis
from madx_track import FRAMES, LOSSES, SURVIVORS

#: For points on a light page as on a dark one, of which viridis would lose either end: nearly as light everywhere, from blue to gold.
SCALE = [[0.0, "#3f74dc"], [0.35, "#a655bd"], [0.7, "#e2603f"], [1.0, "#d9a100"]]


def count(run):
    try:
        return sum(name.endswith(".npy") for name in os.listdir(os.path.join(run.dir, FRAMES)))
    except FileNotFoundError:
        return 0


def frame(run, number):
    return np.load(os.path.join(run.dir, FRAMES, f"{number:05d}.npy"), allow_pickle=False)


def phase_space(run, number):
    have = count(run)
    number = have - 1 if number < 0 else number
    if not 0 <= number < have:
        raise ValueError(f"There is no frame {number + 1} yet: {have} have been written." if have else "There is no frame yet.")
    points, first = frame(run, number), frame(run, 0)
    particles = run.inputs["particles"]
    data, layout = [], {}
    for index, (plane, column) in enumerate((("x", 2), ("y", 4))):
        suffix = "" if index == 0 else "2"
        data.append({
            "type": "scatter", "mode": "markers", "x": points[:, column] * 1e3, "y": points[:, column + 1] * 1e3,
            "xaxis": "x" + suffix, "yaxis": "y" + suffix, "showlegend": False,
            "marker": {
                "size": 3, "opacity": 0.85, "color": (points[:, 0] + 1) / particles, "cmin": 0, "cmax": 1, "colorscale": SCALE,
                "showscale": index == 0,
                "colorbar": {"title": {"text": "start / largest", "side": "right"}, "thickness": 10, "outlinewidth": 0},
            },
            "customdata": points[:, :2].astype(np.int32),
            "hovertemplate": f"{plane} %{{x:.3f}} mm, p<sub>{plane}</sub> %{{y:.4f}}<br>particle %{{customdata[0]}}, turn %{{customdata[1]}}<extra></extra>",
        })  # fmt: skip
        wide = [
            round_up(1.05e3 * max(float(np.abs(some[:, c]).max(initial=1e-9)) for some in (points, first)))
            for c in (column, column + 1)
        ]
        layout["xaxis" + suffix] = {
            **axis(f"{plane} [mm]"), "domain": [0.56 * index, 0.56 * index + 0.44], "anchor": "y" + suffix, "range": [-wide[0], wide[0]],
        }  # fmt: skip
        layout["yaxis" + suffix] = {**axis(f"p<sub>{plane}</sub> [10⁻³]"), "anchor": "x" + suffix, "range": [-wide[1], wide[1]]}
    turns = f"turns {int(points[:, 1].min())} to {int(points[:, 1].max())}" if len(points) else "no particle is left"
    alive = len(np.unique(points[:, 0][points[:, 1] == points[:, 1].max()])) if len(points) else 0
    layout.update({
        "title": {"text": f"Phase space, {turns} · {alive} of {particles} particles alive"},
        "margin": {"l": 64, "r": 24, "t": 48, "b": 56}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "hovermode": "closest",
    })  # fmt: skip
    return {"data": data, "layout": layout}


def round_up(value):
    """The next round number: axes that stay from one frame to the next, which a film plays the faster for."""
    ten = 10.0 ** np.floor(np.log10(value))
    return float(next(step * ten for step in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * ten >= value * (1 - 1e-9)))


def rows(run, name):
    """The complete lines of a CSV file of this run, without its head."""
    try:
        with open(os.path.join(run.dir, name), encoding="utf-8", newline="") as file:
            return list(csv.reader(line for line in file if line.endswith("\n")))[1:]
    except FileNotFoundError:
        return []


def survival(run, _):
    seen = rows(run, SURVIVORS)
    if not seen:
        raise ValueError("There is no turn yet: the run has only just begun.")
    particles, done = run.inputs["particles"], int(seen[-1][0])
    lost = sorted((int(turn), int(particle)) for particle, turn, *_ in rows(run, LOSSES))
    lost = [one for one in lost if one[0] <= done]
    x = [0, *(turn for turn, _ in lost), done]
    y = [particles, *(particles - number for number in range(1, len(lost) + 1)), particles - len(lost)]
    amplitude = np.arange(1, particles + 1) / particles * run.inputs["amplitude_x"]
    gone = np.array([particle for _, particle in lost], int)
    stay = np.setdiff1d(np.arange(particles), gone)
    marker = {"type": "scatter", "mode": "markers", "xaxis": "x2", "yaxis": "y2"}
    return {
        "data": [
            {
                "type": "scatter", "mode": "lines", "x": np.array(x, np.int32), "y": np.array(y, np.int32), "showlegend": False,
                "line": {"shape": "hv", "color": BLUE, "width": 2}, "hovertemplate": "turn %{x}: %{y} particles<extra></extra>",
            },
            {
                **marker, "x": amplitude[stay], "y": np.full(len(stay), done), "name": "alive", "marker": {"color": BLUE, "size": 6},
                "hovertemplate": "started at %{x:.2f} mm, alive after %{y} turns<extra></extra>",
            },
            {
                **marker, "x": amplitude[gone], "y": np.maximum(1, np.array([turn for turn, _ in lost], np.int32)), "name": "lost",
                "marker": {"color": ORANGE, "size": 7, "symbol": "x"}, "hovertemplate": "started at %{x:.2f} mm, lost in turn %{y}<extra></extra>",
            },
        ],
        "layout": {
            "title": {"text": f"{particles - len(lost)} of {particles} particles alive after {done:,} turns"},
            "xaxis": {**axis("turn"), "domain": [0, 0.44], "rangemode": "tozero"},
            "yaxis": {**axis("particles alive"), "rangemode": "tozero"},
            "xaxis2": {**axis("start x [mm]"), "domain": [0.56, 1], "anchor": "y2", "rangemode": "tozero"},
            "yaxis2": {**axis("turns survived"), "anchor": "x2", "type": "log", "dtick": 1, "range": [-0.15, np.log10(max(done, 10)) + 0.15]},
            "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 64, "r": 24, "t": 56, "b": 56}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        },
    }  # fmt: skip
