"""Job cmd, code madx: where the machine lies in space, by MAD-X's survey, drawn as a floor plan: equal axes, magnets as they stand."""

import math
import os

import madx_optics
import numpy as np
from madx_optics import BLUE, CLEAR, GREEN, GREY, ORANGE, PINK, SKY, YELLOW, axis

FILE = os.path.join("simyard", "survey.npy")
COLUMNS = ("name", "keyword", "s", "l", "angle", "x", "y", "z", "theta", "phi", "psi")
KINDS = {
    "sbend": "dipole", "rbend": "dipole", "dipole": "dipole", "quadrupole": "quadrupole", "sextupole": "sextupole", "octupole": "octupole",
    "rfcavity": "cavity", "twcavity": "cavity", "crabcavity": "cavity", "solenoid": "solenoid",
    "hkicker": "kicker", "vkicker": "kicker", "kicker": "kicker", "tkicker": "kicker", "multipole": "multipole",
}  # fmt: skip
COLOURS = {
    "dipole": GREY, "quadrupole": BLUE, "sextupole": PINK, "octupole": SKY, "cavity": YELLOW, "solenoid": GREEN, "kicker": SKY,
    "multipole": ORANGE,
}  # fmt: skip
#: Half the width of a magnet, as a share of the plan's extent, and relative to a dipole's; an arc has a point for each such angle (rad).
WIDTH, TALL, ARC = 0.013, {"quadrupole": 1.5, "sextupole": 1.25, "multipole": 1.5}, 0.05
#: A ring is closed within this part of its length.
CLOSED = 1e-6


def survey(run):
    """Returns results and warnings. Raises madx.Failed, ValueError."""
    import madx_library as madx  # here, so that the rest can be tested without MAD-X

    sequence = madx.used()
    if not madx.command("survey;") or not madx.rows("survey"):
        raise madx.Failed
    columns = madx.columns("survey", COLUMNS)
    madx_optics.save(run.dir, columns, FILE)
    return results_of(columns, sequence)


def results_of(columns, sequence):
    length = float(columns["s"][-1] - columns["s"][0])
    turn = float(columns["angle"].sum()) / (2 * math.pi)
    gap = math.dist(*([float(columns[axis][end]) for axis in "xyz"] for end in (0, -1)))
    results = {
        "sequence": sequence, "circumference": length, "bending": turn, "gap": gap,
        "width": {"value": float(np.ptp(columns["z"])), "unit": "m", "title": "Extent along Z", "digits": 3},
        "depth": {"value": float(np.ptp(columns["x"])), "unit": "m", "title": "Extent along X", "digits": 3},
        "height": {"value": float(np.ptp(columns["y"])), "unit": "m", "title": "Extent in height, Y", "digits": 3},
    }  # fmt: skip
    warnings = []
    whole = abs(turn) > 0.5 and abs(turn - round(turn)) < CLOSED
    if whole and gap > CLOSED * length:
        warnings.append(
            f"The bends add up to {turn:.6g} × 2π, but the end is {gap:.4g} m from the start: the ring does not close."
        )
    elif abs(turn) > 0.9 and not whole:
        warnings.append(f"The bends add up to {turn:.6g} × 2π: this is no closed ring. Check the dipoles' angles.")
    return results, warnings


def arc(x, z, theta, length, turn):
    """Points (x, z, theta) of an element's axis from where it starts: a drift, or a part of a circle. `turn` is how theta changes,
    which is the negative of the bending angle: that is positive to the right, towards −x."""
    steps = max(1, math.ceil(abs(turn) / ARC))
    part = np.linspace(0, 1, steps + 1)
    if abs(turn) < 1e-12:
        return x + part * length * math.sin(theta), z + part * length * math.cos(theta), np.full(steps + 1, theta)
    radius, turned = length / turn, theta + part * turn
    return x + radius * (math.cos(theta) - np.cos(turned)), z + radius * (np.sin(turned) - math.sin(theta)), turned


def axis_of(columns, row):
    """Points (x, z, theta) of the axis of the element in a row: an arc where it lies flat, else a straight line between its ends."""
    before = max(row - 1, 0)
    x, z, theta, length = (float(columns[name][at]) for name, at in (("x", before), ("z", before), ("theta", before), ("l", row)))
    end_x, end_z = float(columns["x"][row]), float(columns["z"][row])
    turned = float(columns["theta"][row]) - theta
    points = arc(x, z, theta, length, turned)
    if math.hypot(points[0][-1] - end_x, points[1][-1] - end_z) > 1e-6 + 1e-3 * length:
        flat = math.atan2(end_x - x, end_z - z) if (end_x, end_z) != (x, z) else theta
        return np.array([x, end_x]), np.array([z, end_z]), np.array([flat, flat])
    return points


