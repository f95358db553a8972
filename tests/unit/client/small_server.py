"""A small HTTP server for tests of the client: each request is answered by the next script, and remembered."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Script = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if not self.server.refuse_bodies else b""
        self.server.asked.append((self.command, self.path, dict(self.headers), self.body))
        scripts = self.server.scripts
        (scripts.pop(0) if len(scripts) > 1 else scripts[0])(self)

    do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815

    def say(self, status: int, value: Any, **headers: str) -> None:
        self.raw(status, json.dumps(value).encode(), **{"Content-Type": "application/json", **headers})

    def raw(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(data)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *args: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *scripts: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts = list(scripts)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.refuse_bodies = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a script that hangs up


@contextmanager
def serving(*scripts: Script) -> Iterator[Server]:
    """A server that answers by these scripts, one after the other; the last one for ever."""
    server = Server(*scripts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


def problem(status: int, code: str, detail: str, **more: Any) -> Script:
    return lambda handler: handler.say(
        status, {"type": "about:blank", "title": "-", "status": status, "code": code, "detail": detail, **more}
    )


def value(data: Any, status: int = 200) -> Script:
    return lambda handler: handler.say(status, data)
