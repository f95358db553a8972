"""Job cmd, code madx: turns knobs until the sequence in use meets the targets, by MAD-X's match, and says in words what came of it."""

import difflib
import os
import re

import madx_optics
import madx_words
import numpy as np
from madx_optics import BLUE, CLEAR, GREY, ORANGE, axis

STRENGTHS = "matched.str"
TARGETS = os.path.join("simyard", "targets.npy")
AFTER = "simyard_matched"
#: What the targets are called: in MAD-X, and for people.
GLOBAL = {
    "tune_x": ("q1", "tune x"), "tune_y": ("q2", "tune y"),
    "chromaticity_x": ("dq1", "chromaticity x"), "chromaticity_y": ("dq2", "chromaticity y"),
}  # fmt: skip
LOCAL = {
    "beta_x": ("betx", "beta x"), "beta_y": ("bety", "beta y"), "alfa_x": ("alfx", "alfa x"), "alfa_y": ("alfy", "alfa y"),
    "dispersion_x": ("dx", "dispersion x"), "dispersion_slope_x": ("dpx", "slope of dispersion x"),
    "phase_x": ("mux", "phase x"), "phase_y": ("muy", "phase y"),
}  # fmt: skip
UNITS = {"betx": "m", "bety": "m", "dx": "m"}
#: A target is reached within this, or within this share of it, if it is above 1.
CLOSE = 1e-5
#: Steps by which MAD-X finds out what a knob does, and the penalty that is good enough.
STEP, TOLERANCE = 1e-6, 1e-18
KNOB = re.compile(r"[a-z_][\w.$]*(->[a-z_]\w*)?$", re.IGNORECASE)
CALL = re.compile(r"^\s*call:\s*(\d+)\s+Penalty function =\s*(\S+)", re.IGNORECASE)
START = re.compile(r"^\s*Initial Penalty Function =\s*(\S+)", re.IGNORECASE)


def match(run):
    """Match; returns results and warnings, and keeps the optics of before and after. Raises madx.Failed, ValueError."""
    import madx_library as madx  # here, so that the rest can be tested without MAD-X

    sequence = madx.used()
    names = [one["name"].strip().lower() for one in run.inputs["knobs"]]
    check_knobs(names, len(run.inputs["targets"]))
    for name, row in zip(names, run.inputs["knobs"], strict=True):
        if row["lower"] >= row["upper"]:
            raise ValueError(f"Knobs: the lower limit of {name}, {row['lower']:g}, is not below its upper one, {row['upper']:g}.")
    before = madx.twiss("simyard_before")
    kept = madx.columns("simyard_before", madx_optics.COLUMNS)
    wanted = [target(row, sequence, kept["name"]) for row in run.inputs["targets"]]
    old, start = [reached(one, before, kept) for one in wanted], {name: madx.value(name) for name in names}
    madx.command(statements(sequence, run.inputs["knobs"], wanted, run.inputs["calls"]))
    penalty = madx.value("tar")
    now = {name: madx.value(name) for name in names}
    write(run.dir, sequence, now)
    after = madx.twiss(AFTER)
    columns = madx.columns(AFTER, madx_optics.COLUMNS)
    found = [reached(one, after, columns) for one in wanted]
    madx_optics.save(
        run.dir, {**columns, **{f"{name}_before": kept[name] for name in ("betx", "alfx", "bety", "alfy") if name in kept}}
    )
    keep(run.dir, wanted, old, found)
    results = {**madx_optics.results(after), "matched": "yes", "penalty": {"value": penalty, "title": "Penalty"}}
    for number, (name, value) in enumerate(now.items(), 1):
        results[f"knob_{number}"] = {"value": value, "title": f"Knob {name} (was {start[name]:.9g})"}
    for number, (one, value) in enumerate(zip(wanted, found, strict=True), 1):
        results[f"target_{number}"] = {"value": value, "title": f"Reached: {one['words']}", "unit": one["unit"]}
    missed = [(one, value) for one, value in zip(wanted, found, strict=True) if not met(one, value)]
    if not missed:
        return results, []
    results["matched"] = "no"
    return results, [failure(missed, len(wanted), penalty), *stuck(run.inputs["knobs"], names, start, now)]


def check_knobs(names, targets):
    """Raises ValueError for knobs that MAD-X would make up, or with which it would silently do nothing."""
    import madx_library as madx  # here, so that the rest can be tested without MAD-X

    if len(names) > targets:
        raise ValueError(
            f"There are {len(names)} knobs for {targets} target{'s' * (targets > 1)}: MAD-X matches with at most as many knobs as "
            "targets. Remove a knob, or add a target."
        )
    for name in names:
        if not KNOB.match(name):
            raise ValueError(
                f"Knobs: {name!r} is no name of a variable, such as kf, nor of an element's attribute, such as qf->k1."
            )
        if names.count(name) > 1:
            raise ValueError(f"Knobs: {name} is there twice. Remove one.")
        element, _, attribute = name.partition("->")
        if attribute:
            there, has = madx.has_attribute(element, attribute)
            if not has:
                raise ValueError(
                    f"Knobs: {element} has no {attribute}." if there else f"Knobs: the job has no element {element}."
                )
        elif name not in madx.variables():
            raise ValueError(f"Knobs: the job has no variable {name}. {others(name, madx.variables(), 'It has none at all.')}")


