"""Fixtures for tests with the real Xsuite: its environment (made once by the installer, then kept), and runs in forks of one warm process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from simyard.codes import install, registry
from simyard.config import Config
from simyard.job_cmd import runner
from tests.madx_environment import CODES, HOME, ROOT, Ran, make_run

DATA = ROOT / "tests" / "data" / "xsuite"
FOLDER = CODES / "xsuite"


@pytest.fixture(scope="session")
def xsuite_python() -> Path:
    """The Python that has xtrack: what `simyard code install xsuite` makes, in a folder of this checkout."""
    config = Config(home=HOME)
    return install.install(config, registry.load(config).code("xsuite"), print)


class WarmXsuite:
    """`runner.py serve` of the code, as agents keep it: its imports, which take seconds, happen once for all tests."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder
        self.serve = subprocess.Popen(
            [python, runner.__file__, "serve", FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.answer()["ready"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.serve.stdin is not None
        assert self.serve.stdout is not None
        self.serve.stdin.close()
        try:
            self.serve.wait(20)
        finally:
            self.serve.kill()
            self.serve.wait()
            self.serve.stdout.close()

    def answer(self) -> dict[str, Any]:
        assert self.serve.stdout is not None
        answer: dict[str, Any] = json.loads(self.serve.stdout.readline())
        return answer

    def ask(self, **question: Any) -> dict[str, Any]:
        """Ask for something, and see it done."""
        assert self.serve.stdin is not None
        self.serve.stdin.write(json.dumps({"id": question["do"], **question}) + "\n")
        answer = self.answer()
        if question["do"] == "run":
            assert answer["pid"], answer
            answer = self.answer()
        return answer

    def prepare(
        self, model: str, inputs: dict[str, Any] | None = None, files: Sequence[Path] = (), memory: int = 1 << 30, **spec: Any
    ) -> Path:
        """A run directory, as agents make it; `spec` is what else stands in its run.json."""
        directory = self.folder / f"run{len(list(self.folder.iterdir()))}"
        return make_run(FOLDER, directory, model, inputs or {}, files, memory=memory, **spec)

    def run(self, model: str, inputs: dict[str, Any] | None = None, files: Sequence[Path] = (), **spec: Any) -> Ran:
        """A run to its end."""
        directory = self.prepare(model, inputs, files, **spec)
        answer = self.ask(do="run", dir=str(directory))
        assert answer.get("exit_code") == 0, answer
        return ended(directory)

    def report(self, ran: Ran, name: str, frame: int = -1) -> dict[str, Any]:
        """A report of a run, made now."""
        asked = {"report": name, "frame": frame, "seconds": 60, "memory": 2 << 30}
        answer = self.ask(do="report", dir=str(ran.directory), **asked)
        assert answer.get("ok"), answer
        return ran.report(name, frame)


def ended(directory: Path) -> Ran:
    """What is there of a run that has ended."""
    events = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "final", events[-1]
    return Ran(directory, events[-1]["data"], events, (directory / "run.log").read_text(errors="replace"))


@pytest.fixture(scope="session")
def xsuite(xsuite_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmXsuite]:
    with WarmXsuite(xsuite_python, tmp_path_factory.mktemp("xsuite")) as warm:
        yield warm
