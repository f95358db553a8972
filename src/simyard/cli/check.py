"""`simyard target check NAME`: each step of the way to a cluster, what failed, and what to do about it. Needs no server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from simyard.cli import FAILED
from simyard.cli.common import config, json_option, note, tell_json
from simyard.errors import InvalidRequest

if TYPE_CHECKING:
    from simyard.cli.check_trip import Found, Step, Trip

T = TypeVar("T")

_MARKS = {"good": "✓", "unsure": "?", "bad": "✗", "left out": "–"}


@click.command()
@click.argument("name")
@click.option("--as", "account", metavar="USER", default="", help="Your name there, where it is not the one that is configured.")
@click.option("--accept", metavar="FINGERPRINT", default="", help="Trust an unknown host whose key has just this fingerprint.")
@click.option("--no-job", is_flag=True, help="Submit nothing.")
@click.option(
    "--patience", metavar="SECONDS", default=60.0, show_default=True, type=click.FloatRange(1), help="How long the job may wait."
)
@json_option
def check(name: str, account: str, accept: str, no_job: bool, patience: float, as_json: bool) -> None:
    """Try each step of the way to the cluster NAME, from its name to a job of one second.

    It says what failed and what to do about it, and leaves nothing behind there. It logs in by itself, whether Simyard is up or
    not, and asks here what the host asks. Exit status 1 when something does not work."""
    settings = config()
    if name not in settings.clusters:
        known = ", ".join(settings.clusters) or "none"
        raise InvalidRequest(
            "no-cluster", f"There is no cluster called {name!r} in the settings ({known}); `simyard doctor` checks the rest."
        )
    # here, because asyncssh takes its time to be imported
    from simyard.cli import asking
    from simyard.cli.check_trip import Trip

    trip = Trip(
        name=name,
        settings=settings,
        ask=lambda host, words, prompts: _with_keyboard(lambda: asking.answers(host, words, prompts)),
        trust=lambda host, kind, shown: _with_keyboard(lambda: asking.trusts(host, kind, shown, accept)),
        account=account,
        patience=patience,
    )
    found = asyncio.run(_go(trip, _steps(with_job=not no_job), as_json=as_json))
    if as_json:
        tell_json([asdict(one) for one in found])
    if any(one.state == "bad" for one in found):
        raise click.exceptions.Exit(FAILED)


def _steps(*, with_job: bool) -> tuple[Step, ...]:
    """In the order in which each rests on those before."""
    from simyard.cli import check_codes, check_slurm, check_there, check_way
    from simyard.cli.check_trip import Step

    steps = (
        Step("name", check_way.look_up),
        Step("connection", check_way.connect, ("name",)),
        Step("host key", check_way.know, ("connection",)),
        Step("login", check_way.log_in, ("host key",)),
        Step("shell", check_there.shell, ("login",)),
        Step("directory", check_there.directory, ("shell",)),
        Step("Python", check_there.python, ("shell",)),
        Step("agent", check_there.agent, ("directory", "Python")),
        Step("way back", check_there.back, ("Python",)),
        Step("codes", check_codes.codes, ("Python",)),
        Step("Slurm", check_slurm.programs, ("shell",)),
        Step("partitions", check_slurm.partitions, ("Slurm",)),
        Step("job", check_slurm.job, ("directory", "partitions")),
    )
    return steps if with_job else steps[:-1]


async def _go(trip: Trip, steps: tuple[Step, ...], *, as_json: bool) -> list[Found]:
    from simyard.cli.check_trip import travel

    found = []
    try:
        async for one in travel(trip, steps):
            found.append(one)
            if not as_json:
                click.echo(f"{_MARKS[one.state]} {one.step}: {one.detail}")
                if one.advice:
                    click.echo(f"    {one.advice}")
    finally:
        await trip.close()
    return found


def _with_keyboard(question: Callable[[], T]) -> T:
    """Ask, with Ctrl-C meaning what it means in a terminal: while asyncio has it, nobody who types is interrupted."""
    before: Any = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return question()
    except KeyboardInterrupt:
        note("")
        raise click.Abort from None
    finally:
        signal.signal(signal.SIGINT, before)
