"""The live view of a run in a terminal: a progress bar where there is a terminal, a line for each change of state elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from simyard.cli.common import console, note, seconds

if TYPE_CHECKING:
    from simyard.client import RemoteRun


def describe(run: RemoteRun) -> str:
    """One line: what the run does now, or why it does not."""
    progress = run.data.get("progress") or {}
    there = "" if run.final else str(run.remote.get("words") or "")
    if run.state == "pending" and not there:
        waits = [verdict["detail"] for verdict in run.data.get("waiting") or [] if not verdict["passed"] and verdict["detail"]]
        return "waiting: " + (waits[0] if waits else "for its turn")
    words = [f"{run.state}: {there}" if there else run.state]
    if progress.get("message"):
        words.append(str(progress["message"]))
    if progress.get("frames"):
        words.append(f"{progress['frames']} frames")
    if run.state == "running" and progress.get("eta"):
        words.append(f"about {seconds(progress['eta'])} left")
    return " · ".join(words)


def watch(run: RemoteRun, *, quiet: bool = False) -> None:
    """Return when the run is final, having shown how it went on stderr (nothing, if `quiet`)."""
    if quiet:
        run.wait()
    elif sys.stderr.isatty():
        _bar(run)
    else:
        said = ""
        for now in run.watch():
            words = describe(now) if now.state == "pending" or (now.remote.get("words") and not now.final) else now.state
            if words != said:
                note(f"{now.id}  {words}")
                said = words


def _bar(run: RemoteRun) -> None:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(err=True), transient=True) as shown:
        task = shown.add_task(describe(run), total=None)
        for now in run.watch():
            fraction = (now.data.get("progress") or {}).get("fraction")
            # total None is a bar that only moves: how far it is, the code has not said
            shown.update(task, description=describe(now), total=None if fraction is None else 1.0, completed=fraction or 0.0)
