"""Job cmd, code madx: the optics of a run, kept as one file beside its output, and drawn: curves, with the lattice above them."""

import os

import numpy as np

FILE = os.path.join("simyard", "optics.npy")
#: What runs before that kept instead.
OLDER_FILE = os.path.join("simyard", "optics.npz")
COLUMNS = (
    "name", "keyword", "s", "l", "angle", "k0l", "k1l", "k2l", "k3l", "tilt",
    "betx", "alfx", "bety", "alfy", "mux", "muy", "dx", "dpx", "dy", "dpy", "x", "y",
)  # fmt: skip
#: What a Twiss with chrom has besides: they are all 0 without it.
CHROMATIC = ("wx", "phix", "dmux", "wy", "phiy", "dmuy", "ddx", "ddpx", "ddy", "ddpy")
#: What is told of a run, and what MAD-X calls it in the header of a Twiss table.
RESULTS = {
    "tune_x": "q1", "tune_y": "q2", "chromaticity_x": "dq1", "chromaticity_y": "dq2",
    "beta_x_max": "betxmax", "beta_y_max": "betymax", "dispersion_max": "dxmax",
    "momentum_compaction": "alfa", "gamma_transition": "gammatr", "circumference": "length",
    "orbit_x_max": "xcomax", "orbit_y_max": "ycomax", "energy": "energy", "particle": "particle", "sequence": "sequence",
}  # fmt: skip
CHROMATIC_NAMES = {
    "wx": "W<sub>x</sub>", "wy": "W<sub>y</sub>", "ddx": "D₂<sub>,x</sub>", "ddy": "D₂<sub>,y</sub>",
    "dmux": "dµ<sub>x</sub>/dδ", "dmuy": "dµ<sub>y</sub>/dδ",
}  # fmt: skip
#: Colours that the colour-blind can tell apart (Okabe and Ito, the blue lighter, to be read on a dark page as well).
BLUE, ORANGE, GREEN, PINK, GREY, YELLOW, SKY = "#1f83c6", "#d55e00", "#009e73", "#cc79a7", "#8a8f98", "#e69f00", "#56b4e9"
CLEAR = "rgba(0,0,0,0)"
GRID = "rgba(128,128,128,0.25)"
#: Points of a smooth curve, about: more than a screen has columns; above that many elements the elements alone are enough.
#: (Of a curve of more points nothing is seen but that it comes later: 4,000 made 216 KB of a report, 1,500 in single precision 60.)
POINTS, MANY = 1500, 4000
#: A place in a ring that is longer (metres) needs double precision.
LONG = 2000.0


def results(summary):
    """The numbers that are finite, and names as the job wrote them: MAD-X tells no capitals from small letters."""
    found = {name: summary[key] for name, key in RESULTS.items() if key in summary}
    found = {name: value.lower() if isinstance(value, str) else float(value) for name, value in found.items()}
    return {name: value for name, value in found.items() if isinstance(value, str) or np.isfinite(value)}


def save(folder, columns, name=FILE):
    """Keep the columns as one array with a row for each element."""
    os.makedirs(os.path.join(folder, "simyard"), exist_ok=True)
    arrays = {key: np.asarray(value) for key, value in columns.items()}
    kept = np.empty(len(next(iter(arrays.values()))), [(key, value.dtype) for key, value in arrays.items()])
    for key, value in arrays.items():
        kept[key] = value
    path = os.path.join(folder, name)
    with open(path + ".part", "wb") as file:
        np.save(file, kept, allow_pickle=False)
    os.replace(path + ".part", path)


def load(folder, name=FILE):
    try:
        kept = np.load(os.path.join(folder, name), allow_pickle=False)
        return {key: np.ascontiguousarray(kept[key]) for key in kept.dtype.names}
    except FileNotFoundError:
        if name != FILE:
            raise ValueError("There is nothing to draw: the run has not got that far.") from None
    try:
        with np.load(os.path.join(folder, OLDER_FILE), allow_pickle=False) as kept:
            return {key: kept[key] for key in kept.files}
    except FileNotFoundError:
        raise ValueError("There is no Twiss table to draw: the run has made none yet, or its job does no twiss.") from None


def smooth(optics, value, slope):
    """(s, values) with points inside the elements: cubic between the ends' values and slopes, which is exact for beta in a drift.

    Without the slope's column, or where there are very many elements, the values at the elements' ends.
    """
    s, v = optics["s"], optics[value]
    if slope is None or len(s) < 2 or len(s) > MANY:
        return s, v
    lengths = np.diff(s)
    count = np.maximum(1, np.ceil(lengths / max((s[-1] - s[0]) / POINTS, 1e-6) * 0.7)).astype(int)
    count[lengths <= 0] = 1  # two rows at one place: a jump stays a jump
    which = np.repeat(np.arange(len(lengths)), count)
    t = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    h, a, b = lengths[which], v[which], v[which + 1]
    da, db = slope[which] * h, slope[which + 1] * h
    curve = a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (2 * (a - b) + da + db)))
    return np.append(s[which] + t * h, s[-1]), np.append(curve, v[-1])