def others(name, names, none):
    """The names most like it first, as a sentence; `none` if there are none."""
    close = difflib.get_close_matches(name, names, 3, 0.5)
    listed = (close + [one for one in names if one not in close])[:10]
    return f"There {'are' if len(listed) > 1 else 'is'} {', '.join(listed)}{', …' * (len(names) > 10)}." if listed else none


def target(row, sequence, rows):
    """A target as MAD-X is told it, and as it is told of; raises ValueError for a place that is not there."""
    quantity, place = row["quantity"], row["place"].strip().lower()
    relation, value = row["relation"], row["value"]
    if quantity in GLOBAL:
        name, words = GLOBAL[quantity]
        if place:
            raise ValueError(f"Targets: the {words} is that of the whole machine: leave its place empty, not {place!r}.")
        return {"name": name, "words": f"{words} {relation} {value:g}", "row": -1, "relation": relation, "value": value, "unit": "",
                "tell": f"global, sequence={sequence}, {name}{relation}{value!r};"}  # fmt: skip
    name, words = LOCAL[quantity]
    place = place or "#s"
    row = row_of(place, [str(one).lower() for one in rows])
    return {"name": name, "words": f"{words} at {place} {relation} {value:g}", "row": row, "relation": relation, "value": value,
            "unit": UNITS.get(name, ""), "tell": f"constraint, sequence={sequence}, range={place}, {name}{relation}{value!r};"}  # fmt: skip


def row_of(place, rows):
    """Where in a Twiss table a place is: an element, one[2], #s or #e."""
    if place in {"#s", "#e"}:
        return 0 if place == "#s" else len(rows) - 1
    found = re.match(r"([\w.$]+)(?:\[(\d+)\])?$", place)
    name = f"{found[1]}:{found[2] or 1}" if found else ""
    if name in rows:
        return rows.index(name)
    bare = list(dict.fromkeys(one.partition(":")[0] for one in rows if not one.startswith("drift_") and "$" not in one))
    if found and found[1] in bare:
        most = max(int(one.partition(":")[2] or 1) for one in rows if one.startswith(found[1] + ":"))
        raise ValueError(
            f"Targets: the machine in use has no {place}, only {found[1]}[1] to {found[1]}[{most}] by MAD-X's count."
        )
    raise ValueError(
        f"Targets: the machine in use has no element {place}. {others(place, bare, 'It has only drifts.')} #s and #e are its ends."
    )


def statements(sequence, knobs, wanted, calls):
    lines = [f"match, sequence={sequence};"]
    for row in knobs:
        limits = "".join(f", {name}={row[name]!r}" for name in ("lower", "upper") if abs(row[name]) < 1e20)
        lines.append(f"  vary, name={row['name'].strip()}, step={STEP:g}{limits};")
    lines += ["  " + one["tell"] for one in wanted]
    return "\n".join([*lines, f"  lmdif, calls={calls}, tolerance={TOLERANCE:g};", "endmatch;"])


def reached(one, summary, columns):
    return float(summary[one["name"]] if one["row"] < 0 else columns[one["name"]][one["row"]])


def met(one, value):
    room = CLOSE * max(1.0, abs(one["value"]))
    off = value - one["value"]
    return bool({"=": abs(off) <= room, "<": off <= room, ">": off >= -room}[one["relation"]])


def failure(missed, targets, penalty):
    """What was not reached, and what to try."""
    told = "; ".join(f"wanted {one['words']}, reached {value:.7g}" for one, value in missed[:4])
    more = f"; and {len(missed) - 4} more" if len(missed) > 4 else ""
    return (
        f"{len(missed)} of {targets} target{'s' * (targets > 1)} not reached: {told}{more}. The penalty is {penalty:.3g}. "
        "Take other knobs or as many as targets, wider limits, or targets nearer by."
    )


def stuck(rows, names, start, now):
    """A sentence for each knob that stands at its limit, or did not move."""
    said = []
    for row, name in zip(rows, names, strict=True):
        value, limits = now[name], (row["lower"], row["upper"])
        if not limits[0] <= start[name] <= limits[1]:
            said.append(
                f"The knob {name} began at {start[name]:.7g}, outside its limits: MAD-X seldom gets away from a limit then."
            )
        at = [limit for limit in limits if abs(limit) < 1e20 and abs(value - limit) <= 1e-4 * max(1e-9, abs(limit))]
        if at:
            said.append(f"The knob {name} stands at its limit, {at[0]:g}.")
        elif value == start[name]:
            said.append(f"The knob {name} was not moved: it stays at {value:.7g}.")
    return said


