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


def _find(server: Client, sim: str, *, deleted: bool = False) -> dict[str, Any]:
    found = server.find_simulation(sim, deleted=deleted)
    if found is None and deleted:
        raise InvalidRequest(
            "unknown-simulation", f"In the bin is no simulation called {sim!r}; `simyard sim list --deleted` shows them."
        )
    if found is None:
        raise InvalidRequest("unknown-simulation", f"There is no simulation called {sim!r}; `simyard sim list` shows them.")
    return found


def _inputs(server: Client, code: str, settings: tuple[str, ...]) -> dict[str, Any]:
    from simyard.cli.run import parse_settings, types_of

    return parse_settings(settings, types_of(server.code(code)))


@click.group()
def sim() -> None:
    """List, show, make, change, put in order, copy, export, delete simulations."""


@sim.command("list")
@click.option("--code", help="Only those of this code.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--folder", help="Only those in this folder, or in one within it.")
@click.option("--deleted", is_flag=True, help="Those in the bin.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10000), help="How many, the newest first.")
@json_option
def list_(code: str | None, tag: str | None, folder: str | None, deleted: bool, limit: int, as_json: bool) -> None:
    """List simulations, the newest first."""
    filters = {"code": code, "tag": tag, "folder": folder, "deleted": deleted or None}
    found = list(islice(client().simulations(**filters, brief=None if as_json else True, limit=min(limit, 200)), limit))
    if as_json:
        tell_json(found)
        return
    columns = ("ID", "NAME", "CODE", "FOLDER", "TAGS", "DELETED" if deleted else "CHANGED")
    rows = [
        (one["id"], one["name"], one["code"], one["folder"], ", ".join(one["tags"]), when(one["deleted"] or one["updated"]))
        for one in found
    ]
    empty = "No simulations. `simyard run CODE` makes one, and so does `simyard sim new CODE NAME`."
    if any(filters.values()):
        empty = "The bin is empty." if filters == {**dict.fromkeys(filters), "deleted": True} else "No simulation fits that."
    table(columns, rows, empty)


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
    if found["folder"]:
        click.echo(f"  in the folder {found['folder']}")
    if found["tags"]:
        click.echo(f"  tagged {', '.join(found['tags'])}")
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
@click.option("--folder", metavar="FOLDER", help='Move it to this folder; "a/b" is one within another, "" none.')
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Give it this tag.")
@click.option("--untag", "untags", multiple=True, metavar="TAG", help="Take this tag away.")
@json_option
def set_(
    sim: str,
    settings: tuple[str, ...],
    files: tuple[str, ...],
    remove: tuple[str, ...],
    rename: str | None,
    folder: str | None,
    tags: tuple[str, ...],
    untags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change inputs, files, name, folder or tags of the simulation SIM; what is not named stays."""
    server = client()
    found = _find(server, sim)
    refs = [server.upload(file) for file in files]
    changes: dict[str, Any] = {
        "inputs": _inputs(server, found["code"], settings),
        "files": {**{ref["name"]: ref["sha256"] for ref in refs}, **dict.fromkeys(remove)},
    }
    if rename:
        changes["name"] = rename
    if folder is not None:
        changes["folder"] = folder
    if tags or untags:
        changes["tags"] = [tag for tag in dict.fromkeys([*found["tags"], *tags]) if tag not in untags]
    _tell(server.change_simulation(found, **changes), as_json)


@sim.command()
@click.argument("sim")
@click.argument("input_name", metavar="INPUT")
@click.argument("source", metavar="FROM")
@click.argument("file")
@click.option("--model", "-m", help="Of FROM, whose run writes the file (not needed where it has one model).")
@json_option
def link(sim: str, input_name: str, source: str, file: str, model: str | None, as_json: bool) -> None:
    """Have the file input INPUT of SIM be the FILE of the newest completed run of the simulation FROM.

    \b
    simyard sim link "my tracking" lattice "my ring" twiss.tfs --model twiss
    simyard sim sources "my tracking"

    `simyard sim set SIM INPUT=` takes it away.
    """
    server = client()
    changed = server.link(_find(server, sim), input_name, _find(server, source)["id"], file, model=model)
    if as_json:
        tell_json(changed)
        return
    _say_sources([one for one in server.sources(changed["id"]) if one["input"] == input_name])


@sim.command()
@click.argument("sim")
@click.option("--model", "-m", help="With regard to the last run of this model (default: of any).")
@json_option
def sources(sim: str, model: str | None, as_json: bool) -> None:
    """Show what the simulation SIM takes from others, and whether it is out of date."""
    server = client()
    found = server.sources(_find(server, sim)["id"], model)
    if as_json:
        tell_json(found)
    elif not found:
        note("It takes nothing from other simulations. `simyard sim link` has an input do that.")
    else:
        _say_sources(found)


def _say_sources(found: list[dict[str, Any]]) -> None:
    for one in found:
        click.echo(
            f"{one['input']} = {one['file'].removeprefix('work/')} of {one['name']} ({one['title'] or one['model']}): {one['state']}"
        )
        click.echo(f"  {one['detail']}")


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
@click.option("--forever", is_flag=True, help="For good, also from the bin.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def delete(sim: str, forever: bool, yes: bool, as_json: bool) -> None:
    """Put the simulation SIM into the bin, where it is kept for 30 days. Its runs stay."""
    server = client()
    found = (server.find_simulation(sim, deleted=True) if forever else None) or _find(server, sim)
    if forever and not yes:
        words = f"Delete the simulation {found['name']} of {found['code']} for good, with all its saves? Its runs stay."
        click.confirm(words, abort=True, err=True)
    server.delete_simulation(found["id"], forever=forever)
    if as_json:
        tell_json({"deleted": found["id"], "forever": forever})
    elif forever:
        note(f"{found['name']} is gone.")
    else:
        note(f"{found['name']} lies in the bin for 30 days. `simyard sim restore {found['id']}` takes it back.")


@sim.command()
@click.argument("sim")
@json_option
def restore(sim: str, as_json: bool) -> None:
    """Take the simulation SIM back from the bin."""
    server = client()
    _tell(server.restore_simulation(_find(server, sim, deleted=True)["id"]), as_json)


@sim.command("export")
@click.argument("sim")
@click.option("--out", "-o", type=click.Path(dir_okay=False), help="The file to write (default: the simulation's name, .zip).")
@json_option
def export(sim: str, out: str | None, as_json: bool) -> None:
    """Save the simulation SIM with its files as a zip."""
    server = client()
    found = _find(server, sim)
    plain = "".join("_" if c in '<>:"/\\|?*' or not c.isprintable() else c for c in found["name"]).strip(" ._")[:100]
    file = server.export_simulation(found["id"], out or f"{plain or 'simulation'}.zip")
    if as_json:
        tell_json({"simulation": found["id"], "file": str(file)})
    else:
        click.echo(file)


@sim.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@json_option
def import_(file: str, as_json: bool) -> None:
    """Make a simulation of the zip FILE that an export has written."""
    _tell(client().import_simulation(file), as_json)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tell_json(found)
    else:
        click.echo(f"{found['id']}  {found['name']}")
