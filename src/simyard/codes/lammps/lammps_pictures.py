"""Job cmd, code lammps: draws what the atoms did: where they are, in space, and the curves of energy, temperature and stress."""

import lammps_dump
import numpy as np

BLUE, ORANGE, GREEN, GREY = "#1f83c6", "#e69f00", "#009e73", "#8a8f98"
GRID, CLEAR = "rgba(128,128,128,0.25)", "rgba(0,0,0,0)"
#: Dark to light with rising lightness (viridis).
SCALE = [[0.0, "#440154"], [0.25, "#3b528b"], [0.5, "#21918c"], [0.75, "#5ec962"], [1.0, "#fde725"]]
#: Points of a curve, at most, about.
POINTS = 4000
#: The energy of an atom of Simyard's own systems is about the first (ε) times the density, and lies about the second times its
#: root around that: colours that stay from frame to frame.
OWN, AROUND = -7.1, 3.3
#: Plotly draws atoms of one σ that touch each other at this size in a box with a side of one σ.
TOUCHING = 127.0
#: Units of length, time, energy, temperature and pressure, by LAMMPS' word.
UNITS = {
    "lj": ("σ", "τ", "ε", "ε/k", "ε/σ³"),
    "real": ("Å", "fs", "kcal/mol", "K", "atm"),
    "metal": ("Å", "ps", "eV", "K", "bar"),
    "si": ("m", "s", "J", "K", "Pa"),
    "cgs": ("cm", "s", "erg", "K", "dyn/cm²"),
    "electron": ("Bohr", "fs", "Hartree", "K", "Pa"),
    "micro": ("µm", "µs", "pg µm²/µs²", "K", "pg/(µm µs²)"),
    "nano": ("nm", "ns", "ag nm²/ns²", "K", "ag/(nm ns²)"),
}
LENGTH, TIME, ENERGY, TEMPERATURE, PRESSURE = range(5)
#: Edges of a box between its corners, drawn in one line with gaps.
EDGES = [(0, 1), (1, 3), (3, 2), (2, 0), (4, 5), (5, 7), (7, 6), (6, 4), (0, 4), (1, 5), (2, 6), (3, 7)]
NONE_YET = "There is no thermodynamic output yet: LAMMPS is still reading its input, or has only just begun."


def unit(log, what):
    return UNITS.get(log.units, ("", "", "", "", ""))[what]


def axis(title):
    return {"title": {"text": title}, "zeroline": False, "gridcolor": GRID}


def named(text, some):
    return f"{text} [{some}]" if some else text


def layout(title, x, y, **more):
    return {
        "title": {"text": title}, "xaxis": axis(x), "yaxis": axis(y), "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 72, "r": 24, "t": 56, "b": 56}, "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, **more,
    }  # fmt: skip


def particles(run, number, own):
    frames = lammps_dump.load(run.dir)
    number = len(frames) - 1 if number < 0 else number
    if not frames:
        where = (
            ""
            if own
            else " They come from the script's own dump, written as text: dump 1 all custom 100 atoms.dump id type x y z"
        )
        raise ValueError(f"There is no frame yet.{where}")
    if not 0 <= number < len(frames):
        raise ValueError(f"There is no frame {number + 1} yet: {len(frames)} have been written.")
    atoms = lammps_dump.read(run.dir, frames[number])
    first = atoms if number == 0 else lammps_dump.read(run.dir, frames[0])
    limits = own_limits(first) if own else spread(first)
    return cloud(atoms, limits, own)


def own_limits(atoms):
    """The range of colours of Simyard's own systems, from the first frame: its atoms stand on a lattice, and all have the same energy."""
    density = atoms.all / volume(atoms)
    about, around = OWN * density, AROUND * density**0.5
    return round(about - around), round(about + around)


def volume(atoms):
    """Of the box, as far as it is seen (σ³ in Simyard's own systems)."""
    return max(float(np.prod(np.ptp(atoms.corners, axis=0))), 1e-30)


def size(atoms, own):
    """Of a marker: atoms of Simyard's own systems as large as they are, others so large that they fill the box."""
    wanted = TOUCHING / volume(atoms) ** (1 / 3) if own else 120 / max(1, len(atoms.positions)) ** (1 / 3)
    return round(min(16.0, max(2.5, wanted)), 1)


