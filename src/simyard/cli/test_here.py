"""Where `simyard code test` tries a code on this machine: on a bench, by the job cmd alone."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simyard.cli import figures
from simyard.cli.bench import Bench, Late, Limits, Warm, in_words, processes_of, wait_until
from simyard.cli.test_model import QUICK, SLACK, Check, Ran, behind, final_of, fraction
from simyard.codes.declaration import Declaration, Example, Model
from simyard.protocol import rundir

#: A run that is to be cancelled gets so long to settle: a handler of TERM is not there at once (seconds).
SETTLE = 0.5
_LISTEN = "look at run.must_stop, or handle SIGUSR1"


class Here:
    """A bench, as the ground that models are held on. What it tells of a run is kept for as long as the bench's folder."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @property
    def code(self) -> Declaration:
        return self._bench.code

    @property
    def limits(self) -> Limits:
        return self._bench.limits

    def place(self, text: str) -> str:
        return self._bench.place(text)

    @contextmanager
    def ran(self, model: Model, example: Example | None) -> Iterator[Ran]:
        bench = self._bench
        directory = bench.prepare(model, example.inputs if example else {})
        try:
            bench.run(directory)
        except Late as late:
            raise Late(f"{late}{_of_finish(bench, directory)}") from None
        events = bench.events(directory)
        yield Ran(final=final_of(events), events=events, log=bench.log(directory), where=directory)

    def reports(self, ran: Ran, names: Sequence[str], frames: int) -> Iterator[tuple[str, str, bool]]:
        return _reports(self._bench, names, ran.where, frames)

    def cancel(self, model: Model, example: Example | None) -> Check:
        return cancel(self._bench, model, example.inputs if example else {})

    def goes_on(self, model: Model, example: Example | None) -> Check | None:
        return _goes_on(self._bench, model, example.inputs if example else {})


def _of_finish(bench: Bench, directory: Path) -> str:
    """Whether it was finish(run) that did not end."""
    final = final_of(bench.events(directory)) or {}
    late = any("results were being read" in one for one in final.get("warnings", []))
    return ", in finish(run): that is to read a few numbers, and return" if late else ""


def _reports(bench: Bench, names: Sequence[str], directory: Path, frames: int) -> Iterator[tuple[str, str, bool]]:
    with bench.serving() as warm:
        try:
            warm.ready(bench.limits.load)
        except (Late, OSError) as error:
            yield names[0], f"{error}: its imports fail, or do not bear to be kept", False
            return
        for name in names:
            if not bench.code.reports[name].frames:
                yield name, *_report(bench, warm, directory, name, -1)
            else:
                told = [_report(bench, warm, directory, name, frame) for frame in sorted({0, frames - 1})]
                yield name, *next((one for one in told if one[0]), ("", False))


def _report(bench: Bench, warm: Warm, directory: Path, name: str, frame: int) -> tuple[str, bool]:
    """What is wrong with a report ("": nothing), and whether it was refused in words."""
    before = len(warm.said())
    try:
        answer = warm.ask({"do": "report", "dir": str(directory), "report": name, "frame": frame}, bench.limits.report)
    except Late as late:
        return f"{late}; {QUICK}", False
    except OSError as error:
        return f"the warm process has ended ({error}): its imports fail, or do not bear to be kept; try FORK = False", False
    said = str(answer.get("error", "the warm process has ended")).rstrip(".")
    if "took longer than" in said:
        return f"{said}; {QUICK}", False
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
    patience = bench.limits.grace + SLACK

    def begun(event: str) -> bool:
        return any(bool(one["event"] == event) for one in bench.events(directory))

    with bench.started(directory) as process:
        if not wait_until(process, bench.limits.start, lambda: begun(rundir.STARTED)) and process.poll() is None:
            return what, f"it had not begun after {bench.limits.start:g} s; let prepare(run) be quick"
        wait_until(process, SETTLE, lambda: False)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            return what, f"it was still there {patience:g} s after it was told to stop"
        if left := [pid for pid in processes_of(directory.name) if pid != process.pid]:
            return what, f"processes are left: {left}; let them stay in the session of the command"
    final = final_of(bench.events(directory)) or {}
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
    if (ended := final_of(events)) is not None:
        good = ended["state"] == "completed"
        too_short = f"it was done before it could be told to stop; let its first example last for some seconds, or {_LISTEN}"
        return what, too_short if good else f"told to stop, it {ended['state']}: {ended.get('reason', '')}"
    before = fraction(events)
    try:
        bench.run(directory)
    except Late as late:
        return what, f"in its second part {late}"
    events = bench.events(directory)
    final = final_of(events) or {}
    if final.get("state") != "completed":
        reason = final.get("reason", "it ended without a word")
        return what, f"its second part did not complete: {bench.place(bench.log(directory))}{reason}"
    return what, behind(events, before)
