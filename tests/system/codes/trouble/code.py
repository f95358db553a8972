"""A code that goes well, or wrong in each way that a code can: what the page says of it is looked at."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any


def prepare(run: Any) -> Any:
    if run.inputs["how"] == "input":
        raise ValueError("Seconds must be less than the age of the universe.")
    return go


def go(run: Any) -> None:
    how, seconds = run.inputs["how"], run.inputs["seconds"]
    print("\033[1;32mTrouble 1.0\033[0m", "begins:", run.inputs["words"], flush=True)
    print("reading 10 %\rreading 100 %", flush=True)
    steps = max(1, int(seconds * 20))
    for step in range(steps):
        if seconds >= 0.05:
            time.sleep(0.05)
        if how == "talk":
            print("".join(f"step {step} line {line} of the talk\n" for line in range(500)), end="", flush=True)
        elif how == "slow" or seconds >= 1:
            print(f"step {step + 1} of {steps}", flush=True)
        run.progress(fraction=(step + 1) / steps, message=f"step {step + 1} of {steps}")
    go_wrong(how)


def go_wrong(how: str) -> None:
    if how == "exit":
        print("checking the mesh\nERROR: the mesh has 12 inverted cells\nsee the manual, chapter 7", flush=True)
        sys.exit(3)
    if how == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "memory":
        raise MemoryError  # what an allocation beyond a limit raises; a target without one would only be filled up
    if how == "exception":
        raise RuntimeError("The matrix is singular: the seconds cannot be counted.")
    if how == "missing":
        raise FileNotFoundError(2, "No such file or directory", "lattice.seq")


def finish(run: Any) -> Any:
    if run.exit_code != 0:
        return None
    return {"results": {"residual": -2.8e-11, "seconds": {"value": run.inputs["seconds"], "unit": "s", "title": "Time spent"}}}


def report(run: Any, name: str, frame: int) -> dict[str, Any]:
    return {"data": [{"type": "scatter", "x": [0, 1], "y": [0, run.inputs["seconds"]]}], "layout": {}}
