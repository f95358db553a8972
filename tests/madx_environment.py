"""Fixtures for tests with the real MAD-X: its environment (made once by the installer, then kept) and runs through the job cmd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import code_toml, install, registry
from simyard.config import Config
from simyard.job_cmd import runner
from simyard.protocol.ids import ulid

ROOT = Path(__file__).parent.parent
#: Stays between test sessions: a second one takes no time to install.
HOME = ROOT / ".venv-codes"
CODES = ROOT / "src" / "simyard" / "codes"
DATA = ROOT / "tests" / "data" / "madx"


@pytest.fixture(scope="session")
def madx_python() -> Path:
    """The Python that has cpymad: what `simyard code install madx` makes, in a folder of this checkout."""
    config = Config(home=HOME)
    return install.install(config, registry.load(config).code("madx"), print)


@dataclass(frozen=True)
class Ran:
    """A run that has ended: its folder, its final event's data, all its events and its log."""

    directory: Path
    final: dict[str, Any]
    events: list[dict[str, Any]]
    log: str

    @property
    def work(self) -> Path:
        return self.directory / "work"

    def report(self, name: str, frame: int = -1) -> dict[str, Any]:
        """A report that the job cmd has made."""
        path = self.directory / "reports" / (f"{name}.json" if frame < 0 else f"{name}.{frame}.json")
        figure: dict[str, Any] = json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        return figure


Runs = Callable[..., Ran]


def make_run(folder: Path, directory: Path, model: str, inputs: Mapping[str, Any], files: Sequence[Path], **spec: Any) -> Path:
    """A run directory of the code in `folder`, as agents make it; `spec` is what else stands in its run.json, or in place of what is here.
    A file that no input is told goes where it belongs."""
    declared = code_toml.read(folder)
    names = [path.name for path in files]
    chosen = {declared.input_for(name): name for name in reversed(names) if declared.input_for(name)}
    (directory / "work").mkdir(parents=True)
    for path in files:
        shutil.copy(path, directory / "work" / path.name)
    kind = declared.model(model).kind.value
    told = {
        # of its own: a job cmd ends all that carries the id of its run, and several workers may run codes
        "run": ulid(time.time(), os.urandom), "epoch": 1, "code": declared.name, "code_version": declared.version,
        "code_dir": str(folder), "model": model, "kind": kind, "inputs": declared.values({**chosen, **inputs}, names),
        "files": dict.fromkeys(names, "0" * 64), "cores": 1, "memory": 1 << 30, "time_limit": 100.0, "grace": 5.0,
        "first_report": declared.model(model).reports[0] if kind == "quick" else "", "bell": "", **spec,
    }  # fmt: skip
    (directory / "run.json").write_text(json.dumps(told))
    return directory


@pytest.fixture
def run_code(tmp_path: Path) -> Runs:
    """Runs a code through `runner.py run`, in a process of its own, or with `warm` as agents do, in a fork of `runner.py serve`:
    (python, code, model, inputs, files, reports, warm) -> Ran."""

    def run(
        python: Path,
        code: str,
        model: str,
        inputs: dict[str, Any] | None = None,
        files: Sequence[Path] = (),
        reports: Sequence[tuple[str, int]] = (),
        warm: bool = False,
    ) -> Ran:
        folder = CODES / code
        directory = make_run(
            folder, tmp_path / f"run{len(list(tmp_path.iterdir()))}", model, inputs or {}, files, time_limit=200.0
        )
        if warm:
            _serve(python, folder, [{"id": "run", "do": "run", "dir": str(directory)}])
        else:
            subprocess.run([python, runner.__file__, "run", directory], check=True, timeout=240)
        if reports:
            asked = [
                {
                    "id": number,
                    "do": "report",
                    "dir": str(directory),
                    "report": name,
                    "frame": frame,
                    "seconds": 60,
                    "memory": 2 << 30,
                }
                for number, (name, frame) in enumerate(reports)
            ]
            _serve(python, folder, asked)
        events = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
        assert events[-1]["event"] == "final"
        return Ran(directory, events[-1]["data"], events, (directory / "run.log").read_text(errors="replace"))

    return run


def _serve(python: Path, folder: Path, asked: list[dict[str, Any]]) -> None:
    """Ask a warm code for runs and reports, one after the other, and see each of them done."""
    with subprocess.Popen(
        [python, runner.__file__, "serve", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as serve:  # fmt: skip
        assert serve.stdin is not None
        assert serve.stdout is not None
        try:
            assert json.loads(serve.stdout.readline())["ready"]
            for question in asked:
                serve.stdin.write(json.dumps(question) + "\n")
                answer = json.loads(serve.stdout.readline())
                if question["do"] == "run":
                    assert answer["pid"], answer
                    answer = json.loads(serve.stdout.readline())
                assert answer.get("ok") or answer.get("exit_code") == 0, answer
            serve.stdin.close()
            serve.wait(60)
        finally:
            serve.kill()
