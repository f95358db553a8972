"""Stop 1, web: `python -m simyard.web [--fd N | --host HOST --port PORT]`: serve the page and the API until told to stop.

With `--fd` the listening socket is inherited. Without, one is made (port 0: a free one), and one line of JSON on stdout
says where: `{"url": "http://127.0.0.1:8760"}`. It is ready when `GET /readyz` answers 200.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from simyard import alive, config
from simyard.errors import Conflict, SimyardError


def main(settings: config.Config, fds: Sequence[int] = (), *, service: bool = False) -> int:
    """Serve; answers with the exit status. In a process of its own: gevent patches the standard library."""
    from gevent import monkey

    if settings.web.workers == 1:
        monkey.patch_all()  # with more, each worker is patched after its fork; the arbiter that forks them must not be
    from simyard.web import listening, server

    try:
        sockets = listening.listeners(settings, fds)
        url = listening.url_of(sockets[0])
        if not fds:
            print(json.dumps({"url": url}), flush=True)  # noqa: T201 - whoever started it reads this
        if service:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            if alive.serve(str(settings.home), url) < 0:
                raise Conflict("already-running", f"Another web serves {settings.home} already. Stop that one first.")
        return server.serve(settings, sockets)
    except (SimyardError, OSError) as error:
        print(f"simyard.web: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simyard.web", description="Serve Simyard's page and API.")
    parser.add_argument("--fd", type=int, action="append", default=[], help="an inherited listening socket; again for more")
    parser.add_argument("--service", action="store_true", help="say in the home folder that this is its web")
    parser.add_argument("--host", help="listen here instead of [web] host")
    parser.add_argument("--port", type=int, help="listen here instead of [web] port; 0 for a free one")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    try:
        loaded = config.load(os.environ)
    except SimyardError as error:
        sys.exit(f"simyard.web: {error}")
    loaded = replace(
        loaded,
        web=replace(loaded.web, host=asked.host or loaded.web.host, port=loaded.web.port if asked.port is None else asked.port),
    )
    sys.exit(main(loaded, asked.fd, service=asked.service))
