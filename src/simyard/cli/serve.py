"""`simyard serve web|supervisor`: one part of Simyard as a service of its own. `simyard health`: how such a service is."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from typing import NoReturn

import click

from simyard.cli import FAILED
from simyard.cli.common import config
from simyard.config import Config

#: A service that takes longer (seconds) to say how it is, is not well.
_PATIENCE = 15.0


@click.group()
def serve() -> None:
    """Run one part of Simyard in the foreground, as a service of its own.

    For systemd and containers, where something else keeps it alive (docs/how-to/run-a-site.md). Both parts need the same home
    folder and user. SIGTERM ends a part, SIGHUP has it read its settings anew; runs go on in either case.
    """


@serve.command()
@click.option("--host", help="Address to listen on (default: 127.0.0.1, or [web] host).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: 8760, or [web] port); 0 takes a free one.")
def web(host: str | None, port: int | None) -> None:
    """Serve the page and the API. It waits for nobody: without a supervisor it says so in its answers."""
    where = [*(["--host", host] if host is not None else []), *(["--port", str(port)] if port is not None else [])]
    _become("simyard.web", "--service", *where)


@serve.command()
def supervisor() -> None:
    """Run the supervisor: it starts agents, and keeps what becomes of runs. One for each home folder."""
    _become("simyard.supervisor")


@click.command()
@click.argument("part", type=click.Choice(["web", "supervisor", "site"]), default="site")
def health(part: str) -> None:
    """Ask how a service is: `web` and `supervisor` whether they live and can work, `site` whether both do, together.

    Exit status 0 when it is well, 1 when it is not. For health checks of containers, and monitoring.
    """
    settings = config()
    try:
        status, words = _asked(settings, part)
    except (OSError, http.client.HTTPException) as error:
        status, words = 0, str(error) or type(error).__name__
    click.echo(f"{part}: {'well' if status == http.client.OK else f'not well: {words}'}")
    if status != http.client.OK:
        raise click.exceptions.Exit(FAILED)


def _asked(settings: Config, part: str) -> tuple[int, str]:
    """What it answers: the status, and its words."""
    if part == "supervisor":
        connection = http.client.HTTPConnection("localhost", timeout=_PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_PATIENCE)
        connection.sock.connect(str(settings.web_door))
    else:
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        host = everywhere.get(settings.web.host, settings.web.host)
        connection = http.client.HTTPConnection(host, settings.web.port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz" if part == "web" else "/readyz")
        answer = connection.getresponse()
        text = answer.read(65536).decode("utf-8", "replace")
    finally:
        connection.close()
    try:
        said = json.loads(text)
        return answer.status, str(said.get("detail") or said.get("status") or text)
    except (ValueError, AttributeError):
        return answer.status, text


def _become(module: str, *arguments: str) -> NoReturn:
    sys.stdout.flush()
    # this process becomes the part: whoever started it knows it by its pid. gevent wants to be the first there
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
