"""The peer of a status request, second half: a bare Tornado server on a Unix socket that answers a constant."""

from __future__ import annotations

import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

#: As long as the status of a run is.
CONSTANT = b'{"status": "%s"}' % (b"x" * 1100)


class Status(RequestHandler):
    def post(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(CONSTANT)


async def main(path: str) -> None:
    server = HTTPServer(Application([("/run_status", Status)]))
    server.add_socket(bind_unix_socket(path))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