def write(folder, sequence, values):
    """The knobs, as a file that a job can call."""
    with open(os.path.join(folder, STRENGTHS), "w", encoding="utf-8") as file:
        file.write(f"! Matched by Simyard in the sequence {sequence}; call this after the elements are defined.\n")
        file.writelines(f"{name} = {value!r};\n" for name, value in values.items())


def keep(folder, wanted, old, found):
    kept = np.zeros(len(wanted), [("words", "U80"), ("wanted", "f8"), ("before", "f8"), ("after", "f8"), ("met", "?")])
    for row, one, before, after in zip(kept, wanted, old, found, strict=True):
        row["words"], row["wanted"], row["before"], row["after"], row["met"] = (
            one["words"],
            one["value"],
            before,
            after,
            met(one, after),
        )
    np.save(os.path.join(folder, TARGETS), kept, allow_pickle=False)


def draw(run, summary):
    """Beta before, broad and pale, and after."""
    optics = madx_optics.load(run.dir)
    figure = madx_optics.beta({key: value for key, value in optics.items() if key != "dx"}, summary)
    for plane, colour in (("x", BLUE), ("y", ORANGE)):
        s, curve = madx_optics.smooth(optics, f"bet{plane}_before", -2 * optics[f"alf{plane}_before"])
        one = madx_optics.line(s, curve, f"β<sub>{plane}</sub> before", colour, "m")
        figure["data"].insert(
            0, {**one, "line": {"color": colour, "width": 5}, "opacity": 0.3, "legendrank": 2000 + (plane == "y")}
        )
    if summary.get("matched") == "no":
        figure["layout"]["title"]["text"] += " · NOT MATCHED"
    return figure


def draw_targets(run, log):
    """The penalty in the course of the search, and how far each target was and is from what was wanted."""
    try:
        kept = np.load(os.path.join(run.dir, TARGETS), allow_pickle=False)
    except FileNotFoundError:
        raise ValueError("There is nothing matched yet.") from None
    calls, penalties = course(log)
    off = {name: np.maximum(np.abs(kept[name] - kept["wanted"]), 1e-16) for name in ("before", "after")}
    words = [f"{row['words']}{'' if row['met'] else ' (not reached)'}" for row in kept]
    data = [{
        "type": "scatter", "mode": "lines+markers", "x": calls, "y": penalties, "name": "penalty", "showlegend": False,
        "line": {"color": BLUE, "width": 2}, "hovertemplate": "call %{x}: %{y:.3g}<extra></extra>",
    }]  # fmt: skip
    for name, colour, symbol, size in (("before", GREY, "circle-open", 16), ("after", ORANGE, "circle", 10)):
        data.append({
            "type": "scatter", "mode": "markers", "x": off[name], "y": words, "xaxis": "x2", "yaxis": "y2", "name": name,
            "marker": {"color": colour, "symbol": symbol, "size": size, "line": {"width": 2, "color": colour}},
            "text": [f"{value:.9g}" for value in kept[name].tolist()], "hovertemplate": "%{y}<br>" + name + ": %{text}<extra></extra>",
        })  # fmt: skip
    return {
        "data": data,
        "layout": {
            "title": {"text": f"{int(kept['met'].sum())} of {len(kept)} targets reached"},
            "xaxis": {**axis("calls of Twiss"), "domain": [0, 0.4], "rangemode": "tozero"},
            "yaxis": {**axis("penalty"), "type": "log", "exponentformat": "power"},
            "xaxis2": {**axis("distance from what was wanted"), "domain": [0.5, 1], "type": "log", "anchor": "y2", "exponentformat": "power", "nticks": 4, "tickangle": 0},
            "yaxis2": {"anchor": "x2", "side": "right", "automargin": True, "autorange": "reversed", "gridcolor": madx_optics.GRID},
            "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.2, "yanchor": "top"},
            "margin": {"l": 72, "r": 24, "t": 48, "b": 72}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR,
        },
    }  # fmt: skip


def course(log):
    """(calls, penalties) as MAD-X printed them after the job's own matching was over."""
    calls, penalties = [], []
    for line in log.rpartition(madx_words.JOB_ENDED)[2].splitlines():
        first, later = START.match(line), CALL.match(line)
        if first or (later and int(later[1]) not in calls):
            calls.append(0 if first else int(later[1]))
            penalties.append(float((first or later)[1 if first else 2].replace("D", "E")))
    return np.array(calls, np.int32), np.array(penalties)