def block(points, half):
    """The outline of a magnet around its axis; closed, and followed by a gap."""
    x, z, theta = points
    across_x, across_z = half * np.cos(theta), -half * np.sin(theta)
    outline_x = np.concatenate([x + across_x, (x - across_x)[::-1], [x[0] + across_x[0], np.nan]])
    return outline_x, np.concatenate([z + across_z, (z - across_z)[::-1], [z[0] + across_z[0], np.nan]])


def draw(run, _):
    columns = madx_optics.load(run.dir, FILE)
    keyword = np.char.lower(columns["keyword"].astype(str))
    extent = max(float(np.ptp(columns["x"])), float(np.ptp(columns["z"])), 1e-3)
    path = [axis_of(columns, row) for row in range(len(keyword))]
    data = [{
        "type": "scatter", "mode": "lines", "x": drawn(np.concatenate([z for _, z, _ in path])), "y": drawn(np.concatenate([x for x, _, _ in path])),
        "line": {"color": GREY, "width": 1}, "hoverinfo": "skip", "showlegend": False, "name": "axis",
    }]  # fmt: skip
    for kind, colour in COLOURS.items():
        rows = [
            row for row, one in enumerate(keyword) if KINDS.get(one) == kind and (columns["l"][row] > 0 or kind == "multipole")
        ]
        if not rows:
            continue
        half = WIDTH * extent * TALL.get(kind, 1.0)
        outlines = [block(path[row], half) for row in rows]
        data.append({
            "type": "scatter", "mode": "lines", "x": drawn(np.concatenate([z for _, z in outlines])),
            "y": drawn(np.concatenate([x for x, _ in outlines])), "fill": "toself", "fillcolor": colour,
            "line": {"color": colour, "width": 1}, "name": kind, "hoverinfo": "skip", "connectgaps": False,
        })  # fmt: skip
        middle = [tuple(part[len(part) // 2] if len(part) > 2 else part.mean() for part in path[row][:2]) for row in rows]
        data.append({
            "type": "scatter", "mode": "markers", "x": drawn(np.array([z for _, z in middle])), "y": drawn(np.array([x for x, _ in middle])),
            "text": [told(columns, row, kind) for row in rows], "marker": {"opacity": 0, "color": colour, "size": 8}, "showlegend": False,
            "hovertemplate": "%{text}<extra></extra>", "name": f"{kind}s",
        })  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "x": [float(columns["z"][0])], "y": [float(columns["x"][0])], "name": "start",
        "marker": {"symbol": "triangle-right", "size": 11, "color": ORANGE}, "hovertemplate": "start<extra></extra>",
    })  # fmt: skip
    turn = float(columns["angle"].sum()) / (2 * math.pi)
    height = float(np.ptp(columns["y"]))
    up = f" · {height:.3g} m between lowest and highest" if height > 1e-6 * extent else ""
    return {
        "data": data,
        "layout": {
            "title": {"text": f"Seen from above · {float(columns['s'][-1]):.6g} m long · bends by {360 * turn:.6g}°{up}"},
            "xaxis": {**axis("Z [m]"), "constrain": "domain"},
            "yaxis": {**axis("X [m]"), "scaleanchor": "x", "scaleratio": 1, "constrain": "domain"},
            "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.22, "yanchor": "top"},
            "hovermode": "closest", "margin": {"l": 64, "r": 24, "t": 48, "b": 72}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        },
    }  # fmt: skip


def drawn(values):
    """Coordinates as they are drawn."""
    return values.astype(np.float32 if np.nanmax(np.abs(values), initial=0) < madx_optics.LONG else np.float64)


def told(columns, row, kind):
    name = str(columns["name"][row]).partition(":")[0].lower()
    angle = f" · {1000 * columns['angle'][row]:.4g} mrad" if columns["angle"][row] else ""
    return f"{name} · {kind}{angle}<br>s {columns['s'][row] - columns['l'][row]:.3f} to {columns['s'][row]:.3f} m · Y {columns['y'][row]:.3g} m"
