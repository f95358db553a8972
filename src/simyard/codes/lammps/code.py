"""Job cmd, code lammps: runs the user's input script, or that of a system of Simyard's own, with the program `lmp`.

LAMMPS is a command: what it prints is the run's log, from which its progress, its curves and what went wrong are read.
Its frames are the dumps that it writes.
"""

import importlib.util
import math
import os
import re
import shutil
import sys
import sysconfig

import lammps_dump
import lammps_input
import lammps_log
import lammps_pictures
import lammps_words

HERE = "simyard"
#: The atoms at the start, as the check has them written.
START = os.path.join(HERE, "start.dump")
CHECK = "simyard_check.in"
#: Bytes of a log that are read for messages and curves, from either end.
LOG_PART = 32 << 20
#: Young's modulus is the slope of the stress up to this strain.
ELASTIC = 0.02
#: Followers of logs by their paths: progress is asked twice a second, and reads what is new.
FOLLOWED = {}


def package():
    """The folder of the package that has the program inside, "" where there is none. The package itself is not loaded."""
    spec = importlib.util.find_spec("lammps")
    places = (spec.submodule_search_locations or []) if spec else []
    return next((one for one in places if os.path.exists(os.path.join(one, "lmp"))), "")


def program():
    """The path of `lmp`: that of this interpreter's packages, else the one on PATH; sets the environment that it needs."""
    inside = package()
    if not inside:
        found = shutil.which("lmp")
        if not found:
            raise ValueError("There is no LAMMPS: run `simyard code install lammps`, or let the site have `lmp` on PATH.")
        return found
    # MPI's are beside the interpreter, or, in an image, among its packages
    folders = [os.path.join(sys.prefix, "lib"), os.path.join(sysconfig.get_path("purelib"), "lib")]
    libraries = next((one for one in folders if os.path.exists(os.path.join(one, "libmpi.so.12"))), "")
    if libraries:  # that of MPICH's wheel, which `lmp` was made for
        old = os.environ.get("LD_LIBRARY_PATH")
        os.environ["LD_LIBRARY_PATH"] = libraries + (os.pathsep + old if old else "")
        # where tasks of an account without root share a machine, MPICH's other way between them (UCX) was seen to hang
        os.environ.setdefault("MPIR_CVAR_CH4_NETMOD", "ofi")
    potentials = os.path.join(inside, "share", "lammps", "potentials")
    if os.path.isdir(potentials):
        os.environ.setdefault("LAMMPS_POTENTIALS", potentials)
    return os.path.join(inside, "lmp")


def script_of(run):
    """The name of the script: the user's, or that of the system that Simyard makes."""
    if run.inputs["script"]:
        return run.inputs["script"]
    name = run.inputs["system"] + ".in"
    return name if name not in run.files else "simyard_" + name


def checkpoint(run):
    """The newest restart file of a run that goes on, and its step: ("", 0) where there is none."""
    name = re.compile(re.escape(run.inputs["system"]) + r"\.(\d+)\.restart$")
    found = [(int(match[1]), match[0]) for match in map(name.match, os.listdir(run.dir)) if match]
    step, file = max(found, default=(0, ""))
    return file, step


def prepare(run):
    command, name, part = [program()], script_of(run), ""
    if not run.inputs["script"]:
        file, step = checkpoint(run) if run.resumed else ("", 0)
        part = f".{step}" if file else ""
        write(run, name, lammps_input.script(run.inputs, file, step, first_length(run), restart=run.model == "dynamics"))
        lammps_dump.forget(run.dir, step)
        remove(run, f"particles{part}.dump")  # which LAMMPS will begin anew
    elif run.resumed:
        lammps_dump.forget(run.dir)
    remove(run, lammps_input.STOP)  # of the part before, which it has ended
    os.makedirs(os.path.join(run.dir, HERE), exist_ok=True)
    if run.model == "check":
        write(run, CHECK, check(name))
        return [*command, "-skiprun", "-in", CHECK, "-echo", "both", "-nonbuf"]
    if run.tasks > 1:
        if not run.launcher:
            raise ValueError(f"There is no mpirun to start LAMMPS on {run.tasks} cores: ask for one core.")
        command = [*run.launcher, *command]
    # -nonbuf: what it prints is there at once, for whoever watches
    return [*command, "-in", name, "-echo", "both", "-nonbuf", "-log", f"log{part}.lammps"]


