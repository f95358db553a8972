"""Job cmd, code madx: how many sigmas of beam the machine has room for (n1), by MAD-X's aperture, and how close beam and chamber are."""

import os

import madx_optics
import numpy as np
from madx_optics import BLUE, GREY, ORANGE, PINK, SKY, YELLOW, axis

FILE = os.path.join("simyard", "aperture.npy")
TABLE = "simyard_aperture"
COLUMNS = (
    "name",
    "n1",
    "n1x_m",
    "n1y_m",
    "apertype",
    "aper_1",
    "aper_2",
    "aper_3",
    "aper_4",
    "s",
    "betx",
    "bety",
    "dx",
    "dy",
    "x",
    "y",
)
#: What MAD-X gives where an element has no aperture.
NONE = 9e5
#: MAD-X's emittance (m) where a beam statement names none.
UNSET = 1.0
#: A place for each such part of the machine's length, at least (and none closer than a decimetre).
PLACES = 1000


def aperture(run):
    """Returns results and warnings. Raises madx.Failed, ValueError."""
    import madx_library as madx  # here, so that the rest can be tested without MAD-X

    sequence, inputs = madx.used(), run.inputs
    summary = madx.twiss(TABLE)
    emittances = [emittance(inputs, summary, plane) for plane in "xy"]
    madx.command(madx.beam_statement(sequence, sequence, ex=emittances[0], ey=emittances[1]))
    summary = madx.twiss(TABLE)
    madx_optics.save(run.dir, madx.columns(TABLE, madx_optics.COLUMNS))
    interval = max(0.1, summary["length"] / PLACES)
    # the same halo in all directions: n1 is then a number of sigmas, not that of a collimator
    told = {
        "halo": "{6,6,6,6}", "cor": inputs["orbit_tolerance"] / 1000,
        "dp": inputs["spread"] / 100, "bbeat": inputs["beating"], "dparx": 0.0, "dpary": 0.0, "interval": interval,
    }  # fmt: skip
    if not madx.command("aperture, " + ", ".join(f"{name}={value}" for name, value in told.items()) + ";"):
        raise madx.Failed
    columns = madx.columns("aperture", COLUMNS)
    madx_optics.save(run.dir, columns, FILE)
    results, warnings = results_of(columns, inputs["halo"])
    for plane, value in zip("xy", emittances, strict=True):
        results[f"emittance_{plane}"] = value * 1e9
    return {**results, "sequence": sequence, "circumference": summary["length"]}, warnings


def emittance(inputs, summary, plane):
    """[m]; raises ValueError where neither the inputs nor the job's beam have one."""
    given, beam = inputs[f"emittance_{plane}"] * 1e-9, float(summary.get(f"e{plane}", UNSET))
    if given > 0:
        return given
    if beam <= 0 or beam == UNSET:
        raise ValueError(
            f"The beam has no {'horizontal' if plane == 'x' else 'vertical'} emittance, so it has no size: give one here, under Apertures, "
            f"or e{plane}=… [m] in the job's beam statement."
        )
    return beam


def results_of(columns, wanted):
    there = columns["n1"] < NONE
    if not there.any():
        raise ValueError(
            "No element of the sequence in use has an aperture, so there is nothing to compare the beam with. Give elements one in the "
            "job, as qf: quadrupole, …, apertype=ellipse, aperture={0.03,0.012}; or give the built-in ring a chamber, under Ring."
        )
    row = narrowest(columns)
    name, least = str(columns["name"][row]).partition(":")[0].lower(), float(columns["n1"][row])
    results = {"n1_min": least, "narrowest": {"value": name, "title": "Narrowest place"},
               "narrowest_s": {"value": float(columns["s"][row]), "unit": "m", "digits": 3, "title": "Narrowest place, s"}}  # fmt: skip
    warnings = []
    if least < wanted:
        narrow = np.char.partition(columns["name"][there & (columns["n1"] < wanted)].astype(str), ":")[:, 0]
        names = list(dict.fromkeys(one.lower() for one in narrow))
        listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        warnings.append(
            f"The aperture is too small for {wanted:g} sigmas at {len(narrow)} places ({listed}): the smallest n1 is {least:.3g}, in {name}."
        )
        if least <= 0:
            warnings.append("Where n1 is 0 or less, orbit tolerance and momentum deviation alone fill the aperture.")
    return results, warnings


