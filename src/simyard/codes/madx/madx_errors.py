"""Job cmd, code madx: many machines with random misalignments and field errors, a seed each: their orbits, beta beating and tunes."""

import csv
import os
import time

import madx_optics
import numpy as np
from madx_optics import BLUE, CLEAR, GREY, ORANGE, axis

FOLDER = os.path.join("simyard", "seeds")
CSV = os.path.join("simyard", "seeds.csv")
REFERENCE = os.path.join("simyard", "reference.npy")
SPREAD = os.path.join("simyard", "spread.npy")
TABLE = "simyard_errors"
HEAD = ("seed", "x_rms", "x_max", "y_rms", "y_max", "beat_x_rms", "beat_x_max", "beat_y_rms", "beat_y_max", "tune_x", "tune_y")
PLANES = ("x", "y", "betx", "bety")
#: What a flat copy of the sequence is called.
COPY = "simyard_flat"
#: Seeds that have a picture each, at most; places along the machine in it, at most, about.
PICTURES, PLACES = 1000, 4000
#: Errors are cut at so many standard deviations; the sums behind the picture are written so often (seconds).
CUT, OFTEN = 3, 0.5


def spread(size):
    """A random number of that standard deviation, as MAD-X draws one anew for each element."""
    return f"{size:.12g}*tgauss({CUT})"


def statements(seed, inputs, kinds):
    """What gives the elements their errors, instead of those that they had; `kinds` are those that the machine has."""
    micro = {name: inputs[name] * 1e-6 for name in ("quadrupole_offset", "quadrupole_roll", "sextupole_offset", "dipole_roll")}
    gradient, dipole = inputs["gradient_error"] * 1e-4, inputs["dipole_error"] * 1e-4
    lines = [f"eoption, seed={seed}, add=false;"]
    if "quadrupole" in kinds:
        offset = spread(micro["quadrupole_offset"])
        lines += select("quadrupole")
        lines.append(f"ealign, dx:={offset}, dy:={offset}, dpsi:={spread(micro['quadrupole_roll'])};")
        lines.append(f"efcomp, order=1, radius=0.01, dknr:={{0, {spread(gradient)}}};")
    if "sextupole" in kinds:
        offset = spread(micro["sextupole_offset"])
        lines += [*select("sextupole"), f"ealign, dx:={offset}, dy:={offset};"]
    bends = [kind for kind in ("sbend", "rbend") if kind in kinds]
    if bends:
        lines += select(*bends)
        lines.append(f"ealign, dpsi:={spread(micro['dipole_roll'])};")
        lines.append(f"efcomp, order=0, radius=0.01, dknr:={{{spread(dipole)}}};")
    return lines


def select(*kinds):
    return ["select, flag=error, clear;", *(f"select, flag=error, class={kind};" for kind in kinds)]


