"""`simyard code`: the codes that can be run, and what they need."""

from __future__ import annotations

import click

from simyard.cli.code_kit import docs, new, test
from simyard.cli.code_places import install, list_
from simyard.cli.common import config, json_option, tell_json
from simyard.codes import install as installing
from simyard.codes import registry


@click.group()
def code() -> None:
    """The codes: list, show, install, make, test, describe."""


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


for command in (list_, install, new, test, docs):
    code.add_command(command)
