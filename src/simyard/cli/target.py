"""`simyard target`: the places to run, and the login to those that need one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from simyard.cli import FAILED
from simyard.cli.check import check
from simyard.cli.common import client, json_option, note, seconds, size, table, tell_json, when
from simyard.errors import InvalidRequest
from simyard.protocol.amounts import share

#: How often wrong answers may be given anew.
_TRIES = 3
_LOGGED_IN = frozenset({"ready", "not-needed"})


@click.group()
def target() -> None:
    """The places to run, and the login to those that need one."""


target.add_command(check)


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
            f"{one['cores_free']} of {one['cores']}" if one["cores"] else "",
            f"{size(one['memory_free'])} of {size(one['memory'])}" if one["memory"] else "",
            disk(one["disk"]),
            str(one["waiting"]),
            _detail(one),
        )
        for one in found
    ]
    table(("NAME", "KIND", "STATE", "CORES FREE", "MEMORY FREE", "DISK", "WAITING", ""), rows, "No targets.")


def disk(told: dict[str, Any] | None) -> str:
    """What your files and runs take, of what they may; "" where nobody counts."""
    if told is None:
        return ""
    if told["quota"]:
        return share(told["used"], told["quota"]) if told["used"] is not None else f"? of {size(told['quota'])}"
    return f"{size(told['free'])} free" if told["free"] is not None else ""


def _detail(one: Mapping[str, Any]) -> str:
    """What there is to say of a target, and what to do where a login is needed."""
    words = [str(one["detail"])] if one["detail"] else []
    login = str(one.get("login") or "")
    if login and login != one["state"]:
        words.append(f"login: {login}")
    if login in {"needs-login", "asking", "unknown-host", "refused"} and "target login" not in str(one["detail"]):
        words.append(f"`simyard target login {one['name']}`")
    return "; ".join(words)


@target.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the target NAME: its state, your login there, and of a cluster its partitions."""
    one = next((one for one in client().targets() if one["name"] == name), None)
    if one is None:
        raise InvalidRequest("unknown-target", f"There is no target called {name!r}; `simyard target list` shows them.")
    if as_json:
        tell_json(one)
        return
    click.echo(one["name"])
    rows = (
        ("kind", one["kind"]),
        ("state", f"{one['state']}{' since ' + when(one['since']) if one['since'] else ''}"),
        ("login", one.get("login")),
        ("", one["detail"]),
        ("agent", one["agent"]),
        ("waiting", str(one["waiting"])),
    )
    for what, value in rows:
        if value:
            click.echo(f"  {what:<11} {value}")
    partitions = one.get("partitions") or []
    if partitions:
        click.echo()
        table(("PARTITION", "NODES", "CORES", "MEMORY A NODE", "TIME", ""), [_partition(each) for each in partitions], "")


def _partition(one: Mapping[str, Any]) -> tuple[str, ...]:
    most = one["nodes"] if one["max_nodes"] is None else min(one["nodes"], one["max_nodes"])
    words = [*(["default"] if one["default"] else []), *([] if one["up"] else ["takes no jobs now"])]
    return (
        one["name"],
        f"{one['min_nodes']}–{most}" if one["min_nodes"] > 1 else f"up to {most}",
        str(one["cores"]),
        size(one["memory"]) if one["memory"] is not None else "",
        seconds(one["time_limit"]) if one["time_limit"] is not None else "no limit",
        ", ".join(words),
    )


@target.command()
@click.argument("name")
@click.option("--as", "account", metavar="USER", default="", help="Your name there, where it is not the one that is configured.")
@click.option("--accept", metavar="FINGERPRINT", default="", help="Trust an unknown host whose key has just this fingerprint.")
@json_option
def login(name: str, account: str, accept: str, as_json: bool) -> None:
    """Log in to the target NAME.

    Its host's questions are asked here as it words them; what is answered is sent on and kept nowhere. Without a terminal,
    the answers are lines of standard input. Exit status 1 when it does not let you in."""
    from simyard.cli import asking

    remote = client().login(name)

    def ask(now: Mapping[str, Any]) -> list[str]:
        return asking.answers(now["host"], now["words"], [(one["text"], one["echo"]) for one in now["prompts"]])

    def trust(now: Mapping[str, Any]) -> bool:
        return asking.trusts(now["host"], now["key_type"], now["fingerprint"], accept)

    now = remote.through(ask, trust, account)
    for _ in range(_TRIES - 1):
        if now["state"] != "refused" or not now["again"] or not asking.may_ask():
            break
        note(now["words"], "Once more:")
        now = remote.through(ask, trust, account)
    if as_json:
        tell_json(now)
    elif now["state"] in _LOGGED_IN:
        note(f"{name} needs no login." if now["state"] == "not-needed" else f"You are logged in to {name}.")
    elif now["state"] == "refused":
        note(f"Not logged in: {now['words']}", f"`simyard target check {name}` finds out what is wrong.")
    else:
        note(f"Not logged in: {now['words'] or now['state']}")
    if now["state"] not in _LOGGED_IN:
        raise click.exceptions.Exit(FAILED)


@target.command()
@click.argument("name")
@json_option
def logout(name: str, as_json: bool) -> None:
    """End the login to the target NAME. What runs there goes on; it is heard of again after the next login."""
    now = client().login(name).end()
    if as_json:
        tell_json(now)
    else:
        note(
            f"{name} needs no login." if now["state"] == "not-needed" else f"You are logged out of {name}; your runs there go on."
        )
