"""Job cmd, code madx: MAD-X itself, the library inside cpymad, driven in a process that is thrown away afterwards.

Import this before anything else loads the library: MAD-X is half Fortran, and Fortran's output must come in order with C's.
"""

import ctypes
import os
import tempfile
import time

os.environ["GFORTRAN_UNBUFFERED_PRECONNECTED"] = "y"  # read by the Fortran runtime when the library is loaded

import madx_words
import numpy as np
from cpymad import libmadx

LIBC = ctypes.CDLL(None)
LINE_BUFFERED = 1
MADV_DONTNEED = 4
#: Memory that is large enough to be looked through for zeros, and the parts in which that is done (bytes).
LARGE, PART = 64 << 20, 1 << 20
MAGNETS = ("sbend", "rbend", "dipole", "quadrupole", "sextupole", "octupole")


class Failed(Exception):
    """MAD-X has said why; the words are looked for in its output."""


#: What MAD-X said when it was started.
GREETING = [b""]
#: The variables that MAD-X has by itself, and makes in matching.
OWN = {"tar"}


def start():
    """Start MAD-X in this process, which takes as long as a small ring: once, in the warm process whose forks then have it.
    From then on, what it prints goes line by line to descriptor 1; what it says at its start is kept for `greet`.

    Descriptor 0 must be what it is in a run, /dev/null: where it is a pipe or a terminal, MAD-X takes itself for interactive from
    then on, echoes no statements, and only warns of a file that it cannot open."""
    LIBC.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    LIBC.setvbuf(ctypes.c_void_p.in_dll(LIBC, "stdout"), None, LINE_BUFFERED, 0)
    with tempfile.TemporaryFile() as file:
        stdout = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            libmadx.start()
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)
        file.seek(0)
        GREETING[0] = file.read()
    OWN.update(libmadx.get_globals())
    let_go_of_zeros()


def let_go_of_zeros():
    """Give back pages that hold nothing but zeros. MAD-X has 300 MB of arrays that are touched while it is loaded, and each fork
    copies, and frees again, what the kernel keeps of each of their pages: 5 of the 7 ms that a fork took. Afterwards they read
    as zeros as before."""
    LIBC.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    LIBC.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    zeros = ctypes.create_string_buffer(PART)
    with open("/proc/self/maps", encoding="ascii", errors="replace") as file:
        regions = [line.split() for line in file]
    for region in regions:
        start, end = (int(word, 16) for word in region[0].split("-"))
        if region[1] != "rw-p" or len(region) > 5 or end - start < LARGE:
            continue  # small, or not this process's own and nameless memory
        for place in range(start, end, PART):
            size = min(PART, end - place)
            if LIBC.memcmp(place, zeros, size) == 0:
                LIBC.madvise(place, size, MADV_DONTNEED)


def greet():
    """What MAD-X said at its start, where it prints now, and with the time of now."""
    os.write(1, madx_words.dated(GREETING[0], time.localtime()))


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


def repeated(table):
    """Whether rows have the same name, as in sequences that are inside another several times: MAD-X gives errors to the first only."""
    names = columns(table, ("name",))["name"]
    names = [name for name in names.tolist() if "$" not in name and not name.endswith(":0")]
    return len(set(names)) < len(names)


def rows(table):
    return libmadx.get_table_row_count(table) if libmadx.table_exists(table) else 0


def variables():
    """The variables that the job has made, with small letters: not those that MAD-X has by itself."""
    return [name for name in libmadx.get_globals() if name not in OWN]


def value(expression):
    """What MAD-X makes of an expression."""
    return float(libmadx.eval(expression))


def has_attribute(element, attribute):
    """(whether there is such an element, whether it has that attribute)."""
    try:
        return True, attribute in libmadx.get_global_element(libmadx.get_global_element_index(element))["data"]
    except (ValueError, RuntimeError, KeyError, IndexError):
        return False, False


def used():
    """The sequence in use; raises ValueError in the user's words where there is none."""
    name = sequence()
    if not name:
        raise ValueError("There is no sequence in use after the job: put a use statement at its end.")
    return name


def twiss(table, words=""):
    """A Twiss of the sequence in use, into a table of that name; returns its summary. Raises Failed."""
    if not command(f"twiss, table={table}{words};") or not summary(table):
        raise Failed
    return summary(table)


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
    command("\n".join([*lines, "endsequence;", beam_statement(name, copy), f"use, sequence={copy};"]))
    return copy


def beam_statement(name, other, **changed):
    """The statement that gives `other` the beam of the sequence `name`, but for what is `changed`."""
    beam = {key: one.value for key, one in libmadx.get_sequence_beam(name)["data"].items()}
    beam.update(changed)
    wanted = ("mass", "charge", "energy", "ex", "ey", "et", "sigt", "sige", "kbunch", "npart", "bv")
    told = ", ".join(f"{key}={beam[key]!r}" for key in wanted)
    return f"beam, sequence={other}, particle={beam['particle']}, {told};"