def errors(run):
    """Every seed in turn; returns results and warnings. Raises madx.Failed, ValueError."""
    import madx_library as madx  # here, so that the rest can be tested without MAD-X

    sequence, inputs = madx.used(), run.inputs
    kinds = {one["base_type"] for one in madx.elements(sequence)}
    if not kinds & {"quadrupole", "sextupole", "sbend", "rbend"}:
        raise ValueError(
            f"The sequence {sequence} has no quadrupoles, sextupoles or bends that could have errors (multipoles get none here)."
        )
    madx.twiss("simyard_reference")
    if madx.repeated("simyard_reference"):
        madx.centred(sequence, COPY)
        madx.twiss("simyard_reference")
    kept = madx.columns("simyard_reference", madx_optics.COLUMNS)
    stride = max(1, len(kept["s"]) // PLACES)
    madx_optics.save(run.dir, {key: value[::stride] for key, value in kept.items()}, REFERENCE)
    os.makedirs(os.path.join(run.dir, FOLDER), exist_ok=True)
    # thousands of Twisses: neither what each of them says nor its warnings belong in the log
    madx.command("option, -info, -warn, -twiss_print, -echo;")
    seeds, failed, rows = inputs["seeds"], [], []
    sums, written = np.zeros((len(PLANES), len(kept["s"][::stride]))), 0.0
    with open(os.path.join(run.dir, CSV), "w", encoding="ascii", buffering=1) as file:
        file.write(",".join(HEAD) + "\n")
        for number in range(seeds):
            seed = inputs["first_seed"] + number
            found = one(seed, inputs, kinds, kept)
            if found is None:
                failed.append(seed)
            else:
                row, curves = found
                rows.append(row)
                file.write(",".join([str(seed), *(f"{value:.9g}" for value in row)]) + "\n")
                sums += curves[:, ::stride] ** 2
                if len(rows) <= PICTURES:
                    save(
                        run.dir, f"{len(rows) - 1:05d}.npy", np.concatenate([[np.full(sums.shape[1], seed)], curves[:, ::stride]])
                    )
                if time.monotonic() - written > OFTEN or number == seeds - 1:
                    written = time.monotonic()
                    save(run.dir, os.path.join("..", os.path.basename(SPREAD)), np.sqrt(sums / len(rows)))
            told = f"seed {number + 1} of {seeds}" + (f", {len(failed)} without closed optics" if failed else "")
            run.progress(fraction=(number + 1) / seeds, frames=min(len(rows), PICTURES), message=told)
    if not rows:
        raise ValueError(f"None of the {seeds} seeds has a closed orbit and stable optics: the errors are too large. Lower them.")
    if failed:
        save(run.dir, os.path.join("..", os.path.basename(SPREAD)), np.sqrt(sums / len(rows)))
    return {**results_of(np.array(rows)), "sequence": sequence}, told_of(failed, seeds)


def one(seed, inputs, kinds, reference):
    """(row of HEAD without the seed, curves x, y and beta beats), None for a machine without closed optics."""
    import madx_library as madx  # here, so that the rest can be tested without MAD-X

    done = madx.command("\n".join([*statements(seed, inputs, kinds), f"twiss, table={TABLE};"]))
    summary = madx.summary(TABLE) if done else {}
    if not summary:
        return None
    columns = madx.columns(TABLE, PLANES)
    curves = np.stack([columns["x"], columns["y"], *(columns[name] / reference[name] - 1 for name in ("betx", "bety"))])
    if not np.isfinite(curves).all():
        return None
    row = [part for curve in curves for part in (float(np.sqrt((curve**2).mean())), float(np.abs(curve).max()))]
    return [*row, summary["q1"], summary["q2"]], curves


def results_of(rows):
    """Orbits in mm, beating in %."""
    mean, worst = rows.mean(0), rows.max(0)
    return {
        "seeds": len(rows), "orbit_x_rms": 1e3 * mean[0], "orbit_y_rms": 1e3 * mean[2], "orbit_x_worst": 1e3 * worst[1],
        "orbit_y_worst": 1e3 * worst[3], "beating_x": 100 * mean[4], "beating_y": 100 * mean[6],
        "tune_x_spread": float(rows[:, 8].std()), "tune_y_spread": float(rows[:, 9].std()),
    }  # fmt: skip


def told_of(failed, seeds):
    if not failed:
        return []
    listed = ", ".join(map(str, failed[:8])) + (", …" if len(failed) > 8 else "")
    return [
        f"{len(failed)} of {seeds} seeds have no closed orbit or no stable optics, and are left out: {listed}. The errors are large for this ring."
    ]


def save(folder, name, values):
    path = os.path.join(folder, FOLDER, name)
    with open(path + ".part", "wb") as file:
        np.save(file, values.astype(np.float32))
    os.replace(path + ".part", path)


def rows_of(run):
    """What has been written of the seeds: an array with a column for each of HEAD."""
    try:
        with open(os.path.join(run.dir, CSV), encoding="ascii", newline="") as file:
            rows = list(csv.reader(line for line in file if line.endswith("\n")))[1:]
    except FileNotFoundError:
        rows = []
    if not rows:
        raise ValueError("There is no seed yet: the run has only just begun.")
    return np.array(rows, float)


def draw_spread(run, _):
    """Each seed a point: orbit, beating, tunes."""
    rows = rows_of(run)
    column = dict(zip(HEAD, rows.T, strict=True))
    seed = column["seed"].astype(np.int32)
    data = []
    for place, (names, factor, unit) in enumerate(((("x_rms", "y_rms"), 1e3, "mm"), (("beat_x_rms", "beat_y_rms"), 100, "%"))):
        suffix = "" if place == 0 else "2"
        for plane, name, colour in zip("xy", names, (BLUE, ORANGE), strict=True):
            worst = column[name.replace("rms", "max")] * factor
            data.append({
                "type": "scatter", "mode": "markers", "x": seed, "y": column[name] * factor, "xaxis": "x" + suffix, "yaxis": "y" + suffix,
                "name": plane, "legendgroup": plane, "showlegend": place == 0, "marker": {"color": colour, "size": 6}, "customdata": worst,
                "hovertemplate": f"seed %{{x}}: {plane} %{{y:.4g}} {unit} rms, %{{customdata:.4g}} {unit} at most<extra></extra>",
            })  # fmt: skip
            mean = float(column[name].mean() * factor)
            data.append({
                "type": "scatter", "mode": "lines", "x": [int(seed[0]), int(seed[-1])], "y": [mean, mean], "xaxis": "x" + suffix,
                "yaxis": "y" + suffix, "line": {"color": colour, "dash": "dash", "width": 1.2}, "showlegend": False, "legendgroup": plane,
                "hovertemplate": f"mean {mean:.4g} {unit}<extra></extra>", "name": f"mean {plane}",
            })  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "x": column["tune_x"], "y": column["tune_y"], "xaxis": "x3", "yaxis": "y3", "name": "tunes",
        "marker": {"color": GREY, "size": 6}, "showlegend": False, "text": [f"seed {one}" for one in seed],
        "hovertemplate": "%{text}: Q<sub>x</sub> %{x:.5f}, Q<sub>y</sub> %{y:.5f}<extra></extra>",
    })  # fmt: skip
    return {
        "data": data,
        "layout": {
            "title": {"text": f"{len(rows)} of {run.inputs['seeds']} seeds · dashed: their mean"},
            "xaxis": {**axis("seed"), "domain": [0, 0.26]}, "yaxis": {**axis("orbit, rms [mm]"), "rangemode": "tozero"},
            "xaxis2": {**axis("seed"), "domain": [0.37, 0.63], "anchor": "y2"},
            "yaxis2": {**axis("beta beat, rms [%]"), "anchor": "x2", "rangemode": "tozero"},
            "xaxis3": {**axis("Q<sub>x</sub>"), "domain": [0.74, 1], "anchor": "y3", "nticks": 4}, "yaxis3": {**axis("Q<sub>y</sub>"), "anchor": "x3"},
            "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}, "hovermode": "closest",
            "margin": {"l": 64, "r": 24, "t": 56, "b": 56}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        },
    }  # fmt: skip


