"""`simyard doctor`: what is there and what is missing, in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from simyard import __version__, alive
from simyard.cli import FAILED
from simyard.cli.common import config, json_option, size, tell_json
from simyard.config import Config
from simyard.errors import SimyardError

#: Free disk space below which runs will soon fail (bytes).
_LITTLE = 1 << 30
_MARKS = {"good": "✓", "missing": "–", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `state` is good, missing (something that may be wanted), or bad (something that does not work)."""

    what: str
    state: str
    detail: str


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is there and what is missing. Exit status 1 when something does not work."""
    found = list(look(config()))
    if as_json:
        tell_json([asdict(one) for one in found])
    else:
        for one in found:
            click.echo(f"{_MARKS[one.state]} {one.what}: {one.detail}")
    if any(one.state == "bad" for one in found):
        raise click.exceptions.Exit(FAILED)


def look(settings: Config) -> Iterator[Finding]:
    """All findings, in the order in which a person would look."""
    yield Finding("Simyard", "good", f"version {__version__}, Python {sys.version.split()[0]} ({sys.executable})")
    yield from _home(settings.home)
    yield Finding(
        "settings",
        "good",
        f"{settings.home / 'simyard.toml'}{'' if (settings.home / 'simyard.toml').exists() else ' (none; everything at its default)'}",
    )
    yield from _running(settings)
    yield from _codes(settings)
    yield from _docker(settings)
    for name, cluster in settings.clusters.items():
        yield Finding(f"cluster {name}", "good", f"at {cluster.host}; `simyard target check {name}` tries each step of the way")
    yield Finding("SQLite", "good", f"version {sqlite3.sqlite_version}")
    uv = shutil.which("uv")
    yield Finding("uv", "good" if uv else "missing", uv or "not on PATH; `simyard code install` uses pip, which is slower")


def _home(home: Path) -> Iterator[Finding]:
    existing = home if home.exists() else next(parent for parent in home.parents if parent.exists())
    if not os.access(existing, os.W_OK):
        yield Finding("home folder", "bad", f"{home} cannot be written; set SIMYARD_HOME to a folder of yours")
        return
    yield Finding("home folder", "good", f"{home}{'' if home.exists() else ' (will be made)'}")
    kind = _file_system(existing)
    if kind in {"nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "fuse.sshfs", "beegfs", "afs"}:
        yield Finding(
            "file system", "bad", f"{home} is on {kind}: locks and SQLite need a local disk; set SIMYARD_HOME to a folder on one"
        )
    free = shutil.disk_usage(existing).free
    yield Finding("disk", "good" if free > _LITTLE else "bad", f"{size(free)} free")


def _file_system(path: Path) -> str:
    """The kind of file system that holds `path`; "" where that is not known."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/mounts").read_text("utf-8").splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, point, name, *_ = line.split()
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, name
    return kind


def _running(settings: Config) -> Iterator[Finding]:
    home = str(settings.home)
    if not alive.keeper(home) and not alive.served(home):
        yield Finding("running", "missing", "Simyard is not up; `simyard up` starts it")
        return
    url = alive.up(home).get("url", [""])[0] or alive.served(home)
    from simyard.client import Client

    try:
        targets = Client(home=settings.home, patience=3.0).targets()
    except SimyardError as error:
        yield Finding("running", "bad", f"{url or '?'}: {error.detail} Its logs: {settings.home / 'log'}")
        return
    yield Finding("running", "good", url)
    for one in targets:
        state = {"ready": "good", "starting": "good"}.get(one["state"], "missing")
        has = f", {one['cores']} cores, {size(one['memory'])}" if one["cores"] else ""
        yield Finding(f"target {one['name']}", state, f"{one['state']}{': ' + one['detail'] if one['detail'] else ''}{has}")


def _codes(settings: Config) -> Iterator[Finding]:
    from simyard.codes import install, registry

    codes = registry.load(settings)
    for one in codes.values():
        status = install.status(settings, one)
        yield Finding(f"code {one.name}", "good" if status.installed else "missing", status.detail)
    for name, words in codes.broken.items():
        yield Finding(f"code {name}", "bad", words)


def _docker(settings: Config) -> Iterator[Finding]:
    """What each Docker host grants in one line, and a line for each thing that it does not."""
    if not any(target.kind == "docker" for target in settings.targets.values()):
        return
    import asyncio

    from simyard import clock
    from simyard.drivers.docker import granting, making

    try:
        hosts, room = making.hosts_of(settings, clock.system), making.room_of(settings, "nobody")
    except SimyardError as error:
        yield Finding("docker", "bad", error.detail)
        return
    for url, grants in asyncio.run(granting.ask_all(hosts, room.limits, room.image, room)).items():
        daemon, *rest = grants
        granted = [one.what for one in rest if one.state == granting.GOOD]
        yield Finding(f"docker {url}", daemon.state, f"{daemon.detail}{'; grants ' + ', '.join(granted) if granted else ''}")
        for one in rest:
            if one.state != granting.GOOD:
                yield Finding(f"docker {url}, {one.what}", one.state, one.detail)
