"""What every command shares: the option --json, the way to the client, and how values are written for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from simyard.config import Config, load

if TYPE_CHECKING:
    from rich.console import Console

    from simyard.client import Client

F = TypeVar("F", bound=Callable[..., Any])

STYLES = {
    "completed": "green",
    "failed": "red",
    "canceled": "yellow",
    "lost": "red",
    "running": "cyan",
    "starting": "cyan",
    "canceling": "yellow",
    "pending": "blue",
}


def json_option(function: F) -> F:
    """`--json`: one JSON value on stdout, and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON value to stdout, for programs.")(function)


def config() -> Config:
    """The configuration of this command's home folder."""
    return load(os.environ)


def client() -> Client:
    """The client of the Simyard that is meant; raises NotRunning in words."""
    from simyard.client import Client

    return Client()


def console(*, err: bool = False) -> Console:
    """A terminal, or a file, to write to."""
    from rich.console import Console

    # what goes into a file or a pipe is not folded at some width
    wide = None if (sys.stderr if err else sys.stdout).isatty() else 1000
    return Console(stderr=err, highlight=False, width=wide)


def tell_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def note(*lines: str) -> None:
    """Words for people, where they do not disturb what a program reads."""
    for line in lines:
        click.echo(line, err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """A table for people; `empty` where there are no rows. State words get their colour."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column in {"ID", "STATE"})
    for row in rows:
        shown.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    if shown.row_count:
        console().print(shown)
    else:
        note(empty)


def when(iso: str | None) -> str:
    """A time of the API in local time; "" for none."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S") if iso else ""


def seconds(value: float | None) -> str:
    """A duration, as short as it is readable."""
    if value is None:
        return ""
    if value < 10:
        return f"{value:.2f} s"
    if value < 90:
        return f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def size(value: float) -> str:
    """A number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def number(value: Any) -> str:
    """A result, at the precision that a person reads."""
    return f"{value:.8g}" if isinstance(value, float) else str(value)
