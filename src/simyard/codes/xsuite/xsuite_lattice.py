"""Job cmd, code xsuite: the lattice, read by MAD-X itself in a process that is thrown away, and turned into a line of Xsuite's.

MAD-X ends its process at an error, and keeps what it was told: so it gets a fork for itself, with the library already loaded.
What it prints goes to the run's log as it comes.
"""

import ctypes
import json
import os
import sys
import traceback

os.environ["GFORTRAN_UNBUFFERED_PRECONNECTED"] = "y"  # read by the Fortran runtime when the library is loaded

import numpy as np
import xsuite_ring
import xsuite_words
import xtrack as xt
from cpymad import libmadx
from cpymad.madx import Madx

FOLDER = "simyard"
LINE = os.path.join(FOLDER, "line.json")
PROBLEM = os.path.join(FOLDER, "lattice.json")
#: The exit status by which the child says that it has left words in PROBLEM.
SAID = 3
#: Bytes of MAD-X's output that are kept to explain a failure.
KEPT = 1 << 20
LINE_BUFFERED = 1
LIBC = ctypes.CDLL(None)
APERTURE = "simyard_aperture"

# neither words nor bars: the log is for what happens
xt.settings.print_mode = "suppress"
xt.settings.progress_indicator = "suppress"


def warm():
    """Load the compiled kernels, which forks then have."""
    line = xt.Line(elements=[xt.Drift(length=1.0)])
    line.particle_ref = xt.Particles(p0c=1e9)
    line.build_tracker()
    line.track(line.particle_ref.copy())


def job_of(run):
    """The name of the file that MAD-X reads: the user's, or that of the ring that Simyard makes."""
    if run.inputs["lattice"]:
        return run.inputs["lattice"]
    return "ring.madx" if "ring.madx" not in run.files else "simyard_ring.madx"


def read(run):
    """The line, with its reference particle; raises ValueError in words. `told` of it: the sequence's name, and warnings."""
    os.makedirs(FOLDER, exist_ok=True)
    sys.stdout.flush()
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        child(run, send)
    os.close(send)
    said = b""
    with open(receive, "rb", buffering=0) as pipe:
        while part := pipe.read(1 << 16):
            os.write(1, part)
            said = (said + part)[-KEPT:]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    words = said.decode("utf-8", "replace")
    if status == SAID:
        with open(PROBLEM, encoding="utf-8") as file:
            raise ValueError(json.load(file))
    if status:
        raise ValueError(xsuite_words.of_madx(words, status, job_of(run), run.files))
    found = xt.json.load(LINE)
    os.remove(LINE)
    line = xt.Line.from_dict(found["line"])
    if not run.inputs["cavities"]:
        for cavity in cavities(line):
            cavity.voltage = 0
    return line, {"sequence": found["sequence"], "particle": found["particle"], "warnings": xsuite_words.warnings(words)}


def child(run, send):
    """Does not return. Whatever goes wrong becomes words: who reads them is the parent."""
    status = 1
    try:
        os.dup2(send, 1)
        os.dup2(send, 2)
        LIBC.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
        LIBC.setvbuf(ctypes.c_void_p.in_dll(LIBC, "stdout"), None, LINE_BUFFERED, 0)
        convert(run)
        status = 0
    except ValueError as error:
        with open(PROBLEM, "w", encoding="utf-8") as file:
            json.dump(str(error), file)
        status = SAID
    except SystemExit:
        pass  # MAD-X has said why
    except BaseException:  # noqa: BLE001 - the wall of a process
        traceback.print_exc()
    finally:
        LIBC.fflush(None)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def convert(run):
    name = job_of(run)
    quote = '"' if '"' not in name else "'"
    if quote in name or "\n" in name:
        raise ValueError(f"MAD-X cannot read a file of this name: {name!r}. Rename it.")
    madx = Madx(libmadx=libmadx)
    good = libmadx.input(f"call, file={quote}{name}{quote};")
    names = list(libmadx.get_sequence_names())
    if not good and not names:
        raise SystemExit(1)  # else go on: a twiss of the job's own that failed says less than Xsuite will
    used = active()
    if used and not madx.sequence[used].is_expanded:
        used = ""  # the one that was defined last
    wanted = choose(run.inputs["sequence"], names, used)
    if used != wanted or not has_beam(madx, wanted):
        use(run, madx, wanted)
    sequence = madx.sequence[wanted]
    beam = sequence.beam
    try:
        line = xt.Line.from_madx_sequence(
            sequence, deferred_expressions=False, allow_thick=True, install_apertures=True, with_progress=False
        )
    except (NotImplementedError, ValueError, KeyError) as error:
        raise ValueError(f"Xsuite has nothing for a part of the sequence {wanted}: {xsuite_words.short(error)}") from error
    # the fringe of a hard edge is not linear: what is left out of it is missing in the chromaticity, in a small ring most of it
    line.configure_bend_model(edge="full")
    line.particle_ref = xt.Particles(p0c=beam.pc * 1e9, mass0=beam.mass * 1e9, q0=beam.charge)
    xt.json.dump({"line": line.to_dict(), "sequence": wanted, "particle": str(beam.particle)}, LINE)
    libmadx.finish()


