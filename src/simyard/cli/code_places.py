"""`simyard code list` and `simyard code install`: where each code can run, and having it there."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simyard.cli import FAILED
from simyard.cli.common import client, config, json_option, note, table, tell_json
from simyard.codes import install as installing
from simyard.codes import registry
from simyard.codes.declaration import Declaration
from simyard.codes.install_words import InstallError
from simyard.config import SBATCH, Config
from simyard.errors import InvalidRequest, SimyardError

if TYPE_CHECKING:
    from simyard.client import Client

#: How far an install on a cluster is, is asked this often (seconds).
_LOOK = 0.5
#: What keeps a cluster from installing by itself, and not from installing what was fetched here.
_AWAY = frozenset({"no-network", "no-version", "no-venv"})
_WORDS = {"ready": "yes", "missing": "no", "other": "other version", "unknown": "not known"}


@click.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the codes of this Simyard, and for each target whether it can run there, in which version, and what is missing.

    Of other targets than this machine Simyard has to be up to know."""
    settings = config()
    codes = registry.load(settings)
    found = [(one, installing.status(settings, one)) for one in codes.values()]
    others, why = _elsewhere(settings)
    if as_json:
        tell_json(
            [
                {
                    "name": one.name, "title": one.title, "installed": status.installed, "detail": status.detail,
                    "targets": [target for target in others if target["code"] == one.name],
                }
                for one, status in found
            ]
        )  # fmt: skip
    else:
        targets = list(dict.fromkeys(one["target"] for one in others if one["kind"] != "local"))
        at = {(one["code"], one["target"]): one for one in others}
        rows = [
            (
                one.name, one.title, ", ".join(one.models), _here(status),
                *(_cell(at.get((one.name, target))) for target in targets),
            )
            for one, status in found
        ]  # fmt: skip
        table(("NAME", "TITLE", "MODELS", "HERE", *(target.upper() for target in targets)), rows, "No codes.")
        for one, status in found:
            if not status.installed:
                note(f"{one.name} here: {status.detail}")
        for there in others:
            if there["kind"] != "local" and there["state"] != "ready":
                fix = f" Run `{there['remedy']}`." if there["remedy"] else ""
                note(f"{there['code']} on {there['target']}: {there['detail']}{fix}")
        if why:
            note(why)
    for name, words in codes.broken.items():
        note(f"{name} cannot be used: {words}")


def _elsewhere(settings: Config) -> tuple[list[dict[str, Any]], str]:
    """What the Simyard that is up says of every target; without one, nothing, and why."""
    if all(one.kind == "local" for one in settings.targets.values()):
        return [], ""
    try:
        return client().code_targets(), ""
    except SimyardError as error:
        return [], f"What other targets have is not known: {error.detail}"


def _here(status: installing.Status) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in status.versions.items())
    return f"{'yes' if status.installed else 'no'}{f' ({versions})' if versions else ''}"


