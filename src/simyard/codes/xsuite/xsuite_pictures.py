"""Job cmd, code xsuite: draws what tracked particles did: phase space and losses, a picture for each share of the turns; survivors; tunes."""

import os

import numpy as np
from xsuite_optics import BLUE, CLEAR, GREY, ORANGE, axis, lattice, load, rows

FRAMES = os.path.join("simyard", "frames")
LOSSES = os.path.join("simyard", "losses.csv")
SURVIVORS = os.path.join("simyard", "survivors.csv")
TUNES = os.path.join("simyard", "tunes.csv")
#: For points on a light page as on a dark one, of which viridis would lose either end: nearly as light everywhere, from blue to gold.
SCALE = [[0.0, "#3f74dc"], [0.35, "#a655bd"], [0.7, "#e2603f"], [1.0, "#d9a100"]]
LAYOUT = {"margin": {"l": 64, "r": 24, "t": 48, "b": 56}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "hovermode": "closest"}
#: A picture of momenta is not narrower than this: a beam without a spread is a point, not the noise of its last digits.
LEAST = {7: 1e-4}
#: Resonances m Qx + n Qy = p are drawn up to this order |m| + |n|.
ORDER = 4
#: The planes of a picture of phase space: name, column of a frame, factor and unit of the position, words and unit of the momentum.
PLANES = (
    ("x", 2, 1e3, "mm", "p<sub>x</sub> [10⁻³]"),
    ("y", 4, 1e3, "mm", "p<sub>y</sub> [10⁻³]"),
    ("ζ", 6, 1.0, "m", "δ [10⁻³]"),
)


def count(run):
    try:
        return sum(name.endswith(".npy") for name in os.listdir(os.path.join(run.dir, FRAMES)))
    except FileNotFoundError:
        return 0


def points(run, number):
    return np.load(os.path.join(run.dir, FRAMES, f"{number:05d}.npy"), allow_pickle=False)


def chosen(run, number):
    """The number of a frame that is there; the last one for -1."""
    have = count(run)
    number = have - 1 if number < 0 else number
    if not 0 <= number < have:
        raise ValueError(f"There is no frame {number + 1} yet: {have} have been written." if have else "There is no frame yet.")
    return number


def phase_space(run, number):
    number = chosen(run, number)
    now, first = points(run, number), points(run, 0)
    data, layout = [], {}
    for index, (plane, column, factor, unit, momentum) in enumerate(PLANES):
        suffix = "" if index == 0 else str(index + 1)
        data.append({
            "type": "scatter", "mode": "markers", "x": now[:, column] * np.float32(factor), "y": now[:, column + 1] * np.float32(1e3),
            "xaxis": "x" + suffix, "yaxis": "y" + suffix, "showlegend": False, "name": plane,
            "marker": {
                "size": 3, "opacity": 0.8, "color": now[:, 0], "cmin": 0, "cmax": max(1, run.inputs["particles"] - 1),
                "colorscale": SCALE, "showscale": index == len(PLANES) - 1,
                "colorbar": {"title": {"text": "particle", "side": "right"}, "thickness": 10, "outlinewidth": 0},
            },
            "customdata": now[:, :2].astype(np.int32),
            "hovertemplate": f"{plane} %{{x:.3f}} {unit}<br>%{{y:.4f}} · 10⁻³<br>particle %{{customdata[0]}}, turn %{{customdata[1]}}<extra></extra>",
        })  # fmt: skip
        wide = [
            round_up(1.05 * scale * max(float(np.abs(some[:, at]).max(initial=LEAST.get(at, 1e-9))) for some in (now, first)))
            for at, scale in ((column, factor), (column + 1, 1e3))
        ]
        domain = [0.36 * index, 0.36 * index + 0.26]
        layout["xaxis" + suffix] = {
            **axis(f"{plane} [{unit}]"), "domain": domain, "anchor": "y" + suffix, "range": [-wide[0], wide[0]],
        }  # fmt: skip
        layout["yaxis" + suffix] = {**axis(momentum), "anchor": "x" + suffix, "range": [-wide[1], wide[1]]}
    _, last = turns_of(run, number)
    layout["title"] = {
        "text": f"Phase space up to turn {last:,} · {left(run, last)} of {run.inputs['particles']} particles alive"
    }
    return {"data": data, "layout": {**LAYOUT, **layout}}


