"""Runs of a code through a whole Simyard, told of as those are that the tests have a job cmd do by itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.madx_environment import Ran, Runs
from tests.system.page_kit import Yard

_numbers = itertools.count()


class Through:
    """What `run_code` is for a target other than this machine. `alone` is the job cmd by itself: a run that is not to be warm is
    one of its own, since no target can be asked for that."""

    def __init__(self, yard: Yard, alone: Runs) -> None:
        self._yard, self._alone = yard, alone

    def __call__(
        self,
        python: Path,
        code: str,
        model: str,
        inputs: dict[str, Any] | None = None,
        files: Sequence[Path] = (),
        reports: Sequence[tuple[str, int]] = (),
        warm: bool | None = None,
    ) -> Ran:
        if warm is False:
            return self._alone(python, code, model, inputs, files, reports)
        client = self._yard.client
        simulation = client.prepare(code, name=f"through {next(_numbers)}", inputs=inputs, files=files)
        run = client.start(simulation["id"], model, reuse=False).wait(timeout=240)
        for name, frame in reports:
            run.report(name, frame=frame if frame >= 0 else None)
        directory = self._yard.run_dir(run.id)
        events = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
        assert events[-1]["event"] == "final"
        assert (run.state, run.reason) == (events[-1]["data"]["state"], events[-1]["data"]["reason"])
        return Ran(directory, events[-1]["data"], events, (directory / "run.log").read_text(errors="replace"))
