"""The command line. Each command is a module that is imported only when it is asked for, so that `simyard --help` is quick."""

from __future__ import annotations

import importlib
import json
import os
import sys

import click

from simyard import __version__
from simyard.errors import SimyardError

#: Exit statuses, besides 0: a documented promise (docs/reference/cli.md).
FAILED, USAGE, AWAY, REFUSED, LOST, CANCELED = 1, 2, 3, 4, 5, 130

#: Command → where it is, and what `simyard --help` says of it.
COMMANDS = {
    "up": ("simyard.cli.up:up", "Start Simyard here, and say where it is."),
    "down": ("simyard.cli.up:down", "Stop Simyard; runs go on, unless told otherwise."),
    "status": ("simyard.cli.up:status", "What is running, and where."),
    "serve": ("simyard.cli.serve:serve", "Run web or the supervisor as a service of its own."),
    "health": ("simyard.cli.serve:health", "Ask how a service is, for health checks."),
    "open": ("simyard.cli.up:open_", "Make a fresh address that opens the page in a browser."),
    "run": ("simyard.cli.run:run", "Run a code; list, watch, cancel runs, and fetch what they made."),
    "sim": ("simyard.cli.sim:sim", "List, show, make, change, delete simulations."),
    "code": ("simyard.cli.code:code", "List, show and install codes."),
    "target": ("simyard.cli.target:target", "The places to run: list, show, log in, check."),
    "image": ("simyard.cli.image:image", "Build what the containers of Docker targets are made of."),
    "config": ("simyard.cli.config:config", "Show the settings, and where each comes from."),
    "doctor": ("simyard.cli.doctor:doctor", "Say what is there and what is missing."),
}


class Lazy(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="simyard")
@click.option("--home", type=click.Path(file_okay=False), metavar="DIR", help="Home folder, instead of $SIMYARD_HOME.")
@click.option(
    "--codes",
    type=click.Path(),
    metavar="DIR",
    multiple=True,
    help="A code, or a folder of codes, beside those that are configured.",
)
def cli(home: str | None, codes: tuple[str, ...]) -> None:
    """Simyard runs simulation codes: start one, watch it live, take the results away.

    \b
    simyard up                                      start Simyard
    simyard run madx --example storage_ring --model twiss --wait
    simyard open                                    the same in a browser
    """
    if home is not None:
        os.environ["SIMYARD_HOME"] = home
        # who names a home means the Simyard of that home
        os.environ.pop("SIMYARD_URL", None)
    if codes:
        # web and supervisor, where they are started from here, know them, too
        os.environ["SIMYARD_CODES"] = os.pathsep.join(os.path.abspath(os.path.expanduser(one)) for one in codes)


def main() -> None:
    """The entry point: every error that Simyard knows becomes a sentence, a next step, and an exit status."""
    as_json = "--json" in sys.argv
    try:
        # commands return nothing; what comes back is the status of an Exit
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(CANCELED)
    except SimyardError as error:
        from simyard.client.http import NotRunning

        if as_json:
            # the one value on stdout, like every other answer to --json
            click.echo(json.dumps({"error": {"code": error.code, "detail": error.detail, **error.more}}, ensure_ascii=False))
        else:
            click.echo(click.style("Error: ", fg="red", bold=True) + f"{error.detail} ({error.code})", err=True)
        sys.exit(AWAY if isinstance(error, NotRunning) or error.retry else REFUSED)
    except BrokenPipeError:
        # whoever read our output has enough of it (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
