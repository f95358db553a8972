"""`simyard code test`: holds a code to the contract by running it as an agent would, in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from simyard.codes import code_toml, registry
from simyard.codes import install as installing
from simyard.codes.declaration import Declaration, Model, WrongValue
from simyard.config import Config
from simyard.errors import InvalidRequest, SimyardError
from simyard.job_cmd import runner
from simyard.protocol import rundir
from simyard.protocol.ids import ulid

Tell = Callable[[str, str], None]
#: A run of an example may take as long (seconds), and a report.
_RUN_LIMIT, _REPORT_LIMIT = 600.0, 120.0
#: Everything of a cancelled run must be gone within its grace and this (seconds), which is for a machine with much else to do.
_GRACE, _SLACK = 2.0, 30.0
#: A run that is told that it must stop has this long to write its checkpoint (seconds).
_PAUSE_LIMIT = 60.0


def hold(settings: Config, name: str, tell: Tell | None) -> list[tuple[str, str]]:
    """What was checked, each with what is wrong ("" where it holds); `tell` is told each at once."""
    results: list[tuple[str, str]] = []

    def note(what: str, words: str) -> bool:
        results.append((what, words))
        if tell is not None:
            tell(what, words)
        return not words

    try:
        code = code_toml.read(Path(name).absolute()) if os.path.isdir(name) else registry.load(settings).code(name)
    except SimyardError as error:
        note("the declaration can be read", error.detail)
        return results
    note("the declaration can be read", "")
    status = installing.status(settings, code)
    if not note("it is installed", "" if status.installed and status.python else status.detail):
        return results
    for what, words in _bad_inputs(code):
        note(what, words)
    with tempfile.TemporaryDirectory(prefix="simyard-code-test-") as folder:
        bench = Bench(code, str(status.python), Path(folder))
        for model in code.models.values():
            for what, words in bench.hold_model(model):
                note(f"{model.name}: {what}", words)
    return results


def _bad_inputs(code: Declaration) -> Iterator[tuple[str, str]]:
    """What is out of range must be refused, and every example accepted."""
    for one in code.inputs.values():
        for bound, beyond in ((one.minimum, -1.0), (one.maximum, 1.0)):
            if bound is not None:
                what = f"{one.name} {'below its minimum' if beyond < 0 else 'above its maximum'} is refused"
                try:
                    one.check(bound + beyond * max(1.0, abs(bound)), ())  # by itself: it may be hidden by another
                    yield what, "it is accepted"
                except WrongValue:
                    yield what, ""
    for example in code.examples.values():
        try:
            code.check_inputs(example.inputs)
            yield f"example {example.name} is valid", ""
        except InvalidRequest as error:
            yield f"example {example.name} is valid", error.detail


class Bench:
    """Runs one code in a folder of its own."""

    def __init__(self, code: Declaration, python: str, folder: Path) -> None:
        self.code = code
        self.python = python
        self.folder = folder
        self.runner = os.path.abspath(runner.__file__ or "")

    def hold_model(self, model: Model) -> Iterator[tuple[str, str]]:
        """Run it, look at its events, make its reports, cancel another run of it."""
        example = next(iter(self.code.examples.values()), None)
        what = f"completes{f' with example {example.name}' if example else ''}"
        directory = self.prepare(model, example.inputs if example else {})
        began = time.monotonic()
        try:
            subprocess.run(
                [self.python, self.runner, "run", str(directory)], timeout=_RUN_LIMIT, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            yield what, f"it took longer than {_RUN_LIMIT:.0f} s; let its first example be a small one"
            return
        took = time.monotonic() - began
        events = self.events(directory)
        final = events[-1] if events and events[-1]["event"] == rundir.FINAL else None
        if final is None:
            yield what, "its job cmd ended without a final event"
            return
        good = final["data"]["state"] == "completed"
        yield (
            what,
            "" if good else f"{final['data']['state']}: {final['data'].get('reason', '')} {self.last_words(directory)}".strip(),
        )
        yield (
            "events are numbered",
            "" if [one["n"] for one in events] == list(range(1, len(events) + 1)) else "a number is missing or doubled",
        )
        fractions = [
            one["data"]["fraction"]
            for one in events
            if one["event"] == rundir.PROGRESS and one["data"].get("fraction") is not None
        ]
        yield "progress never goes back", "" if fractions == sorted(fractions) else f"it was {fractions}"
        if took > 5 and not fractions:
            yield "tells its progress", f"it took {took:.0f} s and never said how far it is"
        if good:
            with self.serving() as ask:
                for report in model.reports:
                    frame = 0 if self.code.reports[report].frames else -1
                    yield f"report {report}", self.report(ask, directory, report, frame)
        yield self.cancel(model, example.inputs if example else {})
        if model.checkpoints:
            yield self.go_on(model, example.inputs if example else {})

    def prepare(self, model: Model, inputs: Any, **more: Any) -> Path:
        """A run directory, as an agent makes it."""
        run = ulid(time.time(), os.urandom)
        directory = self.folder / run
        (directory / rundir.WORK).mkdir(parents=True)
        spec = {
            "run": run, "epoch": 1, "code": self.code.name, "code_version": self.code.version, "code_dir": str(self.code.folder),
            "python": self.python, "model": model.name, "kind": model.kind.value, "inputs": self.code.values(inputs), "files": {},
            "cores": model.cores, "memory": model.memory, "time_limit": model.time_limit or _RUN_LIMIT, "grace": _GRACE,
            "first_report": "", "bell": "", "tasks": model.cores if model.parallel else 1, "launcher": [], **more,
        }  # fmt: skip
        (directory / rundir.RUN).write_text(json.dumps(spec), "utf-8")
        return directory

    def events(self, directory: Path) -> list[dict[str, Any]]:
        path = directory / rundir.EVENTS
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def last_words(self, directory: Path) -> str:
        lines = (directory / rundir.LOG).read_text("utf-8", "replace").splitlines() if (directory / rundir.LOG).exists() else []
        return f"The end of its output: {' / '.join(lines[-5:])}" if lines else ""

    @contextlib.contextmanager
    def serving(self) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
        """A warm process of the code, and the way to ask it one thing after the other."""
        command = [self.python, self.runner, "serve", str(self.code.folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            to, answers = process.stdin, process.stdout

            def ask(question: dict[str, Any]) -> dict[str, Any]:
                to.write(json.dumps(question).encode() + b"\n")
                to.flush()
                return dict(json.loads(answers.readline() or b"{}"))

            try:
                answers.readline()  # it says that it is ready, or why not; then the first question shows it
                yield ask
            finally:
                to.close()

    def report(self, ask: Callable[[dict[str, Any]], dict[str, Any]], directory: Path, report: str, frame: int) -> str:
        """What is wrong with a report; "" where nothing is."""
        try:
            answer = ask(
                {
                    "id": 1,
                    "do": "report",
                    "dir": str(directory),
                    "report": report,
                    "frame": frame,
                    "seconds": _REPORT_LIMIT,
                    "memory": 4 << 30,
                }
            )
        except OSError as error:
            return f"the warm process has ended ({error}): its imports fail, or do not bear to be kept"
        if not answer.get("ok"):
            return f"{answer.get('code', 'failed')}: {answer.get('error', 'the warm process has ended')}"
        figure = json.loads((directory / answer["path"]).read_text("utf-8"))
        if not isinstance(figure.get("data"), list) or not isinstance(figure.get("layout", {}), dict):
            return 'it is not a Plotly figure: {"data": […], "layout": {…}}'
        return ""

    def cancel(self, model: Model, inputs: Any) -> tuple[str, str]:
        """Start a run, stop it once it has begun, and look whether anything is left."""
        what = "cancel leaves nothing behind"
        directory = self.prepare(model, inputs)
        with subprocess.Popen([self.python, self.runner, "run", str(directory)], stdin=subprocess.DEVNULL) as process:
            limit = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < limit:
                if any(one["event"] == rundir.STARTED for one in self.events(directory)):
                    break
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_GRACE + _SLACK)
            except subprocess.TimeoutExpired:
                process.kill()
                return what, f"it was still there {_GRACE + _SLACK:g} s after it was told to stop"
        left = [pid for pid in _processes_of(directory.name) if pid != process.pid]
        events = self.events(directory)
        state = events[-1]["data"].get("state") if events else None
        if left:
            return what, f"processes are left: {left}"
        return what, "" if state in {"canceled", "completed"} else f"its last state is {state}"

    def go_on(self, model: Model, inputs: Any) -> tuple[str, str]:
        """Tell a run that its time is nearly over, as a cluster does, and have it gone on with."""
        what = "goes on from its checkpoint"
        directory = self.prepare(model, inputs, cluster=True, checkpoints=True)
        command = [self.python, self.runner, "run", str(directory)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
            limit = time.monotonic() + _RUN_LIMIT
            while process.poll() is None and time.monotonic() < limit:
                # not at once: what begins anew must be behind where it was
                if sum(one["event"] == rundir.PROGRESS for one in self.events(directory)) > 2:
                    break
                time.sleep(0.01)
            process.send_signal(signal.SIGUSR1)
            try:
                process.wait(_PAUSE_LIMIT)
            except subprocess.TimeoutExpired:
                process.terminate()
                return what, f"it had not ended {_PAUSE_LIMIT:g} s after it was told that it must stop"
        last = self.events(directory)[-1]
        if last["event"] == rundir.FINAL:
            good = last["data"]["state"] == "completed"
            too_short = "it was done before it could be told to stop; let its first example last for some seconds"
            return what, too_short if good else f"told to stop, it {last['data']['state']}: {last['data'].get('reason', '')}"
        before = _fraction(self.events(directory))
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=_RUN_LIMIT, check=False, stdin=subprocess.DEVNULL)
        events = self.events(directory)
        if events[-1]["data"].get("state") != "completed":
            return what, f"its second part did not complete: {events[-1]['data'].get('reason', 'it took too long')}"
        second = events[[one["event"] for one in events].index(rundir.RESUMED) :]
        after = _fraction(second[:-1], first=True)
        return what, "" if after >= before else f"its second part began at {after:g} where its first had ended at {before:g}"


def _fraction(events: list[dict[str, Any]], *, first: bool = False) -> float:
    """The last fraction of the progress that was told, or the first."""
    told = [one["data"]["fraction"] for one in events if one["data"].get("fraction") is not None]
    return float((told or [1.0 if first else 0.0])[0 if first else -1])


def _processes_of(run: str) -> list[int]:
    """The processes that carry a run's name in their environment."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"SIMYARD_RUN={run}".encode() in Path(entry.path, "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
