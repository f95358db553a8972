"""Job cmd, code lammps: pictures of the atoms as LAMMPS writes them: finds the frames in dump files (text, styles atom and custom)
while they grow, and reads one of them."""

import glob
import itertools
import json
import os
from typing import NamedTuple

import numpy as np

INDEX = os.path.join("simyard", "frames.json")
MAX_FRAMES = 100_000
#: Atoms of a picture, at most, about.
ATOMS = 15_000
POSITIONS = (("x", "y", "z"), ("xu", "yu", "zu"), ("xs", "ys", "zs"), ("xsu", "ysu", "zsu"))


class Frame(NamedTuple):
    """Where a frame is: bytes `begin` to `end` of a file in the run's folder."""

    file: str
    begin: int
    end: int
    step: int
    atoms: int


class Atoms(NamedTuple):
    """Some of the atoms of a frame: positions (n, 3), one more number of each (n) with its name, the corners of the box (8, 3)."""

    step: int
    all: int
    positions: np.ndarray
    values: np.ndarray
    name: str
    corners: np.ndarray


def header(file):
    """(step, atoms, box's head, box's rows, columns) at the file's place; None if it is not whole yet, or is none."""
    step = atoms = box = rows = None
    for _ in range(16):
        line = file.readline()
        if not line.endswith(b"\n"):
            return None
        if line.startswith(b"ITEM: TIMESTEP"):
            step = file.readline()
        elif line.startswith(b"ITEM: NUMBER OF ATOMS"):
            atoms = file.readline()
        elif line.startswith(b"ITEM: BOX BOUNDS"):
            box, rows = line.split()[3:], [file.readline() for _ in range(3)]
        elif line.startswith(b"ITEM: ATOMS"):
            try:
                bounds = [[float(word) for word in row.split()] for row in rows or ()]
                return int(step), int(atoms), [one.decode() for one in box], bounds, line.decode("utf-8", "replace").split()[2:]
            except (TypeError, ValueError):
                return None
    return None


def scan(folder, name, begin=0):
    """The whole frames of a file from the byte `begin` on."""
    try:
        file = open(os.path.join(folder, name), "rb")  # noqa: SIM115 - closed by the with below
    except OSError:
        return
    with file:
        while True:
            file.seek(begin)
            head = header(file)
            if head is None:
                return
            body, last = 0, b"\n"
            for last in itertools.islice(file, head[1]):  # noqa: B007 - the last one is looked at
                body += 1
            if body < head[1] or not last.endswith(b"\n"):
                return
            end = file.tell()
            yield Frame(name, begin, end, head[0], head[1])
            begin = end


class Index:
    """The frames of the dumps so far, kept in a file: those who draw them have another process."""

    def __init__(self, folder):
        self.folder = folder
        self.frames = load(folder)
        self.places = {}
        for frame in self.frames:
            self.places[frame.file] = frame.end

    def look(self, patterns, forward):
        """Take in what has come. With `forward`, a frame of a step that has been before takes the place of those from there on:
        a run that goes on from a restart file repeats them."""
        before = len(self.frames)
        for name in self.names(patterns):
            for frame in scan(self.folder, name, self.places.get(name, 0)):
                self.places[name] = frame.end
                while forward and self.frames and self.frames[-1].step >= frame.step:
                    self.frames.pop()
                    before = -1
                if len(self.frames) < MAX_FRAMES:
                    self.frames.append(frame)
        if len(self.frames) != before:
            self.save()
        return len(self.frames)

    def names(self, patterns):
        root = os.path.realpath(self.folder) + os.sep
        for pattern in patterns:
            if "*" not in pattern:
                found = [pattern]
            else:
                found = glob.glob(glob.escape(self.folder) + os.sep + glob.escape(pattern).replace("[*]", "*"))
                found = sorted((os.path.relpath(one, self.folder) for one in found), key=by_number)
                # of a file for each frame, those that are known need no second look
                found = [one for one in found if one not in self.places]
            for name in found:
                # only what is the run's own is read
                if os.path.realpath(os.path.join(self.folder, name)).startswith(root):
                    yield name

    def save(self):
        path = os.path.join(self.folder, INDEX)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.frames, file)
        os.replace(path + ".part", path)


def forget(folder, step=0):
    """Leaves the frames after a step, and of a run from the start all: it makes them again, in files that it begins anew."""
    index = Index(folder)
    if index.frames:
        index.frames = [one for one in index.frames if step and one.step <= step]
        index.save()


def by_number(name):
    """Files of one pattern in the order of the steps in their names."""
    digits = "".join(one if one.isdigit() else " " for one in os.path.basename(name)).split()
    return [int(one) for one in digits], name


def load(folder):
    try:
        with open(os.path.join(folder, INDEX), encoding="utf-8") as file:
            return [Frame(*one) for one in json.load(file)]
    except (FileNotFoundError, ValueError):
        return []


def read(folder, frame, most=ATOMS):
    """The atoms of a frame, or every so many of them: `most` about. Raises ValueError where they have no positions."""
    with open(os.path.join(folder, frame.file), "rb") as file:
        file.seek(frame.begin)
        step, atoms, box, bounds, names = header(file)
        stride = max(1, -(-atoms // most))
        lines = [line.split() for line in itertools.islice(file, 0, atoms, stride)]
    found = next((one for one in POSITIONS if set(one) <= set(names)), None)
    if found is None:
        raise ValueError(f"The dump {frame.file} has no positions: its dump command must name x y z (or xs ys zs).")
    if any(len(row) != 2 + ("xy" in box) for row in bounds):
        raise ValueError(f"The box of {frame.file} is of a kind that is not drawn here.")
    positions = np.array([[float(line[names.index(axis)]) for axis in found] for line in lines], np.float64).reshape(-1, 3)
    origin, edges = cell(box, bounds)
    if found[0] in {"xs", "xsu"}:
        positions = origin + positions @ edges
    name = colour_of(names)
    values = np.zeros(len(lines))
    if name:
        try:
            values = np.array([float(line[names.index(name)]) for line in lines])
        except ValueError:
            name = ""
    corners = np.array([origin + np.array(some) @ edges for some in itertools.product((0, 1), repeat=3)])
    return Atoms(step, atoms, positions.astype(np.float32), values.astype(np.float32), name, corners)


def cell(box, bounds):
    """The origin and the edges (rows) of the box, which may be tilted: its bounds are then those of the box around it."""
    low = np.array([row[0] for row in bounds])
    high = np.array([row[1] for row in bounds])
    xy, xz, yz = (row[2] for row in bounds) if box[:1] == ["xy"] else (0.0, 0.0, 0.0)
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    size = high - low
    return low, np.array([[size[0], 0, 0], [xy, size[1], 0], [xz, yz, size[2]]])


def colour_of(names):
    """The column that says most about an atom: something computed, else its type."""
    computed = [one for one in names if one[:2] in {"c_", "v_", "f_", "d_"}]
    return computed[0] if computed else ("type" if "type" in names else "")