def beta(optics, summary):
    traces = []
    for plane, colour in (("x", BLUE), ("y", ORANGE)):
        alfa = optics.get("alf" + plane)
        s, curve = smooth(optics, "bet" + plane, None if alfa is None else -2 * alfa)
        traces.append(line(s, curve, f"β<sub>{plane}</sub>", colour, "m"))
    traces.append({**dispersion_curve(optics, "x", GREEN), "yaxis": "y2"} if "dx" in optics else None)
    figure = frame([trace for trace in traces if trace], optics, title(summary))
    figure["layout"]["yaxis"] = {**axis("β<sub>x</sub>, β<sub>y</sub> [m]"), "domain": [0, 0.84], "rangemode": "tozero"}
    if "dx" in optics:
        # the lower half is the dispersion's, so that the curves lie less on each other
        low, high = min(0.0, float(np.nanmin(optics["dx"]))), max(0.0, float(np.nanmax(optics["dx"])))
        wide = (high - low) or 1.0
        figure["layout"]["yaxis2"] = {
            **axis("D<sub>x</sub> [m]"), "overlaying": "y", "side": "right", "showgrid": False, "tickmode": "auto",
            "range": [low - 0.05 * wide if low < 0 else 0.0, low + 2 * wide],
        }  # fmt: skip
    return figure


def dispersion(optics, summary):
    planes = [(plane, colour) for plane, colour in (("x", BLUE), ("y", ORANGE)) if "d" + plane in optics]
    if not planes:
        raise ValueError("The Twiss table has no dispersion: select the columns dx and dy in the job.")
    figure = frame([dispersion_curve(optics, *plane) for plane in planes], optics, title(summary))
    figure["layout"]["yaxis"] = {**axis("D<sub>x</sub>, D<sub>y</sub> [m]"), "domain": [0, 0.84]}
    return figure


def dispersion_curve(optics, plane, colour):
    s, curve = smooth(optics, "d" + plane, optics.get("dp" + plane))
    return line(s, curve, f"D<sub>{plane}</sub>", colour, "m")


def chromatic(optics, summary):
    """Montague's functions, the dispersion of second order (x = D δ + D₂ δ²), and how the phases change with momentum."""
    if "wx" not in optics:
        raise ValueError(
            "The Twiss has no chromatic functions: tick “Chromatic functions” among the inputs, or write twiss, chrom; in the job."
        )
    s, data = optics["s"], []
    for axes, slope, names, unit in (("y", None, "wx wy", ""), ("y2", "ddp", "ddx ddy", "m"), ("y4", None, "dmux dmuy", "2π")):
        for name, colour in zip(names.split(), (BLUE, ORANGE), strict=True):
            x, curve = smooth(optics, name, optics[slope + name[-1]] if slope else None)
            data.append({**line(x, curve, CHROMATIC_NAMES[name], colour, unit), "yaxis": axes, "showlegend": axes == "y"})
    data[0]["name"], data[1]["name"] = "x", "y"
    figure = frame(data, optics, title(summary))
    for key, domain, text in (
        ("yaxis", [0.6, 0.84], "W"),
        ("yaxis2", [0.3, 0.54], "D₂ [m]"),
        ("yaxis4", [0, 0.24], "dµ/dδ [2π]"),
    ):
        figure["layout"][key] = {**axis(text), "domain": domain, "anchor": "x"}
    figure["layout"]["yaxis"]["rangemode"] = "tozero"
    figure["layout"]["xaxis"]["anchor"] = "y4"
    figure["layout"]["xaxis"]["range"] = [float(s[0]), float(s[-1])]
    return figure


def title(summary):
    told = [f"Q<sub>{plane}</sub> = {summary['tune_' + plane]:.4f}" for plane in "xy" if "tune_" + plane in summary]
    told += [
        f"ξ<sub>{plane}</sub> = {summary['chromaticity_' + plane]:.2f}" for plane in "xy" if "chromaticity_" + plane in summary
    ]
    told = [one.replace("= -0.00", "= 0.00") if one.endswith("= -0.00") else one for one in told]
    return " · ".join(([summary["sequence"]] if "sequence" in summary else []) + [one.replace("-", "−") for one in told])


def line(s, values, name, colour, unit):
    return {
        "type": "scatter", "mode": "lines", "x": places(s), "y": values.astype(np.float32), "name": name,
        "line": {"color": colour, "width": 1.8}, "hovertemplate": "%{y:.3f} " + unit,
    }  # fmt: skip


def places(s):
    """Places along the ring as they are drawn."""
    return s.astype(np.float32 if not s.size or np.nanmax(s) < LONG else np.float64)


