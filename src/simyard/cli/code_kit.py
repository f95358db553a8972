"""`simyard code new`, `test` and `docs`: what somebody who writes a code works with."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from simyard.cli.common import config, json_option, note, tell_json
from simyard.codes import registry
from simyard.errors import InvalidRequest


@click.command()
@click.argument("name", required=False)
@click.option("--in", "folder", type=click.Path(file_okay=False), help="Folder to make it in (default: here).")
@click.option("--title", default="", help="What people read (default: from the name).")
@click.option(
    "--program",
    metavar="COMMAND",
    help="Make a code without Python, of a program: its command line. Files that it names become templates.",
)
@json_option
def new(name: str | None, folder: str | None, title: str, program: str | None, as_json: bool) -> None:
    """Make a new code NAME: a folder with a code.toml and a code.py to begin from, or with a code.toml of a program.

    In a terminal it asks for what is not given."""
    from simyard.cli.new_code import doubts, make

    if name is None:
        if not sys.stdin.isatty() or as_json:
            raise InvalidRequest("no-name", "A code needs a name: simyard code new NAME.")
        name = click.prompt("Name (lower-case letters, digits and _)", value_proc=_name, err=True)
        title = title or click.prompt("Title, for people", default=name.replace("_", " ").capitalize(), err=True)
        if program is None:
            words = "Command line of the program (empty: a code.py in Python runs it)"
            program = click.prompt(words, default="", show_default=False, err=True) or None
        folder = folder or click.prompt("Folder to make it in", default=".", err=True)
    made = make(name, folder or ".", title=title, program=program)
    if as_json:
        tell_json({"name": name, "folder": str(made)})
        return
    click.echo(made)
    for doubt in doubts(program) if program else ():
        note(f"Note: {doubt}")
    shown = shlex.quote(str(made))
    note(
        f"Try it:  simyard code test {shown}",
        f"See it:  simyard --codes {shown} up   (it is loaded anew when you change it)",
        f'Keep it: add its folder to codes_path in {config().home / "simyard.toml"}:  codes_path = ["{made.parent}"]',
    )


def _name(typed: str) -> str:
    from simyard.cli.new_code import check_name

    try:
        return check_name(typed.strip())
    except InvalidRequest as error:
        raise click.BadParameter(error.detail) from None  # it is asked again


@click.command()
@click.argument("name")
@click.option("--target", "targets", metavar="TARGET", multiple=True, help="Where (default: local); may be given several times.")
@click.option("--all-targets", is_flag=True, help="On each target that is configured and switched on.")
@click.option("--first", is_flag=True, help="Run each model with the first example that it completes with, and no other.")
@click.option(
    "--limit",
    metavar="SECONDS",
    default=600.0,
    show_default=True,
    type=click.FloatRange(1),
    help="How long a run may take; no other step takes longer either.",
)
@json_option
def test(name: str, targets: tuple[str, ...], all_targets: bool, first: bool, limit: float, as_json: bool) -> None:
    """Hold the code NAME (or the code in the folder NAME) to the contract: declaration, examples, progress, cancel, bad input, reports.

    On `local` it needs no server; on other targets it asks the Simyard that is up, and tries the same there. Nothing is left behind.
    Each step has a limit, also where a target does not answer. Exit status 1 when one fails."""
    from simyard.cli.bench import Limits
    from simyard.cli.test_code import hold

    settings = config()
    if all_targets:
        targets = tuple(target for target, one in settings.targets.items() if one.enabled)
    results = hold(settings, name, None if as_json else _say, Limits.of(limit), targets=targets or ("local",), first=first)
    if as_json:
        tell_json([{"what": what, "passed": not words, "detail": words} for what, words in results])
    failed = sum(bool(words) for _, words in results)
    if failed:
        note(f"{failed} of {len(results)} checks failed.")
        sys.exit(1)
    note(f"All {len(results)} checks passed.")


def _say(what: str, words: str) -> None:
    click.echo(f"{'✗' if words else '✓'} {what}{': ' + words if words else ''}")


@click.command()
@click.argument("name")
@click.option("--out", type=click.Path(dir_okay=False), help="Write it into this file.")
def docs(name: str, out: str | None) -> None:
    """Write a page in Markdown about the code NAME (or the code in the folder NAME), from its declaration: models, inputs with units
    and ranges, examples, reports, results."""
    from simyard.cli.describe_code import page

    text = page(registry.named(config(), name))
    if out is None:
        click.echo(text, nl=False)
        return
    Path(out).write_text(text, "utf-8")
    note(f"Written: {out}")