def active():
    try:
        return libmadx.get_active_sequence_name() or ""
    except (RuntimeError, ValueError):
        return ""


def choose(wanted, names, used):
    """Which sequence is meant; raises ValueError in words where that is not said."""
    if wanted:
        found = [name for name in names if name.lower() == wanted.lower()]
        if not found:
            have = f"It has {', '.join(names)}." if names else "It has none."
            raise ValueError(f"The lattice has no sequence {wanted!r}. {have}")
        return found[0]
    if used:
        return used
    if not names:
        raise ValueError("The lattice has no sequence: is it a MAD-X file with sequence … endsequence?")
    if len(names) > 1:
        raise ValueError(
            f"The lattice has {len(names)} sequences and uses none: {', '.join(names)}. Name one under Sequence, or end the file with a use statement."
        )
    return names[0]


def has_beam(madx, name):
    try:
        return bool(madx.sequence[name].has_beam)
    except (RuntimeError, ValueError):
        return False


def use(run, madx, name):
    """Put the sequence into use, with the beam of the inputs where the file gives it none."""
    lines = []
    if not has_beam(madx, name):
        xsuite_ring.check_energy(run.inputs["particle"], run.inputs["energy"])
        lines.append(f"beam, sequence={name}, particle={run.inputs['particle']}, energy={run.inputs['energy']!r};")
    if not libmadx.input("\n".join([*lines, f"use, sequence={name};"])) or active() != name:
        raise SystemExit(1)


def cavities(line):
    return [one for one in line.elements if isinstance(one, xt.Cavity)]


def method(line):
    """4d where momentum stays: unless a cavity gives voltage."""
    return "6d" if any(float(one.voltage) and float(one.frequency or one.harmonic) for one in cavities(line)) else "4d"


def twiss(line):
    """Xtrack's periodic Twiss; raises ValueError in words where there is none."""
    how = method(line)
    try:
        table = line.twiss(method=how, strengths=True)
    except xsuite_words.no_kernel() as error:
        raise ValueError(xsuite_words.kernel(error)) from error
    except Exception as error:  # it raises bare exceptions of many kinds: the matrix of one turn says what is the matter
        raise ValueError(xsuite_words.unstable(cosines(line), how, error)) from error
    if not np.isfinite([table.qx, table.qy, *table.betx[:1], *table.bety[:1]]).all():
        raise ValueError(xsuite_words.unstable(cosines(line), how, ValueError("the tunes are no numbers")))
    return table


def cosines(line):
    """Cos µ of each plane: half the trace of its part of the matrix of one turn around the axis, NaN where particles get lost."""
    step = 1e-9
    start = np.concatenate([np.eye(4), -np.eye(4)]) * step
    particles = line.particle_ref.copy()
    particles = xt.Particles(
        p0c=float(particles.p0c[0]), mass0=particles.mass0, q0=particles.q0,
        x=start[:, 0], px=start[:, 1], y=start[:, 2], py=start[:, 3],
    )  # fmt: skip
    line.track(particles, num_turns=1)
    if (particles.state <= 0).any():
        return float("nan"), float("nan")
    end = np.empty((8, 4))
    end[particles.particle_id] = np.stack([particles.x, particles.px, particles.y, particles.py], 1)
    matrix = ((end[:4] - end[4:]) / (2 * step)).T
    return float(np.trace(matrix[:2, :2]) / 2), float(np.trace(matrix[2:, 2:]) / 2)


def thin(line, slices, aperture):
    """The line that particles are tracked through: with an aperture (metres) behind each element that is no drift, thick magnets sliced."""
    env, reference = line.env, line.particle_ref
    env.elements[APERTURE] = xt.LimitEllipse(a=aperture, b=aperture)
    names = []
    for name in line.element_names:
        names.append(name)
        if not isinstance(line[name], (xt.Drift, xt.Marker)):
            names.append(APERTURE)
    line = env.new_line(components=[APERTURE, *names])
    line.particle_ref = reference
    if slices:
        # thin lenses leave out more of a dipole than its fringes, with which tracking takes more than twice as long
        line.configure_bend_model(edge="linear")
        line.slice_thick_elements([xt.Strategy(xt.Teapot(slices)), xt.Strategy(None, element_type=xt.Cavity)])
    line.build_tracker()
    line.optimize_for_tracking(verbose=False)
    return line
