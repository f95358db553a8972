"""Job cmd, code madx: runs the user's job, or a ring from textbook optics, in MAD-X; then matches, tracks or what else is asked.

MAD-X runs in the fork that the job cmd makes for the run, with the library already loaded: a Twiss costs what MAD-X needs
for it and some milliseconds. What MAD-X prints is the run's log; what it means is read from there in `finish`.
"""

import json
import os
import time

import madx_aperture
import madx_errors
import madx_library as madx
import madx_match
import madx_optics
import madx_pictures
import madx_ring
import madx_survey
import madx_tfs
import madx_track
import madx_words

SUMMARY = os.path.join("simyard", "summary.json")
TFS = "twiss.tfs"
#: The exit status by which `finish` knows that MAD-X has said why it failed (MAD-X itself uses 1, Fortran 2).
FAILED = 70
#: Bytes of a log that are read for messages, from either end.
LOG_PART = 8 << 20
#: What comes after the job.
WORK = {
    "match": madx_match.match, "aperture": madx_aperture.aperture, "survey": madx_survey.survey, "track": madx_track.track,
    "errors": madx_errors.errors,
}  # fmt: skip


madx.start()


def job_of(run):
    """The name of the job file: the user's, or that of the ring that Simyard makes."""
    if run.inputs["job"]:
        return run.inputs["job"]
    return "ring.madx" if "ring.madx" not in run.files else "simyard_ring.madx"


def prepare(run):
    if not run.inputs["job"]:
        with open(os.path.join(run.dir, job_of(run)), "w", encoding="utf-8") as file:
            file.write(madx_ring.job(run.inputs))
    return execute


def show_input(run):
    """The user's own job is used as it is; that of the ring is a file, which is shown by itself."""
    if not run.inputs["job"]:
        return None
    return {"what MAD-X is told": f'call, file="{run.inputs["job"]}";\n'}


def execute(run):
    os.chdir(run.dir)
    os.makedirs("simyard", exist_ok=True)
    began = time.time()
    if run.model in {"track", "errors"}:  # the others are over before anybody could see how far they are
        run.progress(fraction=0.0, message="MAD-X reads the job")
    madx.greet()
    good = madx.call(job_of(run))
    run.log(madx_words.JOB_ENDED)
    table = madx.twiss_table()
    problem, results, warnings = "", {}, []
    if table:
        results = madx_optics.results(madx.summary(table))
        columns, warnings = with_chromatic(run, table)
        madx_optics.save(run.dir, columns)
    elif good:
        results = from_file(run, began)
    if run.model in WORK:
        try:
            results, warnings = WORK[run.model](run) if good or table else ({}, [])
        except madx.Failed:
            good, table = False, ""
        except ValueError as error:
            problem = str(error)
    elif good and not results:
        problem = "The job ran to its end, but no Twiss table came of it: it needs a twiss statement that succeeds."
    madx.finish()
    with open(SUMMARY, "w", encoding="utf-8") as file:
        json.dump({"results": results, "problem": problem, "warnings": warnings, "own": bool(good and run.model in WORK)}, file)
    if problem or not (good or table):
        raise SystemExit(FAILED)


def with_chromatic(run, table):
    """(columns of the job's Twiss table, warnings), the chromatic functions among them if the job has made them, or they are asked for."""
    columns, warnings = madx.columns(table, madx_optics.COLUMNS), []
    source = table if has_chromatic(table) else ""
    if run.model == "twiss" and run.inputs["chromatic"] and not source:
        done = madx.sequence() and madx.command("twiss, chrom, table=simyard_chromatic;")
        if done and madx.rows("simyard_chromatic") == len(columns["s"]):
            source = "simyard_chromatic"
        else:
            warnings = [
                "There are no chromatic functions: they are made for the closed optics of the sequence that the job leaves in use."
            ]
    return {**columns, **(madx.columns(source, madx_optics.CHROMATIC) if source else {})}, warnings