def _cell(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "not known"
    version = ", ".join(f"{name} {version}" for name, version in one["versions"].items()) or one["version"]
    return f"{_WORDS[one['state']]}{f' ({version})' if version and one['state'] != 'unknown' else ''}"


@click.command()
@click.argument("name")
@click.option("--target", default="", help="The target to have it on; this machine without it.")
@click.option("--yes", is_flag=True, help="Do not ask before anything is installed on a cluster.")
@click.option("--anew", is_flag=True, help="Make its environment again where it is ready, too: one that something has damaged.")
@json_option
def install(name: str, target: str, yes: bool, anew: bool, as_json: bool) -> None:
    """Have the code NAME (or the code in the folder NAME) ready to run: here, or on another target; quick when it is there.

    On a cluster, its environment is made in your own folder there, by the Python there; what the cluster cannot fetch is fetched
    here and sent. For a Docker target, it says how its image is built."""
    settings = config()
    kind = _kind(settings, target)
    if kind == SBATCH:
        found = registry.load(settings).code(name)
        done = _on_cluster(client(), found, target, yes=yes, anew=anew)
        tell_json(done) if as_json else note(f"{found.title}: {done['detail']}")
        if done["state"] != "ready":
            raise click.exceptions.Exit(FAILED)
        return
    if kind == "docker":
        found = registry.load(settings).code(name)
        done = _standing(client(), found.name, target)
        if as_json:
            tell_json(done)
        else:
            note(done["detail"], *([f"Run `{done['remedy']}`: containers are made anew from it."] if done["remedy"] else []))
        if done["state"] != "ready":
            raise click.exceptions.Exit(FAILED)
        return
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = registry.named(settings, name)
    python = installing.install(settings, found, note, anew=anew)
    if as_json:
        tell_json({"name": name, "python": str(python)})
    else:
        click.echo(python)


def _kind(settings: Config, target: str) -> str:
    if not target:
        return "local"
    if target not in settings.targets:
        raise InvalidRequest("unknown-target", f"There is no target called {target!r}; there are {', '.join(settings.targets)}.")
    return settings.targets[target].kind


def _standing(remote: Client, code: str, target: str) -> dict[str, Any]:
    """How the code stands there. Raises InvalidRequest for a target that is switched off."""
    for one in remote.code_targets(code):
        if one["target"] == target:
            return one
    raise InvalidRequest("target-disabled", f"{target} is switched off in the configuration.")


def _on_cluster(remote: Client, code: Declaration, target: str, *, yes: bool, anew: bool = False) -> dict[str, Any]:
    now = _standing(remote, code.name, target)
    if now["state"] == "ready" and not anew:
        return now
    if not yes:
        _consent(code, target)
    said = _followed(remote, code.name, target, remote.install_on(code.name, target))
    if said["state"] == "failed" and said["code"] in _AWAY:
        note(f"{target} could not install it by itself: {said['error']}", "So it is fetched here, and sent there.")
        said = _sent(remote, code, target, said)
    if said["state"] != "done":
        words = said["error"] or "It was broken off: the agent there has ended meanwhile. Nothing of it was kept; install again."
        raise InstallError("install-failed", f"{code.title} was not installed on {target}: {words}")
    return _told(remote, code.name, target)


def _consent(code: Declaration, target: str) -> None:
    wants = ", ".join(code.requires) or "nothing but Python"
    note(
        f"{code.title} needs {wants}.",
        f"An environment with that is made in your own folder on {target}; nothing else changes there.",
    )
    if not sys.stdin.isatty():
        raise InvalidRequest("no-consent", "Nobody is there to be asked. Say --yes to have it installed.")
    click.confirm("Install it there?", abort=True, err=True)


def _followed(remote: Client, code: str, target: str, said: dict[str, Any]) -> dict[str, Any]:
    """Tell its lines as they come, until it is over; how it ended."""
    told: list[str] = []
    while True:
        # the last of them may have scrolled out of what is kept
        start = next((at + 1 for at in range(len(said["lines"]) - 1, -1, -1) if told and said["lines"][at] == told[-1]), 0)
        note(*(f"  {line}" for line in said["lines"][start:]))
        told = said["lines"] or told
        if said["state"] != "running":
            return said
        time.sleep(_LOOK)
        said = remote.target_install(code, target)


def _sent(remote: Client, code: Declaration, target: str, failed: Mapping[str, Any]) -> dict[str, Any]:
    """Install it from what is fetched here, and goes up by content as input files do."""
    from simyard.codes import wheels

    with tempfile.TemporaryDirectory(prefix="simyard-wheels-") as folder:
        files = wheels.fetch(code, failed["python"], failed["platform"], Path(folder), note)
        names = {file.name: f"install-{code.name}-{file.name}" for file in files}
        try:
            sent = {file.name: remote.upload(file, names[file.name])["sha256"] for file in files}
            return _followed(remote, code.name, target, remote.install_on(code.name, target, sent))
        finally:
            for name in names.values():
                try:
                    remote.delete_file(name)
                except SimyardError:
                    note(f"The file {name} stays among yours; remove it on the page.")


def _told(remote: Client, code: str, target: str) -> dict[str, Any]:
    """How it stands, once its agent has said so: that comes a moment after the end of the install."""
    for _ in range(40):
        now = _standing(remote, code, target)
        if now["state"] == "ready":
            break
        time.sleep(_LOOK)
    return now
