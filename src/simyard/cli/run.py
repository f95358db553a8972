"""`simyard run CODE …`: prepare a simulation, start it, watch it, take its results away."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simyard.cli import CANCELED, FAILED, LOST
from simyard.cli.batch import batch_of, batch_options
from simyard.cli.common import client, config, json_option, note, tell_json
from simyard.cli.runs import COMMANDS
from simyard.errors import InvalidRequest

if TYPE_CHECKING:
    from simyard.client import Client, RemoteRun

EXIT = {"completed": 0, "failed": FAILED, "lost": LOST, "canceled": CANCELED}


class RunGroup(click.Group):
    """`simyard run list` is a command of the group; whatever else stands there is a code: `simyard run madx`."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            return "start", self.commands["start"], args
        return super().resolve_command(ctx, args)


@click.group(cls=RunGroup, subcommand_metavar="CODE [OPTIONS] | COMMAND …")
def run() -> None:
    """Run a code; list, watch, cancel runs, and fetch what they made.

    \b
    simyard run madx --example storage_ring --model twiss --wait
    simyard run madx --file ring.madx --file ring.seq --model twiss --wait --out results
    simyard run grayscott --model evolve --set steps=20000

    `simyard run CODE --help` lists the options.
    """


for _command in COMMANDS:
    run.add_command(_command)


def parse_settings(settings: tuple[str, ...], types: dict[str, str]) -> dict[str, Any]:
    """Values by input from `input=value` texts; `@FILE` as the value of a text input is that file's content.
    Raises InvalidRequest for what cannot be of the input's type."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InvalidRequest("bad-setting", f"--set {setting}: write it as INPUT=VALUE.")
        kind = types.get(name)
        if kind is None:
            raise InvalidRequest("invalid-input", f"There is no input called {name!r}; there are {', '.join(types)}.")
        if kind in {"number", "integer", "boolean"}:
            words = {"yes": "true", "no": "false", "on": "true", "off": "false"}
            try:
                values[name] = json.loads(words.get(text.strip().lower(), text.strip().lower()))
            except ValueError:
                wanted = {"number": "a number", "integer": "a whole number", "boolean": "true or false"}[kind]
                raise InvalidRequest("invalid-input", f"--set {name}={text}: that must be {wanted}.") from None
        elif kind == "expression":
            values[name] = text.strip()  # a number alone is taken as one by whoever checks it
        elif kind == "table":
            values[name] = _rows(name, text)
        elif kind == "file" and text.startswith("{"):
            values[name] = _source(name, text)
        elif kind == "text" and text.startswith("@"):
            try:
                values[name] = Path(text[1:]).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidRequest("no-such-file", f"--set {name}={text}: {error}") from None
        else:
            values[name] = text
    return values


def _source(name: str, text: str) -> Any:
    """A file input that is a file of another simulation's run."""
    try:
        return json.loads(text)
    except ValueError as error:
        words = '{"simulation": ID, "model": MODEL, "file": PATH}'
        raise InvalidRequest(
            "invalid-input", f"--set {name}={text[:60]}: that must be the name of a file, or JSON, {words}: {error}"
        ) from None


def _rows(name: str, text: str) -> Any:
    """The rows of a table input: JSON, or the file of it for @FILE."""
    try:
        return json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise InvalidRequest("no-such-file", f"--set {name}={text}: {error}") from None
    except ValueError as error:
        raise InvalidRequest(
            "invalid-input", f'--set {name}={text[:60]}: that must be JSON, a list of rows like [{{"x": 1}}]: {error}'
        ) from None


def types_of(declared: Mapping[str, Any]) -> dict[str, str]:
    """The type of each input of a code, as `parse_settings` wants to know it."""
    return {one["name"]: "expression" if one.get("expression") else one["type"] for one in declared["inputs"]}


