"""Stop 1, web: `python -m simyard.web [--fd N | --host HOST --port PORT]`: serve the page and the API until told to stop.

With `--fd` the listening socket is inherited. Without, one is made (port 0: a free one), and one line of JSON on stdout
says where: `{"url": "http://127.0.0.1:8760"}`. It is ready when `GET /readyz` answers 200.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace

from simyard import config
from simyard.errors import SimyardError


def main(settings: config.Config, fd: int = -1) -> int:
    """Serve; answers with the exit status. In a process of its own: gevent patches the standard library."""
    from gevent import monkey

    if settings.web.workers == 1:
        monkey.patch_all()  # with more, each worker is patched after its fork; the arbiter that forks them must not be
    from simyard.web import server

    try:
        if fd >= 0:
            listener = server.inherited(fd)
        else:
            listener = server.listen(settings.web.host, settings.web.port)
            print(json.dumps({"url": server.url_of(listener)}), flush=True)  # noqa: T201 - whoever started it reads this
        return server.serve(settings, listener)
    except (SimyardError, OSError) as error:
        print(f"simyard.web: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simyard.web", description="Serve Simyard's page and API.")
    parser.add_argument("--fd", type=int, default=-1, help="an inherited listening socket")
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
    sys.exit(main(loaded, asked.fd))