def draw_seed(run, number):
    """Orbit and beating of one seed along the machine, over the rms of all."""
    rows = rows_of(run)
    have = min(len(rows), PICTURES)
    number = have - 1 if number < 0 else number
    if number >= have:
        raise ValueError(f"There is no seed {number + 1} yet: {have} have been done.")
    reference = madx_optics.load(run.dir, REFERENCE)
    curves = np.load(os.path.join(run.dir, FOLDER, f"{number:05d}.npy"), allow_pickle=False)
    try:
        rms = np.load(os.path.join(run.dir, SPREAD), allow_pickle=False)
    except FileNotFoundError:
        rms = np.abs(curves[1:])
    column = dict(zip(HEAD, rows.T, strict=True))
    data, tops = [], []
    for place, (name, factor, unit) in enumerate((("{}", 1e3, "mm"), ("beat_{}", 100, "%"))):
        for index, (plane, colour) in enumerate((("x", BLUE), ("y", ORANGE))):
            side = {"yaxis": "y2"} if place else {}
            label = plane if not place else f"Δβ<sub>{plane}</sub>/β<sub>{plane}</sub>"
            at = 2 * place + index
            data.append(
                {
                    **madx_optics.line(reference["s"], factor * curves[1 + at], label, colour, unit),
                    **side,
                    "showlegend": not place,
                }
            )
            data.append({
                **madx_optics.line(reference["s"], factor * rms[at], f"{label}, rms of all", colour, unit), **side,
                "line": {"color": colour, "width": 1, "dash": "dot"}, "showlegend": False,
            })  # fmt: skip
        tops.append(round_up(factor * max(float(column[name.format(plane) + "_max"].max()) for plane in "xy") or 1e-9))
    figure = madx_optics.frame(data, reference, heading(curves))
    figure["layout"]["yaxis"] = {**axis("x, y [mm]"), "domain": [0.46, 0.84], "range": [-tops[0], tops[0]]}
    figure["layout"]["yaxis2"] = {**axis("beta beat [%]"), "domain": [0, 0.4], "anchor": "x", "range": [-tops[1], tops[1]]}
    figure["layout"]["xaxis"]["anchor"] = "y2"
    return figure


def heading(curves):
    """The title of a seed's picture: how large orbit and beating are."""
    rms = [float(np.sqrt(np.mean(curve**2))) for curve in curves[1:]]
    return (
        f"Seed {int(curves[0, 0])} · orbit rms x {1e3 * rms[0]:.3g}, y {1e3 * rms[1]:.3g} mm · "
        f"beta beat rms x {100 * rms[2]:.3g}, y {100 * rms[3]:.3g} % · dotted: all seeds"
    )


def round_up(value):
    """The next round number, so that axes stay while seeds come in."""
    ten = 10.0 ** np.floor(np.log10(max(value, 1e-12)))
    return float(next(step * ten for step in (1, 1.5, 2, 3, 5, 7, 10) if step * ten >= value * (1 - 1e-9)))
