"""How a run ended, for a terminal: words on stderr, results on stdout."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simyard.cli.common import STYLES, note, number, seconds, size

if TYPE_CHECKING:
    from simyard.client import RemoteRun


def print_outcome(run: RemoteRun, got: Sequence[Path] = ()) -> None:
    """How a run ended: its state and reason on stderr, its results on stdout."""
    usage = run.data.get("usage") or {}
    memory = f", {size(usage['peak_memory'])}" if usage.get("peak_memory") else ""
    spent = f" after {seconds(usage['wall'])}{memory}" if usage else ""
    note(f"{click.style(run.state, fg=STYLES[run.state])} {run.id}{spent}")
    if run.reason and run.state != "completed":
        note(run.reason)
    for warning in run.warnings:
        note(f"warning: {warning}")
    for name, value in run.results.items():
        click.echo(f"{name} = {number(value)}")
    if got:
        folder = got[0].parent if len(got) == 1 else os.path.commonpath(got)
        note(f"{len(got)} files in {folder}: {', '.join(sorted(path.name for path in got)[:12])}")
    if run.state == "failed":
        note(f"Its output: simyard run logs {run.id}")
