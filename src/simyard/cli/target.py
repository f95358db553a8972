"""`simyard target`: the places to run."""

from __future__ import annotations

import click

from simyard.cli.common import client, json_option, size, table, tell_json


@click.group()
def target() -> None:
    """The places to run."""


@target.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the targets: their state, and what is free of them."""
    found = client().targets()
    if as_json:
        tell_json(found)
        return
    rows = [
        (
            one["name"],
            one["kind"],
            one["state"],
            f"{one['cores_free']} of {one['cores']}",
            f"{size(one['memory_free'])} of {size(one['memory'])}",
            str(one["waiting"]),
            one["detail"],
        )
        for one in found
    ]
    table(("NAME", "KIND", "STATE", "CORES FREE", "MEMORY FREE", "WAITING", ""), rows, "No targets.")
