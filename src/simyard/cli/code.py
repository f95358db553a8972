"""`simyard code`: the codes that can be run, and what they need."""

from __future__ import annotations

import click

from simyard.cli.code_kit import docs, new, test
from simyard.cli.common import config, json_option, note, table, tell_json
from simyard.codes import install as installing
from simyard.codes import registry


@click.group()
def code() -> None:
    """The codes: list, show, install, make, test, describe."""


@code.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the codes of this Simyard, and whether each can run."""
    settings = config()
    codes = registry.load(settings)
    found = [(one, installing.status(settings, one)) for one in codes.values()]
    if as_json:
        tell_json(
            [
                {"name": one.name, "title": one.title, "installed": status.installed, "detail": status.detail}
                for one, status in found
            ]
        )
    else:
        rows = [
            (one.name, one.title, ", ".join(one.models), "yes" if status.installed else f"no: simyard code install {one.name}")
            for one, status in found
        ]
        table(("NAME", "TITLE", "MODELS", "INSTALLED"), rows, "No codes.")
    for name, words in codes.broken.items():
        note(f"{name} cannot be used: {words}")


@code.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what the code NAME (or the code in the folder NAME) can compute: its models, inputs, examples and reports."""
    settings = config()
    found = registry.named(settings, name)
    status = installing.status(settings, found)
    if as_json:
        tell_json({**found.to_plain(), "installed": status.installed, "folder": str(found.folder), "detail": status.detail})
        return
    click.echo(f"{found.title} ({found.name}, version {found.version})")
    click.echo(found.description)
    click.echo(status.detail)
    click.echo("\nModels")
    for model in found.models.values():
        click.echo(f"  {model.name:<16} {model.kind.value}; reports: {', '.join(model.reports) or 'none'}. {model.title}")
    click.echo("\nExamples")
    for example in found.examples.values():
        click.echo(f"  {example.name:<16} {example.title}")
    click.echo("\nInputs")
    for one in found.inputs.values():
        bounds = [
            f"{one.minimum:g} …" if one.minimum is not None else "",
            f"… {one.maximum:g}" if one.maximum is not None else "",
        ]
        limits = "[" + " ".join(bounds).replace("… …", "…").strip() + "]" if any(bounds) else ""
        default = str(one.default).partition("\n")[0][:40]
        kind = " | ".join(one.choices) or one.type
        click.echo(f"  {one.name:<16} {kind}, default {default or '(empty)'} {one.unit} {limits}".rstrip())
        click.echo(f"  {'':<16} {one.title}{'. ' + one.help if one.help else ''}")


@code.command()
@click.argument("name")
@json_option
def install(name: str, as_json: bool) -> None:
    """Make the environment that the code NAME (or the code in the folder NAME) needs; quick when it is there."""
    settings = config()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = registry.named(settings, name)
    python = installing.install(settings, found, note)
    if as_json:
        tell_json({"name": name, "python": str(python)})
    else:
        click.echo(python)


for command in (new, test, docs):
    code.add_command(command)
