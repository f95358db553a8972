# -*- coding: utf-8 -*-
"""Job cmd, stop 5: reads tables of numbers that programs write (text, CSV, HDF5), and draws them as Plotly figures.

For template.py, which asks runner.py for it when a report is wanted. Standard library only, Python 2.7 and 3.6+; HDF5 is read by
h5py where the code's interpreter has it.
"""
from __future__ import unicode_literals

import base64
import io
import math
import os
import re
import sys
from array import array

PY2 = str is bytes
#: Files are read up to this size (bytes); curves are drawn by so many points, maps by so many cells along a side.
MAX_FILE, MAX_POINTS, MAX_SIDE = 256 << 20, 20000, 512
GRID = "rgba(128,128,128,0.25)"
#: Blue, orange, green, … that the colour-blind can tell apart (Okabe and Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
HDF5 = (".h5", ".hdf5")


def text_of(path):
    name = os.path.basename(path)
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def doubles(values=()):
    return array(str("d"), values)


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def number(field):
    """A number as programs write it: also Fortran's 1.5D+03, and not a number where there is nothing."""
    try:
        return float(field)
    except ValueError:
        field = field.strip().strip('"')
        return float(re.sub("[dD]", "e", field)) if field else float("nan")


def split(line, comma):
    return [field.strip().strip('"').strip() for field in line.split(comma)] if comma else line.split()


def comma_of(path, line):
    """What separates the columns: in a CSV a comma, semicolon or tab, whichever there are most of; else spaces (None)."""
    if not text_of(path).lower().endswith(".csv"):
        return None
    return max(",;\t", key=line.count)


def rows_of(path, whole, names):
    """The rows of a text file, each an array of floats; `names` is given the columns' names before the first one. Lines that begin
    with #, ! or % are comments; the last one before the numbers, or a first line that is no numbers, has the names. `whole`: nobody
    writes there any more; else a last line without an end is left out. Raises ValueError."""
    if os.path.getsize(path) > MAX_FILE:
        raise ValueError("%s is larger than %d MiB: let the program write less often." % (text_of(path), MAX_FILE >> 20))
    head, comma, width = [], None, 0
    with io.open(path, encoding="utf-8-sig", errors="replace") as file:
        for count, line in enumerate(file, 1):
            if not whole and not line.endswith("\n"):
                break
            plain = line.strip()
            if not plain:
                continue
            if plain[0] in "#!%":
                if not width:
                    head = split(plain.lstrip("#!%"), comma_of(path, plain))
                continue
            comma = comma if width else comma_of(path, plain)
            fields = split(plain, comma)
            try:
                row = doubles([number(field) for field in fields])
            except ValueError:
                if width:
                    raise ValueError("%s, line %d: %s is not a row of numbers." % (text_of(path), count, plain[:60]))
                head = fields
                continue
            if not width:
                width = len(row)
                names.extend(head if len(head) == width else ())
            if len(row) != width:
                raise ValueError("%s, line %d: %d columns, where there are %d above." % (text_of(path), count, len(row), width))
            yield row
    if not width:
        raise ValueError("%s has no numbers yet." % text_of(path))


def columns_of(path, wanted, whole):
    """The columns of a text file, by their names or numbers (from 1). Raises ValueError."""
    names, found, at = [], [doubles() for _ in wanted], None
    for row in rows_of(path, whole, names):
        at = at or [place_of(path, one, names, len(row)) for one in wanted]
        for column, place in zip(found, at):
            column.append(row[place])
    return found


def place_of(path, wanted, names, width):
    """Which column is meant, from 0."""
    at = wanted - 1 if isinstance(wanted, int) else names.index(wanted) if wanted in names else -1
    if not 0 <= at < width:
        have = ", ".join(names) if names else "%d, without names" % width
        raise ValueError("%s has no column %s; its columns: %s." % (text_of(path), wanted, have))
    return at


# ── HDF5 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def warm():
    """Import h5py while the code is kept warm, if it is there."""
    try:
        import h5py
    except ImportError:
        return
    h5py.get_config()


