"""Job cmd, code madx: reads a table that MAD-X wrote (TFS: @ header, * columns, $ formats, rows)."""

import glob
import os
import shlex

import numpy as np

MAX_BYTES = 256 << 20


def read(path):
    """(header, columns) with lower-case names: numbers as float arrays, texts as lists. Raises ValueError for what is no TFS."""
    header, names, formats, rows = {}, [], [], []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            mark = line[:1]
            if mark == "@":
                name, kind, value = line[1:].split(None, 2)
                header[name.lower()] = value.strip().strip('"') if kind.endswith("s") else float(value)
            elif mark == "*":
                names = line[1:].lower().split()
            elif mark == "$":
                formats = line[1:].split()
            elif line.strip() and mark != "#":
                rows.append(shlex.split(line) if '"' in line else line.split())
    if not names or len(formats) != len(names) or any(len(row) != len(names) for row in rows):
        raise ValueError(f"{os.path.basename(path)} is not a complete TFS table.")
    columns = {}
    for number, (name, kind) in enumerate(zip(names, formats, strict=True)):
        values = [row[number] for row in rows]
        columns[name] = values if kind.endswith("s") else np.array(values, np.float64)
    return header, columns


def newest_twiss(folder, since):
    """(header, columns) of the newest Twiss table in `folder` written after `since`; None if there is none."""
    paths = [path for path in glob.glob(os.path.join(glob.escape(folder), "*")) if os.path.isfile(path)]
    for path in sorted(paths, key=os.path.getmtime, reverse=True):
        if os.path.getmtime(path) < since or os.path.getsize(path) > MAX_BYTES:
            continue
        try:
            with open(path, "rb") as file:
                if file.read(1) != b"@":
                    continue
            header, columns = read(path)
        except (OSError, ValueError):
            continue
        if {"s", "betx", "bety"} <= columns.keys() and len(columns["s"]):
            return header, columns
    return None