def axis(text):
    return {"title": {"text": text}, "gridcolor": GRID, "zeroline": False, "ticks": "outside", "ticklen": 4}


def frame(traces, optics, text):
    return {
        "data": traces + lattice(optics),
        "layout": {
            "title": {"text": text, "x": 0.5},
            "xaxis": {**axis("s [m]"), "range": [float(optics["s"][0]), float(optics["s"][-1])], "anchor": "y"},
            "yaxis3": {"domain": [0.87, 1], "range": [-1.1, 1.1], "visible": False, "fixedrange": True, "anchor": "x"},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.2, "yanchor": "top"},
            "margin": {"l": 64, "r": 64, "t": 48, "b": 88},
            "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        },
    }  # fmt: skip


def lattice(optics):
    """The elements as blocks: a focusing quadrupole stands above the line, a defocusing one hangs below it."""
    if "keyword" not in optics or "l" not in optics:
        return []
    end, length = optics["s"], optics["l"]
    keyword = np.char.lower(optics["keyword"].astype(str))
    zero = np.zeros(len(end))
    k = {order: optics.get(f"k{order}l", zero) for order in range(4)}
    angle = optics.get("angle", zero)
    bend = np.isin(keyword, ["sbend", "rbend", "dipole"])
    multipole = keyword == "multipole"
    kinds = (
        ("dipole", GREY, bend | (multipole & ((k[0] != 0) | (angle != 0))), zero, 0.45),
        ("quadrupole, focusing in x", BLUE, ((keyword == "quadrupole") | multipole | bend) & (k[1] > 0), None, 1.0),
        ("quadrupole, focusing in y", ORANGE, ((keyword == "quadrupole") | multipole | bend) & (k[1] < 0), None, -1.0),
        ("sextupole", PINK, (keyword == "sextupole") | (multipole & (k[2] != 0)), np.sign(k[2]), 0.7),
        ("octupole", SKY, (keyword == "octupole") | (multipole & (k[3] != 0)), np.sign(k[3]), 0.55),
        ("cavity", YELLOW, np.isin(keyword, ["rfcavity", "twcavity", "crabcavity"]), zero, 0.6),
        ("solenoid", GREEN, keyword == "solenoid", zero, 0.6),
        ("kicker", SKY, np.isin(keyword, ["hkicker", "vkicker", "kicker", "tkicker"]), zero, 0.25),
    )
    centre_line = {
        "type": "scatter", "mode": "lines", "x": [float(end[0]), float(end[-1])], "y": [0, 0], "yaxis": "y3",
        "line": {"color": GREY, "width": 1}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip
    traces = [centre_line]
    seen = np.zeros(len(end), bool)
    for name, colour, which, sign, height in kinds:
        if not which.any():
            continue
        seen |= which
        # a gradient in a bend is drawn lower than a quadrupole's
        tall = np.where(bend[which], 0.6, 1.0) * height if sign is None else np.full(which.sum(), height)
        upper = tall if sign is None else np.where(sign[which] == 0, tall, np.where(sign[which] > 0, tall, 0))
        lower = zero[: len(tall)] if sign is None else np.where(sign[which] == 0, -tall, np.where(sign[which] > 0, 0, -tall))
        traces.append(blocks(end[which] - length[which], end[which], lower, upper, name, colour))
    if "name" in optics and 0 < seen.sum() <= MANY:
        traces.append(names(end[seen] - length[seen] / 2, optics["name"][seen], keyword[seen], k[1][seen]))
    return traces


def names(centre, name, keyword, gradient):
    """Invisible points in the elements, by which the pointer finds what stands there; of what cannot be seen one is drawn."""
    told = [
        f"{str(one).partition(':')[0].lower()} · {kind}" + (f" · k1·l = {strength:.4g}/m" if strength else "")
        for one, kind, strength in zip(name, keyword, gradient.tolist(), strict=True)
    ]
    return {
        "type": "scatter", "mode": "markers", "x": places(centre), "y": np.zeros(len(centre), np.float32), "yaxis": "y3", "text": told,
        "marker": {"opacity": 0, "color": GREY, "maxdisplayed": 1}, "hovertemplate": "%{text}<extra></extra>", "showlegend": False,
        "name": "element",
    }  # fmt: skip


def blocks(start, end, lower, upper, name, colour):
    gap = np.full(len(start), np.nan)
    x = places(np.stack([start, start, end, end, start, gap], 1).ravel())
    y = np.stack([lower, upper, upper, lower, lower, gap], 1).ravel()
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y.astype(np.float32), "yaxis": "y3", "fill": "toself", "fillcolor": colour,
        "line": {"color": colour, "width": 1}, "name": name, "hoverinfo": "skip", "connectgaps": False,
        "showlegend": False,
    }  # fmt: skip
