"""Job cmd, code xsuite: the optics of a run, kept as one file beside its output, and drawn: curves, with the lattice above them."""

import csv
import os

import numpy as np

FILE = os.path.join("simyard", "optics.npy")
NUMBERS = (
    "s", "length", "angle", "k1l", "k2l", "k3l", "betx", "alfx", "bety", "alfy", "mux", "muy", "dx", "dpx", "dy", "dpy", "x", "y",
)  # fmt: skip
#: Colours that the colour-blind can tell apart (Okabe and Ito).
BLUE, ORANGE, GREEN, PINK, GREY, YELLOW, SKY = "#1f83c6", "#d55e00", "#009e73", "#cc79a7", "#8a8f98", "#e69f00", "#56b4e9"
CLEAR = "rgba(0,0,0,0)"
GRID = "rgba(128,128,128,0.25)"
#: Points of a smooth curve, about; above that many elements the elements alone are enough.
POINTS, MANY = 1500, 4000
#: A place in a ring that is longer (metres) needs double precision.
LONG = 2000.0


def results(table):
    """What is told of a Twiss table of Xtrack's; what is not finite is left out."""
    alfa = float(table.momentum_compaction_factor)
    reference = table.particle_on_co
    found = {
        "tune_x": table.qx, "tune_y": table.qy, "chromaticity_x": table.dqx, "chromaticity_y": table.dqy,
        "beta_x_max": table.betx.max(), "beta_y_max": table.bety.max(), "dispersion_max": table.dx.max(),
        "momentum_compaction": alfa, "gamma_transition": alfa**-0.5 if alfa > 0 else np.nan,
        "circumference": table.line_length, "orbit_x_max": np.abs(table.x).max(), "orbit_y_max": np.abs(table.y).max(),
        "energy": float(reference.energy0[0]) / 1e9,
    }  # fmt: skip
    if table.method == "6d":
        found["tune_s"] = table.qs
    found = {name: float(value) for name, value in found.items()}
    return {**{name: value for name, value in found.items() if np.isfinite(value)}, "method": table.method}


def save(folder, table):
    """Keep what is drawn, as one array with a row for each place where an element begins."""
    number = len(table["s"])
    name, kind = np.asarray(table["name"], str), np.asarray(table["element_type"], str)
    kept = np.zeros(number, [("name", name.dtype), ("kind", kind.dtype), *((one, float) for one in NUMBERS)])
    kept["name"], kept["kind"] = name, kind
    for one in NUMBERS:
        kept[one] = table[one]
    path = os.path.join(folder, FILE)
    with open(path + ".part", "wb") as file:
        np.save(file, kept, allow_pickle=False)
    os.replace(path + ".part", path)


def load(folder):
    try:
        return np.load(os.path.join(folder, FILE), allow_pickle=False)
    except FileNotFoundError:
        raise ValueError("There is no optics to draw yet: the lattice has not been computed.") from None


def rows(run, name):
    """The complete lines of a CSV file of this run, without its head."""
    try:
        with open(os.path.join(run.dir, name), encoding="utf-8", newline="") as file:
            return list(csv.reader(line for line in file if line.endswith("\n")))[1:]
    except FileNotFoundError:
        return []


def smooth(optics, value, slopes):
    """(s, values) with points inside the elements: cubic between values and slopes at their ends, which is exact for beta in a drift."""
    s, v = optics["s"], optics[value]
    if len(s) < 2 or len(s) > MANY:
        return s, v
    lengths = np.diff(s)
    count = np.maximum(1, np.ceil(lengths / max((s[-1] - s[0]) / POINTS, 1e-6) * 0.7)).astype(int)
    count[lengths <= 0] = 1  # two rows at one place: a jump stays a jump
    which = np.repeat(np.arange(len(lengths)), count)
    t = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    h, a, b = lengths[which], v[which], v[which + 1]
    da, db = slopes[which] * h, slopes[which + 1] * h
    curve = a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (2 * (a - b) + da + db)))
    return np.append(s[which] + t * h, s[-1]), np.append(curve, v[-1])


def beta(optics, told):
    traces = [
        line(*smooth(optics, "bet" + plane, -2 * optics["alf" + plane]), f"β<sub>{plane}</sub>", colour)
        for plane, colour in (("x", BLUE), ("y", ORANGE))
    ]
    figure = frame(traces, optics, title(told))
    figure["layout"]["yaxis"] = {**axis("β<sub>x</sub>, β<sub>y</sub> [m]"), "domain": [0, 0.84], "rangemode": "tozero"}
    return figure


