"""What `simyard code test` holds each model of a code to: it completes, tells its progress, makes its reports, ends when told, goes on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from simyard.cli import figures
from simyard.cli.bench import Bench, Late, Warm, in_words, processes_of, wait_until
from simyard.codes.declaration import Example, Model
from simyard.protocol import rundir

Check = tuple[str, str]
Event = Mapping[str, Any]
#: A run that is to be cancelled gets so long to settle: a handler of TERM is not there at once (seconds).
_SETTLE = 0.5
#: Everything of a cancelled run must be gone within its grace and this (seconds), which is for a machine with much else to do.
_SLACK = 30.0
_QUICK = "let report() read what the run has computed, and compute nothing itself"
#: Reasons that are not the code's own begin so.
_NOT_ITS_OWN = ("The code ended", "The code was", "The preparation", "The command ", "This code's", "It ran out", "It took more")
#: What to do, by what is said of a failure.
_SAID = (
    ("has no prepare()", "write one: def prepare(run), which returns the command line"),
    ("prepare() must return", 'write what it returns: return ["program", "input.txt"]'),
)
#: What to do, by the cause of a failure.
_FIXES = {
    "input": "prepare(run) refuses it: mend it, or the example",
    "start": "name a program that is on PATH, or by its absolute path; ${code}/… in a code.toml is the code's folder",
    "exception": "mend it, or raise ValueError with a sentence for whoever runs it",
    "memory": "raise memory of the model, or let the example be a small one",
    "time-limit": "let the example be a small one, or give it more time (--limit, and time_limit of the model)",
    "disk": "let it write less",
    "exit": "run its command by hand, with the same input",
    "signal": "run its command by hand, with the same input",
}


def hold_model(bench: Bench, model: Model, *, first: bool) -> Iterator[Check]:
    """All checks of a model. An example may be meant for another model, and a report for other inputs: what refuses in words, that a
    user understands, is let pass where another example is not refused. With `first` one that completes is enough."""
    examples: Sequence[Example | None] = [*bench.code.examples.values()] or [None]
    tried: Mapping[str, Any] | None = None
    completed = False
    refused: dict[str, str] = {}
    left = dict.fromkeys(model.reports, "")
    for example in examples:
        if first and completed:
            break
        inputs = example.inputs if example else {}
        what = f"completes{f' with example {example.name}' if example else ''}"
        directory = bench.prepare(model, inputs)
        try:
            took = bench.run(directory)
        except Late as late:
            yield what, f"{late}{_of_finish(bench, directory)}; let its first example be a small one"
            tried = inputs if tried is None else tried
            continue
        words, events = _completed(bench, directory), bench.events(directory)
        final = _final(events) or {}
        if words and _in_its_words(final):
            refused[what] = words
            continue
        yield what, words
        if words:
            tried = inputs if tried is None and final.get("cause") == "time-limit" else tried
            continue
        if not completed:
            completed, tried = True, inputs
            yield from _progress(bench, directory, events, took)
        for name, wrong, is_refused in _reports(bench, [*left], directory, events):
            if is_refused:
                left[name] = wrong
            else:
                del left[name]
                yield f"report {name}", wrong
    yield from _refusals(refused, left if completed else {}, completed=completed, first=first)
    if tried is not None:  # what fails by itself cannot be stopped
        yield cancel(bench, model, tried)
        if model.checkpoints:
            yield _goes_on(bench, model, tried)


def _refusals(refused: Mapping[str, str], left: Mapping[str, str], *, completed: bool, first: bool) -> Iterator[Check]:
    """What was refused in words, by runs and by reports: wrong only where nothing else was not."""
    for what, words in refused.items():
        if completed:
            yield f"{what}, or refuses it in words", ""
        else:
            yield what, words
    for name, words in left.items():
        if first:
            yield f"report {name} is made, or refused in words", ""
        else:
            yield f"report {name}", f"{words}; with none of the examples it is made: mend it, or add one with which it is"


def _in_its_words(final: Mapping[str, Any]) -> bool:
    """Whether a run has failed with a sentence of its code."""
    reason = str(final.get("reason", ""))
    return final.get("cause") in {"input", "exit", "exception"} and in_words(reason) and not reason.startswith(_NOT_ITS_OWN)


def _final(events: Sequence[Event]) -> Mapping[str, Any] | None:
    data: Mapping[str, Any] | None = events[-1]["data"] if events and events[-1]["event"] == rundir.FINAL else None
    return data


def _completed(bench: Bench, directory: Path) -> str:
    """What is wrong with how a run ended."""
    events, log = bench.events(directory), bench.log(directory)
    final = _final(events)
    if final is None:
        return f"its job cmd ended without a final event. {_last_words(log)}".strip()
    if final["state"] == "completed":
        left = [one for one in final.get("warnings", []) if one.startswith("It left ")]
        return f"{left[0]} Let its command wait for all that it starts." if left else ""
    cause, reason = str(final.get("cause", "")), str(final.get("reason", "")).rstrip(".")
    begun = any(one["event"] == rundir.STARTED for one in events)
    place = bench.place(log) or ("code.py, prepare(run): " if not begun and (bench.code.folder / "code.py").exists() else "")
    if not (bench.code.folder / "code.py").exists():
        # of a program: what Simyard's own side of it raised says nothing that the reason does not
        cause, log = "exit" if cause == "exception" else cause, log.partition("simyard: what went wrong")[0]
    fix = next((words for said, words in _SAID if said in reason), "") or _FIXES.get(cause, "see its log")
    words = f"{final['state']}: {place}{reason}; {fix}."
    return words if "Traceback" in log else f"{words} {_last_words(log)}".strip()


def _of_finish(bench: Bench, directory: Path) -> str:
    """Whether it was finish(run) that did not end."""
    final = _final(bench.events(directory)) or {}
    late = any("results were being read" in one for one in final.get("warnings", []))
    return ", in finish(run): that is to read a few numbers, and return" if late else ""


def _last_words(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return f"The end of its output: {' / '.join(lines[-5:])}" if lines else ""


def _progress(bench: Bench, directory: Path, events: Sequence[Event], took: float) -> Iterator[Check]:
    numbers = [one["n"] for one in events]
    yield "events are numbered", "" if numbers == list(range(1, len(events) + 1)) else "a number is missing or doubled"
    told = [one["data"] for one in events if one["event"] == rundir.PROGRESS]
    for name in ("fraction", "frames"):
        values = [one[name] for one in told if one.get(name) is not None]
        back = next((pair for pair in pairwise(values) if pair[1] < pair[0]), None)
        what = "progress never goes back" if name == "fraction" else "frames never become fewer"
        if values or name == "fraction":
            words = f"{name} was {back[0]:g}, and then {back[1]:g}; tell of all that is done so far" if back else ""
            yield what, words
    if took > bench.limits.silent:
        moved = any(one.get(name) is not None for one in told for name in ("fraction", "frames", "message"))
        way = "call run.progress(fraction) in it, or return {'fraction': …} from progress(run)"
        way = "write [progress] with a pattern into its code.toml" if not (bench.code.folder / "code.py").exists() else way
        yield "tells its progress", "" if moved else f"it took {took:.1f} s and never said how far it is; {way}"
    if words := _raised(bench, bench.log(directory)):
        yield "progress(run) does not raise", words


def _raised(bench: Bench, log: str) -> str:
    """What progress(run) has raised: no run fails for that, and only its log has it."""
    _, found, rest = log.partition("module.progress(run)")
    if not found:
        return ""
    trace = rest.partition("simyard: what went wrong")[0]
    said = next((line for line in trace.splitlines()[1:] if line and not line.startswith(" ")), "it raised")
    return f"{bench.place(trace)}{said}; let it return {{}} while there is nothing to tell"


def _reports(bench: Bench, names: Sequence[str], directory: Path, events: Sequence[Event]) -> Iterator[tuple[str, str, bool]]:
    """Of each report: what is wrong with it ("": nothing), and whether it was refused in words."""
    frames = max((one["data"].get("frames") or 0 for one in events if one["event"] == rundir.PROGRESS), default=0)
    if not names:
        return
    with bench.serving() as warm:
        try:
            warm.ready(bench.limits.load)
        except (Late, OSError) as error:
            yield names[0], f"{error}: its imports fail, or do not bear to be kept", False
            return
        for name in names:
            if not bench.code.reports[name].frames:
                yield name, *_report(bench, warm, directory, name, -1)
            elif not frames:
                yield name, "it has frames = true, and the run never told of any: return {'frames': …} from progress(run)", False
            else:
                told = [_report(bench, warm, directory, name, frame) for frame in sorted({0, frames - 1})]
                yield name, *next((one for one in told if one[0]), ("", False))


def _report(bench: Bench, warm: Warm, directory: Path, name: str, frame: int) -> tuple[str, bool]:
    """What is wrong with a report ("": nothing), and whether it was refused in words."""
    before = len(warm.said())
    try:
        answer = warm.ask({"do": "report", "dir": str(directory), "report": name, "frame": frame}, bench.limits.report)
    except Late as late:
        return f"{late}; {_QUICK}", False
    except OSError as error:
        return f"the warm process has ended ({error}): its imports fail, or do not bear to be kept; try FORK = False", False
    said = str(answer.get("error", "the warm process has ended")).rstrip(".")
    if "took longer than" in said:
        return f"{said}; {_QUICK}", False
    if not answer.get("ok"):
        place = bench.place(warm.said()[before:])
        words = f"{place}{said}; report(run, {name!r}, {frame}) must return a figure after a run that completed"
        return words, in_words(said) and "has no report()" not in said
    try:
        figure = json.loads((directory / answer["path"]).read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"what it made cannot be read: {error}", False
    wrong = figures.wrong(figure)
    return f"{wrong} (of frame {frame})" if wrong and frame >= 0 else wrong, False


def cancel(bench: Bench, model: Model, inputs: Mapping[str, Any]) -> Check:
    """Start a run, stop it once it is under way, and look whether anything is left."""
    what = "cancel leaves nothing behind"
    directory = bench.prepare(model, inputs)
    patience = bench.limits.grace + _SLACK

    def begun(event: str) -> bool:
        return any(bool(one["event"] == event) for one in bench.events(directory))

    with bench.started(directory) as process:
        if not wait_until(process, bench.limits.start, lambda: begun(rundir.STARTED)) and process.poll() is None:
            return what, f"it had not begun after {bench.limits.start:g} s; let prepare(run) be quick"
        wait_until(process, _SETTLE, lambda: False)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            return what, f"it was still there {patience:g} s after it was told to stop"
        if left := [pid for pid in processes_of(directory.name) if pid != process.pid]:
            return what, f"processes are left: {left}; let them stay in the session of the command"
    final = _final(bench.events(directory)) or {}
    if "did not end within" in final.get("reason", ""):
        return what, (
            f"it did not end within {bench.limits.grace:g} s of SIGTERM, and was killed; let it end then: do not ignore that signal, "
            "and return from its handler by sys.exit()"
        )
    state = final.get("state")
    words = f"its last state is {state}: {final.get('reason', '')}"
    return what, "" if state in {"canceled", "completed"} else words


def _goes_on(bench: Bench, model: Model, inputs: Mapping[str, Any]) -> Check:
    """Tell a run that its time is nearly over, as a cluster does, and have it gone on with."""
    what = "goes on from its checkpoint"
    directory = bench.prepare(model, inputs, cluster=True, checkpoints=True)

    def moving() -> bool:  # not at once: what begins anew must be behind where it was
        return len([one for one in bench.events(directory) if one["event"] == rundir.PROGRESS]) > 2

    with bench.started(directory) as process:
        if not wait_until(process, bench.limits.run, moving) and process.poll() is None:
            return what, f"it told no progress within {bench.limits.run:g} s; it cannot be known then whether it goes on"
        process.send_signal(signal.SIGUSR1)
        try:
            process.wait(bench.limits.pause)
        except subprocess.TimeoutExpired:
            return what, f"it had not ended {bench.limits.pause:g} s after it was told that it must stop; {_LISTEN}"
    events = bench.events(directory)
    if (ended := _final(events)) is not None:
        good = ended["state"] == "completed"
        too_short = f"it was done before it could be told to stop; let its first example last for some seconds, or {_LISTEN}"
        return what, too_short if good else f"told to stop, it {ended['state']}: {ended.get('reason', '')}"
    before = _fraction(events)
    try:
        bench.run(directory)
    except Late as late:
        return what, f"in its second part {late}"
    events = bench.events(directory)
    final = _final(events) or {}
    if final.get("state") != "completed":
        reason = final.get("reason", "it ended without a word")
        return what, f"its second part did not complete: {bench.place(bench.log(directory))}{reason}"
    second = events[[one["event"] for one in events].index(rundir.RESUMED) :]
    after = _fraction(second[:-1], first=True)
    words = (
        f"its second part began at {after:g} where its first had ended at {before:g}; where run.resumed, read what it has saved"
    )
    return what, "" if after >= before else words


_LISTEN = "look at run.must_stop, or handle SIGUSR1"


def _fraction(events: Sequence[Event], *, first: bool = False) -> float:
    """The last fraction of the progress that was told, or the first."""
    told = [one["data"]["fraction"] for one in events if one["data"].get("fraction") is not None]
    return float((told or [1.0 if first else 0.0])[0 if first else -1])
