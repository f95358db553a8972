"""Where `simyard code test` runs a code: as an agent would, in a folder that is thrown away, each step with its limit."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from simyard.codes.declaration import Declaration, Model
from simyard.job_cmd import runner
from simyard.protocol import rundir
from simyard.protocol.ids import ulid

#: What a report may use, as on a usual target (bytes).
_REPORT_MEMORY = 4 << 30
#: Whoever holds to a limit answers soon after it (seconds).
_SLACK = 5.0
_LOOK = 0.01


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long each step may take, in seconds: loading code.py, a run, making a report, the begin of a run until it is cancelled, and
    writing a checkpoint. `silent` is how long a run may take without a word about its progress; `grace` how long after TERM
    it is killed."""

    load: float = 60.0
    run: float = 600.0
    report: float = 120.0
    start: float = 30.0
    pause: float = 60.0
    silent: float = 5.0
    grace: float = 2.0

    @classmethod
    def of(cls, most: float) -> Limits:
        """No step longer than that, but a run may take as long."""
        usual = cls()
        return cls(
            load=min(usual.load, most), run=most, report=min(usual.report, most), start=min(usual.start, most),
            pause=min(usual.pause, most),
        )  # fmt: skip


#: An exception that nobody meant for a reader: its type, an error of the system, or a single word.
_NO_WORDS = re.compile(r"(?:[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Iteration)\b(?::.*)?|\[Errno .*|\S*)\Z", re.DOTALL)


def in_words(said: str) -> bool:
    """Whether a person can make something of what an exception says."""
    return not _NO_WORDS.match(said)


class Late(Exception):
    """A limit is over; the words say of what."""


class Stuck(Late):
    """A limit is over, and there is no use in trying anything else there."""


class Bench:
    """Runs one code in a folder of its own. Whatever it starts is gone when the call is over."""

    def __init__(self, code: Declaration, python: str, folder: Path, limits: Limits) -> None:
        self.code, self.python, self.folder, self.limits = code, python, folder, limits
        self.runner = os.path.abspath(runner.__file__ or "")

    def prepare(self, model: Model, inputs: Mapping[str, Any], **more: Any) -> Path:
        """A run directory, as an agent makes it."""
        run = ulid(time.time(), os.urandom)
        directory = self.folder / run
        (directory / rundir.WORK).mkdir(parents=True)
        spec = {
            "run": run, "epoch": 1, "code": self.code.name, "code_version": self.code.version, "code_dir": str(self.code.folder),
            "python": self.python, "model": model.name, "kind": model.kind.value, "inputs": self.code.values(inputs), "files": {},
            "cores": model.cores, "memory": model.memory, "time_limit": min(model.time_limit or self.limits.run, self.limits.run),
            "grace": self.limits.grace, "first_report": "", "bell": "", "tasks": model.cores if model.parallel else 1, "launcher": [],
            **more,
        }  # fmt: skip
        (directory / rundir.RUN).write_text(json.dumps(spec), "utf-8")
        return directory

    @contextlib.contextmanager
    def started(self, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The job cmd of a run directory; at the end nothing of the run is left."""
        with (directory / "job_cmd.log").open("ab") as log:
            process = subprocess.Popen(
                [self.python, self.runner, "run", str(directory)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(self.limits.grace + _SLACK)
            process.kill()
            process.wait()
            for pid in processes_of(directory.name):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def run(self, directory: Path) -> float:
        """Run it to its end; how long it took (seconds). Raises Late: its own limit should have ended it before."""
        began = time.monotonic()
        limit = self.limits.run + self.limits.grace + _SLACK
        with self.started(directory) as process:
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                raise Late(f"it took longer than {self.limits.run:g} s, and was stopped") from None
        return time.monotonic() - began

    def events(self, directory: Path) -> list[dict[str, Any]]:
        """What the job cmd has told so far, without a line that is being written, or that is none of its own."""
        try:
            lines = (directory / rundir.EVENTS).read_text("utf-8").split("\n")[:-1]
        except OSError:
            return []
        return [event for line in lines if (event := event_of(line))]

    def log(self, directory: Path) -> str:
        """All that was printed."""
        found = ""
        for name in ("job_cmd.log", rundir.LOG):
            with contextlib.suppress(OSError):
                found += (directory / name).read_text("utf-8", "replace")
        return found

    @contextlib.contextmanager
    def serving(self) -> Iterator[Warm]:
        """A warm process of the code; at the end it and all of its forks are gone."""
        with tempfile.TemporaryFile(dir=self.folder) as said:
            command = [self.python, self.runner, "serve", str(self.code.folder)]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            )
            warm = Warm(process, said)
            try:
                yield warm
            finally:
                warm.close()

    def place(self, text: str) -> str:
        """Where in the code's folder the last traceback in a text ends: `code.py, line 12: `; "" where it names none of its files."""
        return place_of(self.code.folder, text)


class Warm:
    """The warm process of a code, asked one thing after the other."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._process, self._said, self._buffer = process, said, b""

    def ready(self, limit: float) -> dict[str, Any]:
        """What it says first. Raises Late."""
        return self._line(limit, f"loading code.py took longer than {limit:g} s")

    def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The answer. Raises Late, and OSError where the process has ended."""
        assert self._process.stdin is not None
        asked = {"id": 1, "seconds": seconds, "memory": _REPORT_MEMORY, **question}
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        return self._line(seconds + _SLACK, f"it took longer than {seconds:g} s, and the warm process does not answer any more")

    def said(self) -> str:
        """What it has printed."""
        self._said.seek(0)
        return self._said.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def _line(self, limit: float, late: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        until = time.monotonic() + limit
        while b"\n" not in self._buffer:
            if not select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                raise Late(late)
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                raise BrokenPipeError("the warm process has ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return dict(json.loads(line))


def place_of(folder: Path, text: str, *, elsewhere: bool = False) -> str:
    """Where in a code's folder the last traceback in a text ends, as Bench.place says it. `elsewhere`: it was printed where that folder is
    another one, of which only the names of its files are known."""
    found = ""
    for path, line in re.findall(r'File "([^"\n]+)", line (\d+)', text):
        one = Path(path)
        if one.is_relative_to(folder):
            found = f"{one.relative_to(folder)}, line {line}: "
        elif elsewhere and (folder / one.name).is_file():
            found = f"{one.name}, line {line}: "
    return found


def event_of(line: str) -> dict[str, Any]:
    """The event of a line; {} where it is none: who spoils the file of events has a number missing."""
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and isinstance(event.get("data"), dict) and "n" in event and "event" in event:
            return event
    return {}


def wait_until(process: subprocess.Popen[bytes], limit: float, holds: Any) -> bool:
    """Whether it holds before the process has ended and the limit is over."""
    until = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < until:
        if holds():
            return True
        time.sleep(_LOOK)
    return bool(holds())


def processes_of(run: str) -> list[int]:
    """The processes that carry a run's name in their environment."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"SIMYARD_RUN={run}".encode() in Path(entry.path, "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
