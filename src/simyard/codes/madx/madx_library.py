"""Job cmd, code madx: MAD-X itself, the library inside cpymad, driven in a process that is thrown away afterwards.

Import this before anything else loads the library: MAD-X is half Fortran, and Fortran's output must come in order with C's.
"""

import ctypes
import os

os.environ["GFORTRAN_UNBUFFERED_PRECONNECTED"] = "y"  # read by the Fortran runtime when the library is loaded

import numpy as np
from cpymad import libmadx

LIBC = ctypes.CDLL(None)
LINE_BUFFERED = 1
MAGNETS = ("sbend", "rbend", "dipole", "quadrupole", "sextupole", "octupole")


def start():
    """A fresh MAD-X in this process; what it prints goes line by line to descriptor 1."""
    LIBC.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    LIBC.setvbuf(ctypes.c_void_p.in_dll(LIBC, "stdout"), None, LINE_BUFFERED, 0)
    libmadx.start()


def command(text):
    """Have MAD-X execute statements; False if it says that they failed. A fatal error ends the process, by MAD-X's exit(1)."""
    return bool(libmadx.input(text))


def call(name):
    """Execute a job file."""
    quote = '"' if '"' not in name else "'"
    if quote in name or "\n" in name:
        raise ValueError(f"MAD-X cannot read a file of this name: {name!r}. Rename it.")
    return command(f"call, file={quote}{name}{quote};")


def finish():
    """MAD-X's last words (its count of warnings), and all output on its way."""
    libmadx.finish()
    LIBC.fflush(None)


def twiss_table():
    """The name of the table of the last Twiss, "" if there is none with rows and a summary."""
    names = [name for name in libmadx.get_table_names() if not name.startswith("my")]
    names.sort(key=lambda name: name == "twiss")
    for name in reversed(names):
        columns = libmadx.get_table_column_names(name)
        if "betx" in columns and "keyword" in columns and libmadx.get_table_row_count(name) and summary(name):
            return name
    return ""


def summary(table):
    """What stands in the table's header, {} if it was never finished."""
    try:
        return {key.lower(): value for key, value in libmadx.get_table_summary(table).items()}
    except (ValueError, RuntimeError):
        return {}


def columns(table, names):
    """Copies of those columns that the table has: MAD-X frees and reuses its own."""
    have = set(libmadx.get_table_column_names(table))
    return {name: np.array(libmadx.get_table_column(table, name)) for name in names if name in have}


def rows(table):
    return libmadx.get_table_row_count(table) if libmadx.table_exists(table) else 0


def sequence():
    """The sequence in use, "" for none."""
    try:
        return libmadx.get_active_sequence_name() or ""
    except (RuntimeError, ValueError):
        return ""


def elements(name):
    """What stands in the expanded sequence, drifts and the sequences' own marks left out."""
    found = [libmadx.get_expanded_element(name, index) for index in range(libmadx.get_expanded_element_count(name))]
    return [one for one in found if one["base_type"] != "drift" and "$" not in one["name"]]


def is_thick(name):
    """Whether the sequence has magnets with a length, which tracking wants sliced."""
    return any(one["length"] > 0 and one["base_type"] in MAGNETS for one in elements(name))


def centred(name, copy):
    """Make the sequence `copy` of the same elements at the same places, given by their centres, with the same beam; returns `copy`."""
    length = libmadx.get_expanded_element_positions(name)[-1]
    lines = [f"{copy}: sequence, l={length!r}, refer=centre;"]
    lines += [f"{one['name']}, at={one['position'] + one['length'] / 2!r};" for one in elements(name)]
    beam = {key: one.value for key, one in libmadx.get_sequence_beam(name)["data"].items()}
    wanted = ("mass", "charge", "energy", "ex", "ey", "et", "sigt", "sige", "kbunch", "npart", "bv")
    told = ", ".join(f"{key}={beam[key]!r}" for key in wanted)
    command(
        "\n".join(
            [*lines, "endsequence;", f"beam, sequence={copy}, particle={beam['particle']}, {told};", f"use, sequence={copy};"]
        )
    )
    return copy
