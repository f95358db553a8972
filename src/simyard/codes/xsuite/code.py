"""Job cmd, code xsuite: reads a lattice by MAD-X, computes its optics, and tracks particles through it, all in Xsuite's compiled kernels."""

import json
import os

import xsuite_lattice
import xsuite_optics
import xsuite_pictures
import xsuite_ring
import xsuite_track

SUMMARY = os.path.join("simyard", "summary.json")

#: The exit status by which `finish` knows that the summary says what is wrong with the input.
FAILED = 70

xsuite_lattice.warm()


def prepare(run):
    os.makedirs("simyard", exist_ok=True)
    if not run.inputs["lattice"]:
        with open(xsuite_lattice.job_of(run), "w", encoding="utf-8") as file:
            file.write(xsuite_ring.job(run.inputs))
    if run.model == "track":
        xsuite_track.check_memory(run)
    return execute


def show_input(run):
    """The user's own lattice is used as it is; that of the ring is a file. Tracking is told the numbers as they stand here."""
    shown = {"what MAD-X is told": f'call, file="{xsuite_lattice.job_of(run)}";\n'}
    if not run.inputs["lattice"]:
        shown[xsuite_lattice.job_of(run)] = xsuite_ring.job(run.inputs)
    if run.model == "track":
        shown["parameters"] = "".join(f"{name} = {value}\n" for name, value in run.inputs.items())
    return shown


def execute(run):
    os.makedirs("simyard", exist_ok=True)
    try:
        told = track(run) if run.model == "track" else twiss(run)
    except ValueError as error:  # words for the user
        told, problem = None, str(error)
    else:
        problem = ""
        if told is None:
            return  # to be gone on with
    with open(SUMMARY, "w", encoding="utf-8") as file:
        json.dump({"problem": problem} if problem else told, file)
    if problem:
        raise SystemExit(FAILED)
    run.progress(fraction=1.0)


def twiss(run):
    run.progress(fraction=0.0, message="MAD-X reads the lattice")  # that of a large machine takes a while
    line, found = xsuite_lattice.read(run)
    run.progress(fraction=0.5, message="Xsuite computes the optics")
    line.build_tracker()
    table = xsuite_lattice.twiss(line)
    xsuite_optics.save(run.dir, table)
    named = {name: found[name] for name in ("sequence", "particle")}
    return {"results": {**xsuite_optics.results(table), **named}, "warnings": found["warnings"]}


def track(run):
    if not run.resumed:
        run.progress(fraction=0.0, message="MAD-X reads the lattice")
    return xsuite_track.track(run)


def finish(run):
    summary = summary_of(run)
    if run.exit_code == FAILED and summary.get("problem"):
        return {"reason": summary["problem"], "cause": "input"}
    return summary if run.exit_code == 0 and not run.signal else None


def summary_of(run):
    try:
        with open(SUMMARY, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


def report(run, name, frame):
    results = summary_of(run).get("results", {})
    draw = {
        "beta": lambda: xsuite_optics.beta(xsuite_optics.load(run.dir), results),
        "dispersion": lambda: xsuite_optics.dispersion(xsuite_optics.load(run.dir), results),
        "phase_space": lambda: xsuite_pictures.phase_space(run, frame),
        "losses": lambda: xsuite_pictures.losses(run, frame),
        "survival": lambda: xsuite_pictures.survival(run),
        "footprint": lambda: xsuite_pictures.footprint(run),
    }
    return draw[name]()