def remove(run, name):
    if os.path.exists(os.path.join(run.dir, name)):
        os.remove(os.path.join(run.dir, name))


def write(run, name, text):
    with open(os.path.join(run.dir, name), "w", encoding="utf-8") as file:
        file.write(text)


def check(name):
    """A script that executes another one without its steps, and then computes energy and forces once."""
    quote = '"' if '"' not in name else "'"
    return (
        f"include {quote}{name}{quote}\n"
        "# the steps were skipped; from here on they are not\n"
        "timer timeout off\n"
        f'if "$(extract_setting(box_exist)) == 1" then "run 0" "write_dump all custom {START} id type x y z modify sort id"\n'
    )


def first_length(run):
    """The length before the pull, as the part before has written it."""
    try:
        with open(os.path.join(run.dir, lammps_input.LENGTH), encoding="ascii") as file:
            return lammps_input.number(float(file.read()))
    except (FileNotFoundError, ValueError):
        return ""


def follow(run):
    """What is in the log so far; only what is new is read."""
    path = os.path.join(run.run_dir, "run.log")
    log, place = FOLLOWED.get(path) or (lammps_log.Log(), 0)
    try:
        with open(path, "rb") as file:
            file.seek(place)
            for part in iter(lambda: file.read(LOG_PART), b""):
                whole = part.rfind(b"\n") + 1
                if not whole:
                    break
                log.feed(part[:whole].decode("utf-8", "replace"))
                log.forget()  # progress needs no rows
                place += whole
                file.seek(place)
    except FileNotFoundError:
        pass  # it prints nothing yet
    FOLLOWED[path] = (log, place)
    return log


def index_of(run):
    if run.dir not in FOLLOWED:
        FOLLOWED[run.dir] = lammps_dump.Index(run.dir)
    return FOLLOWED[run.dir]


def steps_of(run):
    """All steps of the user's script, None where that is not known."""
    key = (run.dir, "steps")
    if key not in FOLLOWED:
        FOLLOWED[key] = lammps_words.total_steps(run.dir, run.inputs["script"])
    return FOLLOWED[key]


def progress(run):
    if run.must_stop and not run.inputs["script"]:
        write(run, lammps_input.STOP, "")
    log = follow(run)
    told = {}
    if run.model == "check":
        return told
    own = not run.inputs["script"]
    told["frames"] = index_of(run).look(log.dump_files(), forward=own)
    if own:
        step, total = log.step, lammps_input.steps(run.inputs)
        stage = next((one for one in lammps_input.stages(run.inputs) if step < one.end), None)
        doing = stage.title if stage else "done"
        told.update(fraction=min(1.0, step / total), message=f"{doing}, step {step:,} of {total:,}")
        return told
    total, done = steps_of(run), log.steps()
    if log.ended or log.last.split()[:1] == ["quit"]:
        told.update(fraction=1.0, message=f"{done:,} steps")
    elif not log.running and not log.runs:
        told["message"] = "LAMMPS reads the script"
    elif total:
        told.update(fraction=min(0.999, done / total), message=f"step {done:,} of {total:,}")
    else:
        told["message"] = f"run {log.runs + log.running}, step {log.step:,}"
    return told


def finish(run):
    own = not run.inputs["script"]
    text, log = log_of(run)
    script = CHECK if run.model == "check" else script_of(run)
    messages = lammps_words.read(text, lammps_words.Place(run.dir, script))
    told = {"warnings": lammps_words.warnings(messages)}
    if run.model == "dynamics" and log.processes and log.processes != run.tasks:
        told["warnings"].insert(
            0,
            f"LAMMPS ran as {run.tasks} processes that did not know of each other: `{run.launcher[0] if run.launcher else 'none'}` "
            "belongs to another MPI than LAMMPS was made for.",
        )
    if run.exit_code == 0 and not run.signal:
        if run.model == "dynamics" and not own and not any(rows for _, rows in log.tables):
            told["warnings"].append("The script ran to its end, but nothing moved in it: it has no run or minimize command.")
        results = own_results(run, log) if own and run.model == "dynamics" else last_results(log)
        told["results"] = {key: value for key, value in results.items() if value is not None}
        return told
    said = lammps_words.reason(messages, run.files, potentials())
    if said:
        told["reason"] = said
        error = next(one for one in messages if one.kind == "error")
        if not lammps_words.while_running(error):
            told["cause"] = "input"
    elif run.signal in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE"}:
        place = lammps_words.Place(run.dir, script)
        lammps_words.read(text, place)
        at = lammps_words.where(lammps_words.Message("error", "", *place.now()))
        told["reason"] = f"LAMMPS crashed with {run.signal}{at}. The log has its last words."
    return told