def dispersion(optics, told):
    traces = [
        line(*smooth(optics, "d" + plane, optics["dp" + plane]), f"D<sub>{plane}</sub>", colour)
        for plane, colour in (("x", BLUE), ("y", ORANGE))
    ]
    figure = frame(traces, optics, title(told))
    figure["layout"]["yaxis"] = {**axis("D<sub>x</sub>, D<sub>y</sub> [m]"), "domain": [0, 0.84]}
    return figure


def title(told):
    words = [f"Q<sub>{plane}</sub> = {told['tune_' + plane]:.4f}" for plane in "xy" if "tune_" + plane in told]
    words += [
        f"ξ<sub>{plane}</sub> = {told['chromaticity_' + plane] + 0.0:.2f}" for plane in "xy" if "chromaticity_" + plane in told
    ]
    words = [word.replace("= -0.00", "= 0.00") if word.endswith("= -0.00") else word for word in words]
    return " · ".join(([told["sequence"]] if "sequence" in told else []) + [one.replace("-", "−") for one in words])


def line(s, values, name, colour):
    return {
        "type": "scatter", "mode": "lines", "x": places(s), "y": values.astype(np.float32), "name": name,
        "line": {"color": colour, "width": 1.8}, "hovertemplate": "%{y:.3f} m",
    }  # fmt: skip


def places(s):
    """Places along the ring as they are drawn."""
    return np.ascontiguousarray(s, np.float32 if not s.size or np.nanmax(s) < LONG else np.float64)


def axis(text):
    return {"title": {"text": text}, "gridcolor": GRID, "zeroline": False, "ticks": "outside", "ticklen": 4}


def frame(traces, optics, text):
    """A figure over s, with the lattice above."""
    return {
        "data": traces + lattice(optics),
        "layout": {
            "title": {"text": text, "x": 0.5},
            "xaxis": {**axis("s [m]"), "range": [float(optics["s"][0]), float(optics["s"][-1])], "anchor": "y"},
            "yaxis3": {"domain": [0.87, 1], "range": [-1.1, 1.1], "visible": False, "fixedrange": True, "anchor": "x"},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.2, "yanchor": "top"},
            "margin": {"l": 64, "r": 32, "t": 48, "b": 88},
            "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        },
    }  # fmt: skip


def lattice(optics):
    """The elements as blocks: a focusing quadrupole stands above the line, a defocusing one hangs below it."""
    kind, start = optics["kind"], optics["s"]
    end = start + optics["length"]
    bends = (optics["angle"] != 0) & (kind != "Drift")
    cavity = kind == "Cavity"
    straight = ~bends & ~cavity
    kinds = (
        ("dipole", GREY, bends, -0.45, 0.45),
        ("quadrupole, focusing in x", BLUE, straight & (optics["k1l"] > 0), 0, 1.0),
        ("quadrupole, focusing in y", ORANGE, straight & (optics["k1l"] < 0), -1.0, 0),
        ("sextupole", PINK, straight & (optics["k2l"] != 0) & (optics["k1l"] == 0), -0.7, 0.7),
        ("octupole", SKY, straight & (optics["k3l"] != 0) & (optics["k2l"] == 0), -0.55, 0.55),
        ("cavity", YELLOW, cavity, -0.6, 0.6),
    )
    traces = [{
        "type": "scatter", "mode": "lines", "x": [float(start[0]), float(start[-1])], "y": [0, 0], "yaxis": "y3",
        "line": {"color": GREY, "width": 1}, "hoverinfo": "skip", "showlegend": False,
    }]  # fmt: skip
    for name, colour, which, low, high in kinds:
        if which.any():
            traces.append(blocks(start[which], end[which], low, high, name, colour))
    return traces


def blocks(start, end, low, high, name, colour):
    lower, upper, gap = (np.full(len(start), one) for one in (low, high, np.nan))
    x = places(np.stack([start, start, end, end, start, gap], 1).ravel())
    y = np.stack([lower, upper, upper, lower, lower, gap], 1).ravel()
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y.astype(np.float32), "yaxis": "y3", "fill": "toself", "fillcolor": colour,
        "line": {"color": colour, "width": 1}, "name": name, "hoverinfo": "skip", "connectgaps": False, "showlegend": False,
    }  # fmt: skip
