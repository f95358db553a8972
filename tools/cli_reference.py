"""Writes docs/reference/cli.md from the commands' own help, so that the two cannot differ (tests/unit/test_docs.py holds it)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from simyard.cli import COMMANDS, cli

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"

HEAD = """\
# Command line

`simyard --help` lists the commands, `simyard COMMAND --help` their options. (This page is made from the same texts: `make format`.)

**Runs** are named by their id, by the end of the id of a recent one, or by `last`. **Simulations** are named by their name or id.

**Before the command**: `simyard --home DIR` is for the Simyard of another home folder; `simyard --codes DIR` knows the code, or the codes,
in a folder beside those that are configured (may be given several times; with `up`, they are [read anew when they change](../how-to/add-a-code.md#see-it-while-you-write)).

**`--json`** writes one JSON value to stdout and nothing else there; an error is `{"error": {"code", "detail", …}}`.
Words for people go to stderr.

**Exit statuses**

| status | meaning |
|---|---|
| 0 | done; with `--wait`: the run completed |
| 1 | with `--wait`: the run failed. Otherwise: what was asked for did not work (`code test`, `doctor`, `up`, `target login`, `target check`) |
| 2 | wrong usage |
| 3 | Simyard is not up, or a part of it is away: the same command may work later |
| 4 | refused: unknown, invalid, in conflict; the message says what to do |
| 5 | with `--wait`: the run was lost |
| 130 | with `--wait`: the run was canceled. Otherwise: interrupted by Ctrl-C (a run that was waited for goes on) |

**Completion** in bash: `eval "$(_SIMYARD_COMPLETE=bash_source simyard)"`; for zsh and fish, put their name in place of `bash`.
"""


def sections() -> Iterator[str]:
    """The page, in pieces."""
    yield HEAD
    top = click.Context(cli, info_name="simyard")
    for name in COMMANDS:
        command = cli.get_command(top, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=top)
        if isinstance(command, click.Group):
            yield f"## {context.command_path}\n\n{_words(command)}\n"
            for inner in command.commands.values():
                # `run start` is written `run CODE`
                shown = "CODE" if inner.hidden else str(inner.name)
                yield from _section(
                    f"### {context.command_path} {shown}", inner, click.Context(inner, info_name=shown, parent=context)
                )
        else:
            yield from _section(f"## {context.command_path}", command, context)


def _section(title: str, command: click.Command, context: click.Context) -> Iterator[str]:
    arguments = " ".join(part for part in command.collect_usage_pieces(context) if part not in {"[OPTIONS]", "CODE"})
    yield f"{title} {arguments}".rstrip() + "\n\n" + _words(command) + "\n"
    options = [one.get_help_record(context) for one in command.params if isinstance(one, click.Option)]
    rows = ["| `{}` | {} |".format(*(cell.replace("|", "\\|") for cell in record)) for record in options if record]
    if rows:
        yield "\n".join(["| option | |", "|---|---|", *rows]) + "\n"


def _words(command: click.Command) -> str:
    paragraphs = (command.help or "").strip().split("\n\n")
    told = []
    for paragraph in paragraphs:
        lines = [line.strip() if "\b" not in paragraph else line for line in paragraph.splitlines() if line.strip("\b ")]
        told.append("```sh\n" + "\n".join(line.strip() for line in lines) + "\n```" if "\b" in paragraph else "\n".join(lines))
    return "\n\n".join(told)


def page() -> str:
    """The text of docs/reference/cli.md."""
    return "\n".join(sections())


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text("utf-8") == page() else f"{PAGE} is not what the commands say: run make format")
    PAGE.write_text(page(), "utf-8")