def potentials():
    try:
        return os.listdir(os.environ.get("LAMMPS_POTENTIALS") or os.path.join(package(), "share", "lammps", "potentials"))
    except OSError:
        return []


def log_of(run):
    """The text of the log, its middle left out where it is very long, and what is in it."""
    try:
        with open(os.path.join(run.run_dir, "run.log"), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            text = file.read(LOG_PART)
            if size > 2 * LOG_PART:
                file.seek(size - LOG_PART)
            text = (text + file.read(LOG_PART)).decode("utf-8", "replace")
    except FileNotFoundError:
        text = ""
    log = lammps_log.Log()
    log.feed(text[: text.rfind("\n") + 1])
    log.finished()
    if not run.inputs["script"]:
        forward_only(log)
    return text, log


def forward_only(log):
    """A run that went on from its restart file has some steps twice, of which the later ones hold."""
    for number, (names, rows) in enumerate(log.tables):
        first = rows[0][names.index("Step")] if rows else math.inf
        for earlier, some in log.tables[:number]:
            place = earlier.index("Step")
            some[:] = [row for row in some if row[place] < first]


def rate(log):
    return log.done / log.seconds if log.done and log.seconds > 0 else None


def last_results(log):
    """The last line of thermodynamic output, in the units of the script."""
    names, rows = next(((names, rows) for names, rows in reversed(log.tables) if rows), ((), [()]))
    last = dict(zip(names, rows[-1], strict=True))
    potential = last.get("PotEng", last.get("E_pair"))
    return {
        "atoms": log.atoms or None, "steps": log.done, "temperature": last.get("Temp"), "potential_energy": potential,
        "total_energy": last.get("TotEng"), "pressure": last.get("Press"), "steps_per_second": rate(log),
    }  # fmt: skip


def own_results(run, log):
    """Means over what was measured, and under tension what the curve says."""
    begin = lammps_input.stages(run.inputs)[-2].end if len(lammps_input.stages(run.inputs)) > 1 else 0
    step, temp, pe, total, press = lammps_pictures.columns(log, ("Step", "Temp", "PotEng", "TotEng", "Press"))
    some = step >= begin if run.inputs["system"] == "tension" else step > begin
    found = {
        "atoms": log.atoms,
        "steps": int(step.max(initial=0)),
        "temperature": mean(temp[some]),
        "steps_per_second": rate(log),
    }
    if run.inputs["system"] == "tension":
        strain, stress = lammps_pictures.columns(log, ("v_strain", "v_stress"))
        first = strain <= max(ELASTIC, 3 * float(strain[1]) if len(strain) > 1 else 0)
        if first.sum() > 2:
            found["modulus"] = float(lammps_pictures.np.polyfit(strain[first], stress[first], 1)[0])
        if len(stress):
            top = int(stress.argmax())
            found.update(strength=float(stress[top]), strain_at_strength=float(strain[top]))
        return found
    found.update(potential_energy=mean(pe[some]), total_energy=mean(total[some]), pressure=mean(press[some]))
    tenth = max(1, int(some.sum()) // 10)
    if run.inputs["ensemble"] == "nve" and some.sum() > 1:
        found["energy_drift"] = mean(total[some][-tenth:]) - mean(total[some][:tenth])
    return found


def mean(values):
    return float(values.mean()) if len(values) else None


def report(run, name, frame):
    own = not run.inputs["script"]
    if name == "particles":
        return lammps_pictures.particles(run, frame, own)
    if name == "start":
        found = list(lammps_dump.scan(run.dir, START))
        if not found:
            raise ValueError("There is nothing to see: the script leaves no box with atoms.")
        atoms = lammps_dump.read(run.dir, found[0])
        return lammps_pictures.cloud(atoms._replace(name="" if own else atoms.name), lammps_pictures.spread(atoms), own)
    draw = {"energy": lammps_pictures.energy, "temperature": lammps_pictures.temperature, "stress": lammps_pictures.stress}[name]
    return draw(log_of(run)[1])