def narrowest(columns):
    """The first of the rows with the smallest n1: in a ring of equal cells rounding would choose the cell."""
    n1 = np.where(columns["n1"] < NONE, columns["n1"], np.inf)
    return int(np.argmax(n1 <= n1.min() + 1e-9 * abs(n1.min())))


def half_sizes(columns):
    """Half widths and half heights [m] of the apertures, NaN where there is none or it has another shape."""
    kind = np.char.lower(columns["apertype"].astype(str))
    one, two, three, four = (columns[f"aper_{number}"] for number in range(1, 5))
    plain, screen = np.isin(kind, ["ellipse", "rectangle", "racetrack", "octagon"]), np.isin(kind, ["rectcircle", "lhcscreen"])
    both = kind == "rectellipse"
    conditions = [kind == "circle", plain, screen, both]
    sizes = [
        np.select(conditions, choices, np.nan)
        for choices in (
            [one, one, np.minimum(one, three), np.minimum(one, three)],
            [one, two, np.minimum(two, three), np.minimum(two, four)],
        )
    ]
    return [np.where((columns["n1"] < NONE) & (size > 0), size, np.nan) for size in sizes]


def draw(run, summary):
    """n1 along the machine; below it the beam in the chamber: x upwards, y downwards."""
    columns, inputs = madx_optics.load(run.dir, FILE), run.inputs
    s, wanted = columns["s"], inputs["halo"]
    there = columns["n1"] < NONE
    n1 = np.where(there, columns["n1"], np.nan)
    figure = madx_optics.frame([], madx_optics.load(run.dir), "")
    data, layout = [], figure["layout"]
    names = [str(one).partition(":")[0].lower() for one in columns["name"]]
    data.append({
        "type": "scatter", "mode": "lines+markers", "x": madx_optics.places(s), "y": n1.astype(np.float32), "name": "n1",
        "line": {"color": BLUE, "width": 1.5}, "marker": {"size": 3}, "text": names, "hovertemplate": "%{y:.3f} in %{text}",
    })  # fmt: skip
    data.append({
        "type": "scatter", "mode": "lines", "x": [float(s[0]), float(s[-1])], "y": [wanted, wanted], "name": "wanted",
        "line": {"color": ORANGE, "width": 1.5, "dash": "dash"}, "hoverinfo": "skip",
    })  # fmt: skip
    row = narrowest(columns)
    data.append({
        "type": "scatter", "mode": "markers", "x": [float(s[row])], "y": [float(n1[row])], "name": "narrowest",
        "marker": {"symbol": "diamond", "size": 10, "color": PINK}, "hoverinfo": "skip", "cliponaxis": False, "showlegend": False,
    })  # fmt: skip
    for plane, size, sign, colour in zip("xy", half_sizes(columns), (1, -1), (SKY, YELLOW), strict=True):
        sigma = np.sqrt(columns["bet" + plane] * summary[f"emittance_{plane}"] * 1e-9) * inputs["beating"]
        room = inputs["orbit_tolerance"] / 1000 + np.abs(columns["d" + plane]) * inputs["spread"] / 100 + np.abs(columns[plane])
        beam = {
            **madx_optics.line(s, sign * 1000 * (wanted * sigma + room), f"beam {plane}, {wanted:g} σ", colour, "mm"),
            "yaxis": "y2",
            "fill": "tozeroy",
            "opacity": 0.8,
        }
        data.append(beam)
        data.append({
            **madx_optics.line(s, sign * 1000 * size, "aperture" if plane == "x" else "aperture y", GREY, "mm"), "yaxis": "y2",
            "mode": "lines+markers", "showlegend": plane == "x",
            "line": {"color": GREY, "width": 2.5}, "marker": {"size": 3, "color": GREY}, "connectgaps": False,
        })  # fmt: skip
    figure["data"] = data + figure["data"]
    layout["title"]["text"] = (
        f"Room for the beam · smallest n1 = {float(n1[row]):.3g} σ, in {names[row]} at {float(s[row]):.2f} m"
    )
    layout["yaxis"] = {**axis("n1 [σ]"), "domain": [0.48, 0.84], "rangemode": "tozero"}
    layout["yaxis2"] = {**axis("−y, x [mm]"), "domain": [0, 0.42], "anchor": "x", "zeroline": True}
    layout["xaxis"]["anchor"] = "y2"
    return figure
