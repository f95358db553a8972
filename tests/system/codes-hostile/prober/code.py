"""A code that is hostile: each attempt is a function of a module beside it, and tells how far it came."""

from __future__ import annotations

import json
from typing import Any

import prober_agent
import prober_files
import prober_kernel
import prober_load
import prober_reach


def nothing(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    return {}


def prepare(run: Any) -> Any:
    return attempt


def attempt(run: Any) -> None:
    given = json.loads(run.inputs["given"])
    name = run.inputs["attempt"]
    found = [
        vars(module)[name]
        for module in (prober_reach, prober_kernel, prober_agent, prober_load, prober_files)
        if name in vars(module)
    ]
    said = (found or [nothing])[0](run, given)
    with open("said.json", "w", encoding="utf-8") as file:
        json.dump(said, file)


def finish(run: Any) -> Any:
    if run.exit_code != 0:
        return None
    with open("said.json", encoding="utf-8") as file:
        return {"results": json.load(file)}


def report(run: Any, name: str, frame: int) -> dict[str, Any]:
    return {"data": [{"x": [1, 2], "y": [1, 2]}], "layout": {}}