@run.command("start", hidden=True)
@click.argument("code")
@click.option("--model", "-m", help="What to compute (default: the code's first model).")
@click.option("--example", "-e", help="Inputs to start from (`simyard code show CODE` lists them).")
@click.option(
    "--file",
    "-f",
    "files",
    multiple=True,
    type=click.Path(),
    help="A file that the run needs; the first that fits is the input file.",
)
@click.option(
    "--set", "-s", "settings", multiple=True, metavar="INPUT=VALUE", help="Set an input; @FILE reads a text input from a file."
)
@click.option(
    "--name", "-n", help="Name of the simulation that is made or changed (default: of the file, the example, the code)."
)
@click.option("--sim", help="Run this simulation (name or id) as it is, with --set on top.")
@click.option("--on", "--target", "target", help="Where to run (`simyard target list`).")
@click.option("--cores", type=click.IntRange(1), help="Cores, instead of what the model asks for.")
@click.option(
    "--memory", metavar="SIZE", help="Memory, such as 4GiB, instead of what the model asks for; on a cluster, of each node."
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="Stop it after so long, instead of what the model says.",
)
@batch_options
@click.option("--no-reuse", is_flag=True, help="Compute again, even if an identical run has completed.")
@click.option("--supersede", is_flag=True, help="Cancel an active run of this simulation and model that has other inputs.")
@click.option("--wait", "-w", is_flag=True, help="Show progress until it has ended; the exit status says how.")
@click.option("--out", "-o", type=click.Path(file_okay=False), help="Put the files that it made into this folder (waits).")
@click.option("--up", "start_up", is_flag=True, help="Start Simyard in the background if it is not up.")
@json_option
def start(
    code: str,
    model: str | None,
    example: str | None,
    files: tuple[str, ...],
    settings: tuple[str, ...],
    name: str | None,
    sim: str | None,
    target: str | None,
    cores: int | None,
    memory: str | None,
    time_limit: float | None,
    no_reuse: bool,
    supersede: bool,
    wait: bool,
    out: str | None,
    start_up: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Run CODE: prepare a simulation, start it, and with --wait follow it to its end.

    The simulation called NAME is made, or changed to be just what this command says. Exit status: 0 completed (or
    started, without --wait), 1 failed, 5 lost, 130 canceled; 2 wrong usage, 3 Simyard is not up, 4 refused.
    """
    if start_up:
        _ensure_up()
    server = client()
    declared = server.code(code)
    inputs = parse_settings(settings, types_of(declared))
    model = model or declared["models"][0]["name"]
    if sim is not None:
        if example or files or name:
            raise click.UsageError("--sim takes a simulation as it is: leave out --example, --file and --name.")
        simulation = _existing(server, sim, code, inputs)
    else:
        simulation = server.prepare(code, name=name, example=example, inputs=inputs, files=files)
    resources = _resources(cores, memory, time_limit, batch_of(chosen))
    begun = server.start(simulation["id"], model, target=target, resources=resources, reuse=not no_reuse, supersede=supersede)
    if out or wait:
        follow(begun, as_json=as_json, out=out)
    elif as_json:
        tell_json(begun.data)
    else:
        _say_begun(begun, simulation["name"])


def _existing(server: Client, sim: str, code: str, inputs: dict[str, Any]) -> dict[str, Any]:
    found = server.find_simulation(sim, code)
    if found is None:
        raise InvalidRequest(
            "unknown-simulation", f"There is no simulation of {code} called {sim!r}; `simyard sim list` shows them."
        )
    return server.change_simulation(found, inputs=inputs) if inputs else found


def _resources(
    cores: int | None, memory: str | None, time_limit: float | None, batch: dict[str, Any] | None
) -> dict[str, Any] | None:
    from simyard.config import parse_size

    wanted = {
        "cores": cores,
        "memory": parse_size(memory, "--memory") if memory else None,
        "time_limit": time_limit,
        "batch": batch,
    }
    return {name: value for name, value in wanted.items() if value is not None} or None


def _ensure_up() -> None:
    from simyard import alive
    from simyard.cli.up import start_detached

    settings = config()
    if not alive.keeper(str(settings.home)):
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        note(f"Starting Simyard: {start_detached(settings)} (`simyard down` stops it).")


def _say_begun(begun: RemoteRun, name: str) -> None:
    if begun.data.get("reused"):
        note(f"An identical run has completed already; this is it (--no-reuse computes again). Simulation: {name}.")
    elif begun.data.get("new") is False:
        note(f"This is running already. Simulation: {name}.")
    click.echo(f"{begun.id}  {begun.state}")
    gates = begun.explain()["gates"] if begun.state == "pending" else []
    for gate in gates:
        # the one thing that goes on only when somebody does something
        if gate["gate"] == "credentials" and not gate["passed"]:
            note(f"It waits: {gate['detail']}")
    note(
        f"Follow it: simyard run wait {begun.id}    its files: simyard run fetch {begun.id}    cancel: simyard run cancel {begun.id}"
    )


def follow(begun: RemoteRun, *, as_json: bool, out: str | None = None) -> None:
    """Show a run's progress to its end, then its results; exits with the status that says how it ended."""
    from simyard.cli.watch import watch

    if begun.data.get("reused") and not as_json:
        note("An identical run has completed already; these are its results (--no-reuse computes again).")
    try:
        watch(begun, quiet=as_json)
    except KeyboardInterrupt:
        note("", f"The run goes on without you. Follow it: simyard run wait {begun.id}    cancel: simyard run cancel {begun.id}")
        sys.exit(CANCELED)
    # what there is of a failed run is worth having, too
    got = begun.download(out) if out else []
    if as_json:
        tell_json({**begun.data, "downloaded": [str(path) for path in got]})
    else:
        from simyard.cli.outcome import print_outcome

        print_outcome(begun, got)
    sys.exit(EXIT[begun.state])