def has_chromatic(table):
    """Whether the table is that of a Twiss with chrom: without, the columns are there, and all 0."""
    return any(column.any() for column in madx.columns(table, ("wx", "wy")).values())


def from_file(run, began):
    """The results of the newest Twiss table that the job wrote, where MAD-X itself has none (any more)."""
    found = madx_tfs.newest_twiss(run.dir, began - 1)  # a file system may count in whole seconds
    if found is None:
        return {}
    header, columns = found
    madx_optics.save(run.dir, {key: value for key, value in columns.items() if key in madx_optics.COLUMNS})
    return madx_optics.results(header) or {"rows": len(columns["s"])}


def finish(run):
    left = os.path.join(run.dir, "checkpoint_restart.dat")
    if run.model == "track" and os.path.exists(left):
        os.remove(left)  # MAD-X makes it whenever it tracks, and nobody can use it here
    log = log_of(run)
    place = madx_words.Place(run.dir, job_of(run))
    messages = madx_words.follow(log, place)
    if run.model == "errors":  # the seeds that failed are told by their numbers
        messages = [message for message in messages if message.line or message.words != "TWISS failed"]
    summary = summary_of(run)
    told = {"warnings": summary.get("warnings", []) + unfinished(run) + madx_words.warnings(messages)}
    if run.signal:
        at = madx_words.where(madx_words.Message("fatal", "", *place.now()))
        if at and run.signal in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE"}:
            told["reason"] = f"MAD-X crashed with {run.signal}{at}. The log has its last words."
    elif run.exit_code == 0:
        told["results"] = summary.get("results", {})
        if not summary:
            raise RuntimeError("MAD-X ended in the middle of the job, without an error. The log has its last words.")
    elif run.exit_code == FAILED:
        # what Simyard itself refuses in a job that went well has nothing to do with the job's warnings
        said = "" if summary.get("own") else madx_words.reason(messages, run.files)
        told["reason"] = (
            " ".join(one for one in (summary.get("problem", ""), said) if one) or "MAD-X failed; the log has its last words."
        )
    elif any(message.kind == "fatal" for message in messages):
        told["reason"] = madx_words.reason(messages, run.files)
    return told


def log_of(run):
    with open(os.path.join(run.run_dir, "run.log"), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        text = file.read(LOG_PART)
        if size > 2 * LOG_PART:
            file.seek(size - LOG_PART)
        return (text + file.read()).decode("utf-8", "replace")


def summary_of(run):
    try:
        with open(os.path.join(run.dir, SUMMARY), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


def unfinished(run):
    """MAD-X says nothing about a last statement without its semicolon, and does not execute it: say it for it."""
    job = job_of(run)
    try:
        with open(os.path.join(run.dir, job), encoding="utf-8", errors="replace") as file:
            line = madx_words.unfinished(file.read())
    except FileNotFoundError:
        return []
    if not line:
        return []
    return [f"{job}, line {line}: this last statement has no semicolon (or an open quote), so MAD-X did not execute it."]


def report(run, name, frame):
    if name in FRAMED:
        return FRAMED[name](run, frame)
    summary = summary_of(run).get("results", {})
    if name == "targets":
        return madx_match.draw_targets(run, log_of(run))
    if name in {"matched", "n1", "floor"}:
        return {"matched": madx_match.draw, "n1": madx_aperture.draw, "floor": madx_survey.draw}[name](run, summary)
    draw = {"beta": madx_optics.beta, "dispersion": madx_optics.dispersion, "chromatic": madx_optics.chromatic}[name]
    return draw(madx_optics.load(run.dir), summary)


#: Reports that are drawn while the run goes on.
FRAMED = {
    "phase_space": madx_pictures.phase_space, "survival": madx_pictures.survival,
    "spread": madx_errors.draw_spread, "seed": madx_errors.draw_seed,
}  # fmt: skip
