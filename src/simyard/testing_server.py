"""A supervisor for tests on a Unix socket, as the real one listens: with the door's secret, keep-alive, Problems and streams."""

from __future__ import annotations

import contextlib
import http.server
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from simyard.errors import ProtocolError, SimyardError, Unauthenticated
from simyard.protocol import asking
from simyard.protocol.asking import ANSWER, ASK, Problem
from simyard.testing import FakeSupervisor


class Server:
    """A FakeSupervisor behind the real kind of door: HTTP on a Unix socket, with the secret that the file holds."""

    def __init__(self, supervisor: FakeSupervisor, path: Path, secret: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not secret.exists():
            secret.write_text(os.urandom(16).hex() + "\n", "ascii")
            secret.chmod(0o600)
        self._path = path
        path.unlink(missing_ok=True)
        self._server = _UnixServer(str(path), _Handler)
        self._server.supervisor = supervisor
        self._server.wanted = f"Bearer {secret.read_text('ascii').strip()}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Gone, and its connections with it, as after a kill."""
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_connections()
        self._thread.join(5)
        self._path.unlink(missing_ok=True)


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    supervisor: FakeSupervisor
    wanted: str

    def __init__(self, path: str, handler: type[socketserver.BaseRequestHandler]) -> None:
        self._connections: set[Any] = set()
        super().__init__(path, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is what tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _UnixServer

    def address_string(self) -> str:
        return "web"

    def log_message(self, *_: Any) -> None:
        """Tests look at what was asked, not at a log."""

    def do_GET(self) -> None:
        self._guarded(self._get)

    def do_POST(self) -> None:
        self._guarded(self._post)

    def _guarded(self, do: Callable[[], None]) -> None:
        try:
            if self.headers.get("Authorization") != self.server.wanted:
                raise Unauthenticated("wrong-secret", "This door opens with the secret only.")
            do()
        except SimyardError as error:
            said = Problem(status=error.status, code=error.code, detail=error.detail, more=error.more)
            self._send(error.status, "application/json", ANSWER.encode(said).encode())

    def _get(self) -> None:
        path, _, query = self.path.partition("?after=")
        if path == "/changes":
            self._stream(-1, "application/x-ndjson", self.server.supervisor.changes(int(query)))
        else:
            self._send(200, "text/plain", b"fake_supervisor 1\n" if path == "/metrics" else b"ok\n")

    def _post(self) -> None:
        question = ASK.decode(self.rfile.read(int(self.headers["Content-Length"])))
        if asking.PATHS.get(self.path) is not type(question):
            raise ProtocolError("wrong-path", f"{type(question).__name__} is not asked at {self.path}.")
        if type(question) in asking.STREAMS:
            self._stream(*self.server.supervisor.stream(question))
        else:
            self._send(200, "application/json", ANSWER.encode(self.server.supervisor.answer(question)).encode())

    def _send(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, size: int, media_type: str, chunks: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header(*(("Content-Length", str(size)) if size >= 0 else ("Transfer-Encoding", "chunked")))
        self.end_headers()
        try:
            for chunk in chunks:
                if not chunk and self._is_gone():
                    raise ConnectionAbortedError
                if size >= 0:
                    self.wfile.write(chunk)
                elif chunk:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            if size < 0:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.server.supervisor.dropped += 1
            self.close_connection = True

    def _is_gone(self) -> bool:
        try:
            return not self.connection.recv(1, 0x42)  # MSG_PEEK | MSG_DONTWAIT
        except BlockingIOError:
            return False