def turns_of(run, number):
    """The turns that a frame is of: behind which, up to which."""
    turns = run.inputs["turns"]
    frames = min(run.inputs["frames"], turns)
    return -(-number * turns // frames), -(-(number + 1) * turns // frames)


def left(run, turn):
    return run.inputs["particles"] - sum(one[1] <= turn for one in lost(run))


def lost(run):
    """Rows of particle, turn, s, element, x, y of each particle that was lost, in the order of their loss."""
    found = [
        (int(particle), int(turn), float(s), element, float(x), float(y))
        for particle, turn, s, element, x, y in rows(run, LOSSES)
    ]
    return sorted(found, key=lambda one: (one[1], one[0]))


def round_up(value):
    """The next round number: axes that stay from one frame to the next, which a film plays the faster for."""
    ten = 10.0 ** np.floor(np.log10(value))
    return float(next(step * ten for step in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * ten >= value * (1 - 1e-9)))


def losses(run, number):
    """Where along the ring, and when: all that was lost up to the end of the frame's turns."""
    number = chosen(run, number)
    optics, (_, last) = load(run.dir), turns_of(run, number)
    gone = [one for one in lost(run) if one[1] <= last]
    particle, turn, s, element, x, y = zip(*gone, strict=True) if gone else ((),) * 6
    told = [
        f"particle {one} at {name}, x {1e3 * a:.2f} mm, y {1e3 * b:.2f} mm"
        for one, name, a, b in zip(particle, element, x, y, strict=True)
    ]
    turns = run.inputs["turns"]
    return {
        "data": [
            {
                "type": "scatter", "mode": "markers", "x": np.array(s, np.float32), "y": np.array(turn, np.int32), "text": told,
                "marker": {"size": 6, "color": ORANGE, "opacity": 0.7}, "name": "lost", "showlegend": False,
                "hovertemplate": "s %{x:.2f} m, turn %{y}<br>%{text}<extra></extra>",
            },
            *lattice(optics),
        ],
        "layout": {
            **LAYOUT,
            "title": {"text": f"{len(gone)} of {run.inputs['particles']} particles lost up to turn {last:,}"},
            "xaxis": {**axis("s [m]"), "range": [float(optics["s"][0]), float(optics["s"][-1])], "anchor": "y"},
            "yaxis": {**axis("turn"), "domain": [0, 0.84], "range": [0, turns * 1.02]},
            "yaxis3": {"domain": [0.87, 1], "range": [-1.1, 1.1], "visible": False, "fixedrange": True, "anchor": "x"},
            "annotations": [] if gone else [{"text": "no particle is lost", "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.42}],
        },
    }  # fmt: skip


def survival(run):
    seen = rows(run, SURVIVORS)
    if len(seen) < 2:
        raise ValueError("There is no turn yet: the run has only just begun.")
    particles, done = run.inputs["particles"], int(seen[-1][0])
    turn = [one[1] for one in lost(run) if one[1] <= done]
    x = np.array([0, *turn, done], np.int32)
    y = np.array([*range(particles, particles - len(turn) - 1, -1), particles - len(turn)], np.int32)
    return {
        "data": [
            {
                "type": "scatter", "mode": "lines", "x": x, "y": (100 * y / particles).astype(np.float32), "showlegend": False,
                "line": {"shape": "hv", "color": BLUE, "width": 2}, "customdata": y, "name": "alive",
                "hovertemplate": "turn %{x}: %{customdata} particles, %{y:.2f} %<extra></extra>",
            },
        ],
        "layout": {
            **LAYOUT,
            "title": {"text": f"{particles - len(turn)} of {particles} particles alive after {done:,} turns"},
            "xaxis": {**axis("turn"), "rangemode": "tozero"},
            "yaxis": {**axis("particles alive [%]"), "rangemode": "tozero"},
        },
    }  # fmt: skip


def footprint(run):
    found = rows(run, TUNES)
    if not found:
        raise ValueError(
            f"There are no tunes yet: they need the first {min(run.inputs['tune_turns'], run.inputs['turns'])} turns, at least 16."
        )
    table = np.array(found, float)
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        raise ValueError("No particle that survived moves enough to have a tune.")
    x, y = table[:, 1], table[:, 2]
    around = [window(one) for one in (x, y)]
    return {
        "data": [
            *resonances(*around),
            {
                "type": "scatter", "mode": "markers", "x": x, "y": y, "name": "particle", "showlegend": False,
                "marker": {
                    "size": 5, "color": (table[:, 3] + table[:, 4]).astype(np.float32), "colorscale": SCALE, "showscale": True,
                    "colorbar": {"title": {"text": "J<sub>x</sub> + J<sub>y</sub> [µm]", "side": "right"}, "thickness": 10, "outlinewidth": 0},
                },
                "customdata": table[:, 0].astype(np.int32),
                "hovertemplate": "Q<sub>x</sub> %{x:.5f}, Q<sub>y</sub> %{y:.5f}<br>particle %{customdata}<extra></extra>",
            },
        ],
        "layout": {
            **LAYOUT,
            "title": {"text": f"Tunes of {len(table)} particles"},
            "xaxis": {**axis("fractional tune Q<sub>x</sub>"), "range": around[0]},
            "yaxis": {**axis("fractional tune Q<sub>y</sub>"), "range": around[1]},
        },
    }  # fmt: skip


def window(values):
    low, high = float(values.min()), float(values.max())
    margin = max(0.25 * (high - low), 3e-4)
    return [max(low - margin, 0.0), min(high + margin, 1.0)]


def resonance(m, n, p):
    """The equation m Qx + n Qy = p, as one writes it."""
    terms = [f"{'' if abs(one) == 1 else f'{abs(one)} '}Q<sub>{plane}</sub>" for one, plane in ((m, "x"), (n, "y")) if one]
    return f"{'−' if not m and n < 0 else ''}{(' + ' if n > 0 else ' − ').join(terms)} = {p}"


def resonances(x_range, y_range):
    """The lines m Qx + n Qy = p that cross the picture."""
    lines = []
    for m in range(ORDER + 1):
        for n in range(-ORDER, ORDER + 1):
            if not 0 < m + abs(n) <= ORDER or (m == 0 and n < 0):
                continue
            values = [m * a + n * b for a in x_range for b in y_range]
            for p in range(int(np.ceil(min(values))), int(np.floor(max(values))) + 1):
                if np.gcd.reduce((m, n, p)) > 1:
                    continue  # it is one of a lower order
                if n:
                    x, y = x_range, [(p - m * a) / n for a in x_range]
                else:
                    x, y = [p / m] * 2, y_range
                words = resonance(m, n, p)
                lines.append({
                    "type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "showlegend": False, "name": words,
                    "line": {"color": GREY, "width": 2.4 - 0.45 * (m + abs(n)), "dash": "dot"}, "hovertemplate": words + "<extra></extra>",
                })  # fmt: skip
    return lines
