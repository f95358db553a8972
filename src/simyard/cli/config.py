"""`simyard config`: the settings, and where each comes from."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from simyard.cli.common import config as load_config
from simyard.cli.common import json_option, table, tell_json


@click.group()
def config() -> None:
    """The settings."""


@config.command()
@json_option
def show(as_json: bool) -> None:
    """Show every setting, its value, and where that comes from."""
    settings = load_config()
    path = Path(os.environ.get("SIMYARD_CONFIG") or settings.home / "simyard.toml")
    written = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    home = "SIMYARD_HOME or --home" if os.environ.get("SIMYARD_HOME") else "default"
    rows = [("home", str(settings.home), home)]
    rows += [
        (name, value, str(path) if _has(written, name.split(".")) else "default")
        for name, value in _flat(
            "", {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings) if field.name != "home"}
        )
    ]
    if os.environ.get("SIMYARD_CODES"):
        added = {"codes_path", "web.reload_codes"}
        rows = [(name, value, "SIMYARD_CODES or --codes" if name in added else source) for name, value, source in rows]
    if as_json:
        tell_json([{"name": name, "value": value, "from": source} for name, value, source in rows])
        return
    table(("SETTING", "VALUE", "FROM"), rows, "")


@config.command()
def check() -> None:
    """Say whether the settings can be used. Exit status 4 when not."""
    load_config()
    click.echo("The settings are good.")


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, item)
    elif isinstance(value, (dict, tuple)):
        yield prefix, ", ".join(str(item) for item in value) or "none"
    else:
        yield prefix, str(value)


def _has(settings: Any, names: list[str]) -> bool:
    for name in names:
        if not isinstance(settings, dict) or name not in settings:
            return False
        settings = settings[name]
    return True
