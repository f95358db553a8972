"""Figures: medians, rows beside their limits, and the page that they make."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: what was `measured`, `beside` what in the same run, their `ratio`, and the `budget`, which it `meets` or not."""

    what: str
    measured: str
    beside: str
    ratio: str
    budget: str
    meets: bool


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 0.01 else f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def rounds(one: Callable[[], float], times: int) -> float:
    """The median of so many rounds."""
    return median([one() for _ in range(times)])


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| what | measured | beside, in the same run | ratio or difference | budget | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.measured} | {row.beside} | {row.ratio} | {row.budget} | {'met' if row.meets else '**missed**'} |"
        for row in rows
    ]
    return "\n".join(lines)


def page(rows: Sequence[Row], notes: Sequence[str]) -> str:
    """The text of docs/benchmarks.md."""
    missed = [row.what for row in rows if not row.meets]
    where = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {sys.version.split()[0]}; "
        f"load at the end {os.getloadavg()[0]:.1f}"
    )
    said = f"Missed: {'; '.join(missed)}." if missed else "All of them are met."
    return "\n".join(
        [
            "# Figures",
            "",
            (
                "Made by `make bench`: each figure beside its limit or its peer, measured in the same run on the same machine, durable"
                " (SQLite with `synchronous=FULL`) and authenticated. Absolute figures depend on the machine; compare the ratios."
            ),
            "",
            f"Machine: {where}.",
            "",
            table(rows),
            "",
            said,
            "",
            *(f"- {note}" for note in notes),
            "",
        ]
    )