class Hdf5(object):
    """An HDF5 file, open for reading."""

    def __init__(self, path):
        try:
            import h5py
        except ImportError:
            raise ValueError(
                "%s is HDF5, which needs h5py, and %s does not have it: write python = \"NAME\" and requires = [\"h5py\"] into code.toml, "
                "then run `simyard code install` for this code." % (text_of(path), sys.executable)
            )
        self.name = text_of(path)
        try:
            self.file = h5py.File(path, "r")
        except EnvironmentError as error:
            raise ValueError("%s cannot be read (while it is being written it never can): %s" % (self.name, error))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.file.close()

    def dataset(self, name, dimensions):
        found = self.file.get(name)
        if not hasattr(found, "shape"):
            have = []
            self.file.visititems(lambda path, one: have.append(path) if hasattr(one, "shape") else None)
            raise ValueError("%s has no dataset %s; it has %s." % (self.name, name, ", ".join(have[:20]) or "none"))
        if len(found.shape) != dimensions or found.dtype.kind not in "fiub":
            raise ValueError("%s: %s must be numbers in %d dimensions, not %s." % (self.name, name, dimensions, found.shape))
        if found.size > MAX_FILE // 8:
            raise ValueError("%s: %s has more than %d numbers." % (self.name, name, MAX_FILE // 8))
        return found

    def numbers(self, values):
        return doubles(values.astype("f8").ravel().tolist())


def frames(path, name):
    """How many frames a dataset of three dimensions has."""
    with Hdf5(path) as file:
        return int(file.dataset(name, 3).shape[0])


# ── figures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def figure(path, wanted, frame, whole):
    """The Plotly figure of a report as code.toml declares it. Raises ValueError with a sentence for the user."""
    hdf5 = text_of(path).lower().endswith(HDF5)
    layout = {
        "xaxis": {"title": {"text": wanted.get("x_title", "")}, "zeroline": False, "gridcolor": GRID},
        "yaxis": {"title": {"text": wanted.get("y_title", "")}, "zeroline": False, "gridcolor": GRID},
        "margin": {"l": 64, "r": 16, "t": 24, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
    if wanted.get("plot", "lines") == "heatmap":
        return {"data": [heatmap(path, wanted, frame, whole, hdf5)], "layout": layout}
    names = ([wanted["x"]] if "x" in wanted else []) + wanted["y"]
    if hdf5:
        with Hdf5(path) as file:
            found = [file.numbers(file.dataset(name, 1)[...]) for name in names]
    else:
        found = columns_of(path, names, whole)
    if len(set(map(len, found))) > 1:
        raise ValueError("%s: the columns %s are not equally long." % (text_of(path), ", ".join(map("{}".format, names))))
    x = found.pop(0) if "x" in wanted else doubles(range(1, len(found[0]) + 1))
    if not wanted.get("x_title"):
        layout["xaxis"]["title"]["text"] = name_of(wanted.get("x", "row"))
    if not wanted.get("y_title") and len(found) == 1:
        layout["yaxis"]["title"]["text"] = name_of(wanted["y"][0])
    data = []
    for count, (name, y) in enumerate(zip(wanted["y"], found)):
        thin_x, thin_y = thin(x, y)
        line = {"color": COLOURS[count % len(COLOURS)], "width": 2}
        data.append({"type": "scatter", "mode": "lines", "name": name_of(name), "x": thin_x, "y": thin_y, "line": line})
    layout["showlegend"] = len(data) > 1
    layout["legend"] = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
    return {"data": data, "layout": layout}


def name_of(column):
    return "column %d" % column if isinstance(column, int) else column


def thin(x, y):
    """A curve of no more than MAX_POINTS points: of each stretch the lowest and the highest, so that no peak goes missing."""
    if len(y) <= MAX_POINTS:
        return x, y
    stretch = -(-2 * len(y) // MAX_POINTS)
    kept = []
    for first in range(0, len(y), stretch):
        there = [at for at in range(first, min(first + stretch, len(y))) if y[at] == y[at]] or [first]
        kept += sorted(set((min(there, key=y.__getitem__), max(there, key=y.__getitem__))))
    return doubles([x[at] for at in kept]), doubles([y[at] for at in kept])


def heatmap(path, wanted, frame, whole, hdf5):
    if hdf5:
        with Hdf5(path) as file:
            cube = wanted.get("frames") and "*" not in wanted["file"]
            found = file.dataset(wanted["z"], 3 if cube else 2)
            if cube and frame >= found.shape[0]:
                raise ValueError("There is no frame %d: there are %d." % (frame + 1, found.shape[0]))
            rows = [file.numbers(row) for row in (found[frame] if cube else found[...])]
    else:
        rows = list(rows_of(path, whole, []))
    if not rows or not rows[0]:
        raise ValueError("%s has no numbers yet." % text_of(path))
    size = -(-max(len(rows), len(rows[0])) // MAX_SIDE)
    shift = (size - 1) / 2.0
    rows = coarse(rows, size) if size > 1 else rows
    return {
        "type": "heatmap", "z": typed(rows), "x0": shift, "dx": size, "y0": shift, "dy": size, "colorscale": "Viridis",
        "colorbar": {"thickness": 12, "outlinewidth": 0},
    }


def coarse(rows, size):
    """The means of blocks of `size` times `size` cells; those at the far ends may be smaller."""
    made = []
    for top in range(0, len(rows), size):
        band = rows[top : top + size]
        line = []
        for left in range(0, len(rows[0]), size):
            cells = [value for row in band for value in row[left : left + size]]
            line.append(math.fsum(cells) / len(cells) if all(value - value == 0 for value in cells) else float("nan"))
        made.append(doubles(line))
    return made


def typed(rows):
    """A matrix as a Plotly typed array."""
    flat = doubles()
    for row in rows:
        flat.extend(row)
    if sys.byteorder != "little":
        flat.byteswap()
    data = flat.tostring() if PY2 else flat.tobytes()
    return {"dtype": "f8", "bdata": base64.b64encode(data).decode("ascii"), "shape": "%d, %d" % (len(rows), len(rows[0]))}
