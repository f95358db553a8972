"""`simyard sim`: simulations, which are named sets of inputs for one code."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from simyard.cli.common import client, json_option, note, table, tell_json, when
from simyard.errors import InvalidRequest

if TYPE_CHECKING:
    from simyard.client import Client


def _find(server: Client, sim: str) -> dict[str, Any]:
    found = server.find_simulation(sim)
    if found is None:
        raise InvalidRequest("unknown-simulation", f"There is no simulation called {sim!r}; `simyard sim list` shows them.")
    return found


def _inputs(server: Client, code: str, settings: tuple[str, ...]) -> dict[str, Any]:
    from simyard.cli.run import parse_settings

    return parse_settings(settings, {one["name"]: one["type"] for one in server.code(code)["inputs"]})


@click.group()
def sim() -> None:
    """List, show, make, change, copy, delete simulations."""


@sim.command("list")
@click.option("--code", help="Only those of this code.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10000), help="How many, the newest first.")
@json_option
def list_(code: str | None, limit: int, as_json: bool) -> None:
    """List simulations, the newest first."""
    found = list(islice(client().simulations(code=code, limit=min(limit, 200)), limit))
    if as_json:
        tell_json(found)
        return
    rows = [(one["id"], one["name"], one["code"], when(one["updated"]), ", ".join(one["files"])) for one in found]
    table(
        ("ID", "NAME", "CODE", "CHANGED", "FILES"),
        rows,
        "No simulations. `simyard run CODE` makes one, and so does `simyard sim new CODE NAME`.",
    )


@sim.command()
@click.argument("sim")
@json_option
def show(sim: str, as_json: bool) -> None:
    """Show the simulation SIM (a name or an id): its inputs and files."""
    found = _find(client(), sim)
    if as_json:
        tell_json(found)
        return
    click.echo(f"{found['name']}  ({found['code']}, {found['id']})")
    for name, value in found["inputs"].items():
        shown = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value.partition("\n")[0][:80]
        click.echo(f"  {name} = {shown}")
    for name, ref in found["files"].items():
        click.echo(f"  file {name}, {ref['size']} bytes")


@sim.command()
@click.argument("code")
@click.argument("name")
@click.option("--example", "-e", help="Inputs to start from (`simyard code show CODE` lists them).")
@click.option("--file", "-f", "files", multiple=True, type=click.Path(), help="A file that belongs to it.")
@click.option("--set", "-s", "settings", multiple=True, metavar="INPUT=VALUE", help="Set an input.")
@json_option
def new(code: str, name: str, example: str | None, files: tuple[str, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Make the simulation NAME of CODE, or change it to be just this."""
    server = client()
    made = server.prepare(code, name=name, example=example, inputs=_inputs(server, code, settings), files=files)
    _tell(made, as_json)


@sim.command("set")
@click.argument("sim")
@click.argument("settings", nargs=-1, metavar="INPUT=VALUE …")
@click.option("--file", "-f", "files", multiple=True, type=click.Path(), help="Add or replace a file.")
@click.option("--remove", "-r", multiple=True, metavar="FILE", help="Remove a file.")
@click.option("--rename", metavar="NAME", help="Give it another name.")
@json_option
def set_(
    sim: str, settings: tuple[str, ...], files: tuple[str, ...], remove: tuple[str, ...], rename: str | None, as_json: bool
) -> None:
    """Change inputs, files or the name of the simulation SIM; what is not named stays."""
    server = client()
    found = _find(server, sim)
    refs = [server.upload(file) for file in files]
    changes: dict[str, Any] = {
        "inputs": _inputs(server, found["code"], settings),
        "files": {**{ref["name"]: ref["sha256"] for ref in refs}, **dict.fromkeys(remove)},
    }
    if rename:
        changes["name"] = rename
    _tell(server.change_simulation(found, **changes), as_json)


@sim.command()
@click.argument("sim")
@click.option("--name", help="Name of the copy.")
@json_option
def copy(sim: str, name: str | None, as_json: bool) -> None:
    """Copy the simulation SIM."""
    server = client()
    _tell(server.copy_simulation(_find(server, sim)["id"], name), as_json)


@sim.command()
@click.argument("sim")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def delete(sim: str, yes: bool, as_json: bool) -> None:
    """Delete the simulation SIM. Its runs stay."""
    server = client()
    found = _find(server, sim)
    if not yes:
        click.confirm(f"Delete the simulation {found['name']} of {found['code']}? Its runs stay.", abort=True, err=True)
    server.delete_simulation(found["id"])
    if as_json:
        tell_json({"deleted": found["id"]})
    else:
        note(f"Deleted {found['name']}.")


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tell_json(found)
    else:
        click.echo(f"{found['id']}  {found['name']}")
