"""What the contract tests of the job cmd share: the interpreters, run directories, and processes that always end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

import simyard.job_cmd.runner as runner_module
from simyard.protocol import rundir

# runner.py is written for Python 2.7 as well, and has no annotations
runner: Any = runner_module
RUNNER = Path(runner_module.__file__)
CODES = Path(__file__).parent / "codes"
VERSIONS = ("2.7.18", "3.6.15", "3.9.18", "3.11.7", "3.13.0")
#: Nothing here takes longer (seconds) unless it is broken.
LIMIT = 60.0

each_interpreter = pytest.mark.parametrize("version", VERSIONS)


def new_id() -> str:
    """A run's id that no other test has: what is left of a run is found by it, on the whole machine."""
    return "01JD" + secrets.token_hex(11).upper()


def interpreter(version: str) -> str:
    """The Python of that version: pyenv's, or the one of that minor version on PATH. Missing: an error in CI, else a skip."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    exact = root / "versions" / version / "bin" / "python"
    minor = ".".join(version.split(".")[:2])
    found = str(exact) if exact.exists() else shutil.which(f"python{minor}")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"Python {version} is missing")
        pytest.skip(f"Python {version} is missing")
    return found


def until(what: Callable[[], Any], limit: float = LIMIT) -> Any:
    """What `what` answers as soon as that is true; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def events(directory: Path) -> list[dict[str, Any]]:
    """The whole lines of events.jsonl, whose numbers must count from 1 without gaps."""
    try:
        data = (directory / rundir.EVENTS).read_bytes()
    except FileNotFoundError:
        return []
    found = [json.loads(line) for line in data.split(b"\n")[:-1]]
    assert [event["n"] for event in found] == list(range(1, len(found) + 1))
    return found


def names(directory: Path) -> list[str]:
    """The events' names, progress left out."""
    return [event["event"] for event in events(directory) if event["event"] != rundir.PROGRESS]


def final(directory: Path) -> dict[str, Any] | None:
    """The data of the final event, if it is there."""
    found = [event["data"] for event in events(directory) if event["event"] == rundir.FINAL]
    assert len(found) <= 1
    return found[0] if found else None


def progress(directory: Path) -> dict[str, Any]:
    """The last word on each part of the progress."""
    known: dict[str, Any] = {}
    for event in events(directory):
        if event["event"] == rundir.PROGRESS:
            known.update(event["data"])
    return known


def log(directory: Path) -> str:
    return (directory / rundir.LOG).read_text("utf-8")


def left(directory: Path) -> list[int]:
    """Processes that carry the run's mark."""
    return sorted(runner.left_of(json.loads((directory / rundir.RUN).read_text())["run"], str(directory)))


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # before the open, or between it and the read
        return False


def holder(directory: Path) -> int:
    """The pid that holds the lock, 0 for nobody: F_GETLK, as the agent asks."""
    if not (directory / rundir.LOCK).exists():
        return 0
    with open(directory / rundir.LOCK, "rb") as file:
        asked = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack("hhqqi", fcntl.fcntl(file, fcntl.F_GETLK, asked)[:28])
    return 0 if kind == fcntl.F_UNLCK else int(pid)


class Serve:
    """A `serve` process, spoken to."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.answers: list[dict[str, Any]] = []
        self._buffer = b""

    def ask(self, **request: Any) -> None:
        self.write(json.dumps(request).encode() + b"\n")

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def answer(self, wanted: Callable[[dict[str, Any]], bool], limit: float = LIMIT) -> dict[str, Any]:
        """The first answer, taken away, that `wanted` says yes to."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + limit
        while True:
            for answer in self.answers:
                if wanted(answer):
                    self.answers.remove(answer)
                    return answer
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no such answer, but {self.answers}"
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            assert data, f"serve has ended; unread: {self.answers}"
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            self.answers += [json.loads(line) for line in lines]

    def answer_to(self, number: Any, limit: float = LIMIT) -> dict[str, Any]:
        return self.answer(lambda answer: "ready" not in answer and answer["id"] == number, limit)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


class Site:
    """A folder with run directories, and the processes that a test starts there, each of which it ends."""

    def __init__(self, version: str, folder: Path) -> None:
        self.python = sys.executable if version == "venv" else interpreter(version)
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._directories: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        for directory in self._directories:
            for pid in {holder(directory), *left(directory)} - {0}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda directory=directory: not left(directory))  # type: ignore[misc]

    def directory(self, code: str = "probe", **more: Any) -> Path:
        """A run directory; `more` are the inputs, but for what run.json calls by these names."""
        run = new_id()
        spec = {
            "run": run, "epoch": 1, "code": code, "code_version": "1", "code_dir": str(CODES / code), "model": "twiss",
            "kind": "long", "files": {}, "cores": 2, "cpus": [], "disk": 0, "memory": 1 << 30, "time_limit": 0, "grace": 5.0, "first_report": "",
            "bell": "", "cluster": False, "checkpoints": False, "launcher": [], "tasks": 1,
        }  # fmt: skip
        spec |= {name: more.pop(name) for name in list(more) if name in spec}
        spec["inputs"] = more
        directory = self.folder / run
        (directory / rundir.WORK).mkdir(parents=True)
        (directory / rundir.RUN).write_text(json.dumps(spec, ensure_ascii=False), "utf-8")
        self._directories.append(directory)
        return directory

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= options.pop("env", {})
        process = subprocess.Popen(
            [self.python, str(RUNNER), *map(str, arguments)], env=environment, start_new_session=True, **options
        )
        self._processes.append(process)
        return process

    def run(self, directory: Path, limit: float = LIMIT, **options: Any) -> dict[str, Any]:
        """Run a directory to its end, in a fresh process. Returns the final event's data; nothing may be left."""
        assert self.start("run", directory, **options).wait(limit) == 0
        found = final(directory)
        assert found is not None
        assert left(directory) == []
        return found

    def serve(self, code: str = "probe", **options: Any) -> Serve:
        """A warm code, ready."""
        served = Serve(self.start("serve", CODES / code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options))
        ready = served.answer(lambda answer: "ready" in answer)
        assert ready["ready"], ready
        return served