def spread(atoms):
    """The range of colours: where nearly all values of an early frame lie."""
    if not len(atoms.values):
        return 0.0, 1.0
    low, high = (float(one) for one in np.percentile(atoms.values, (1, 99)))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def cloud(atoms, limits, own, units="lj"):
    """The picture of atoms in space, in their box."""
    side = UNITS.get(units, [""])[LENGTH] if own else ""
    title = "energy [ε]" if own and atoms.name else atoms.name
    x, y, z = (np.ascontiguousarray(column) for column in atoms.positions.T)
    line = np.full((len(EDGES) * 3, 3), np.nan, np.float32)
    for index, (one, other) in enumerate(EDGES):
        line[3 * index], line[3 * index + 1] = atoms.corners[one], atoms.corners[other]
    shown = "" if len(x) == atoms.all else f", {len(x):,} of them shown"
    coloured = (
        {"color": atoms.values, "colorscale": SCALE, "cmin": limits[0], "cmax": limits[1]} if atoms.name else {"color": BLUE}
    )
    bar = {"title": {"text": title, "side": "right"}, "thickness": 10, "outlinewidth": 0}
    ends = [atoms.corners.min(axis=0), atoms.corners.max(axis=0)]
    empty = {"showbackground": False, "gridcolor": GRID, "zeroline": False}
    return {
        "data": [
            {
                "type": "scatter3d", "mode": "markers", "x": x, "y": y, "z": z, "name": "atoms", "showlegend": False,
                "marker": {"size": size(atoms, own), **coloured,
                           "showscale": bool(atoms.name), "colorbar": bar, "line": {"width": 0}},
                "hovertemplate": "%{x:.3f}, %{y:.3f}, %{z:.3f}"
                + (f"<br>{title} = %{{marker.color:.4g}}" if atoms.name else "") + "<extra></extra>",
            },
            {
                "type": "scatter3d", "mode": "lines", "x": line[:, 0], "y": line[:, 1], "z": line[:, 2], "name": "box",
                "showlegend": False, "hoverinfo": "skip", "line": {"color": GREY, "width": 2}, "connectgaps": False,
            },
        ],
        "layout": {
            "title": {"text": f"Step {atoms.step:,} · {atoms.all:,} atoms{shown}"},
            "scene": {
                "aspectmode": "data",
                # a little farther off than Plotly's own, from where the lowest corner is out of the picture
                "camera": {"eye": {"x": 1.45, "y": 1.45, "z": 1.2}, "center": {"x": 0, "y": 0, "z": -0.08}},
                **{f"{name}axis": {**empty, "title": {"text": named(name, side)}, "range": [float(ends[0][n]), float(ends[1][n])]}
                   for n, name in enumerate("xyz")},
            },
            "margin": {"l": 0, "r": 0, "t": 48, "b": 0}, "paper_bgcolor": CLEAR,
        },
    }  # fmt: skip


def curves(log, wanted, y, title):
    """A figure with each of the wanted columns that there is, over time, or over steps where no time is told."""
    known = [name for names, rows in log.tables if rows for name in names]
    have = [name for name in wanted if name in known]
    if not have:
        if known:
            raise ValueError(f"The script's thermo_style has none of {', '.join(wanted)}, so there is nothing to draw here.")
        raise ValueError(NONE_YET)
    over = "Time" if "Time" in known else "Step"
    x = named("time", unit(log, TIME)) if over == "Time" else "step"
    if over not in known:
        raise ValueError("The script's thermo_style has no step, so there is nothing to draw its values over.")
    data = []
    for name, colour in zip(have, (BLUE, ORANGE, GREEN, GREY), strict=False):
        found = columns(log, (over, name))
        data.append(line(found[0], found[1], wanted[name], colour))
    return {"data": data, "layout": layout(title, x, y)}


def columns(log, names):
    """The wanted columns of all tables that have them, each an array."""
    tables = [(have, rows) for have, rows in log.tables if set(names) <= set(have)]
    return [np.array([row[have.index(name)] for have, rows in tables for row in rows], np.float64) for name in names]


def line(x, y, name, colour):
    stride = max(1, -(-len(x) // POINTS))
    whole = bool(len(x)) and np.all(x == np.round(x)) and float(np.abs(x).max()) < 2**31
    return {
        "type": "scatter", "mode": "lines" if len(x) > 1 else "markers", "name": name, "line": {"color": colour, "width": 2},
        "x": x[::stride].astype(np.int32 if whole else np.float64), "y": y[::stride].astype(np.float64),
    }  # fmt: skip


def energy(log):
    known = {name for names, rows in log.tables if rows for name in names}
    wanted = {"TotEng": "total", "PotEng": "potential", "KinEng": "kinetic"}
    if "PotEng" not in known:
        wanted = {"TotEng": "total", "E_pair": "of pairs", "E_mol": "of bonds", "KinEng": "kinetic"}
    each = "energy per atom" if log.units == "lj" else "energy"
    return curves(log, wanted, named(each, unit(log, ENERGY)), "Energy")


def temperature(log):
    return curves(log, {"Temp": "temperature"}, named("temperature", unit(log, TEMPERATURE)), "Temperature")


def stress(log):
    """The stress–strain curve where the output has v_strain and v_stress, else the pressure over time."""
    strain, pulled = columns(log, ("v_strain", "v_stress"))
    if not len(strain):
        wanted = {"Press": "pressure", "Pxx": "xx", "Pyy": "yy", "Pzz": "zz"}
        return curves(log, wanted, named("pressure", unit(log, PRESSURE)), "Pressure")
    top = int(np.argmax(pulled))
    label = f"{pulled[top]:.3f} at {100 * strain[top]:.1f} %"
    figure = {"data": [line(100 * strain, pulled, "stress", BLUE)]}
    figure["data"].append({
        "type": "scatter", "mode": "markers", "x": [100 * float(strain[top])], "y": [float(pulled[top])], "name": "largest",
        "marker": {"color": ORANGE, "size": 9}, "hovertemplate": label + "<extra></extra>",
    })  # fmt: skip
    figure["layout"] = layout(
        f"Largest stress {label} strain",
        "strain [%]",
        named("stress", unit(log, PRESSURE)),
        showlegend=False,
        hovermode="closest",
    )
    return figure
