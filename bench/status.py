"""Status requests a second through web and supervisor, beside a bare Flask → Tornado pair that answers a constant."""

from __future__ import annotations

import contextlib
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Row, median
from bench.yard import Yard

CONNECTIONS = 8


def rate(address: tuple[str, int], target: str, token: str, requests: int) -> float:
    """Answers a second, over a few kept connections that each ask again as soon as they have been answered."""
    text = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{address[1]}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n\r\n"
    request = text.encode()
    selector = selectors.DefaultSelector()
    sockets = [socket.create_connection(address) for _ in range(CONNECTIONS)]
    for one in sockets:
        selector.register(one, selectors.EVENT_READ, bytearray())
        one.sendall(request)
    done = 0
    began = time.perf_counter()
    while done < requests:
        for key, _ in selector.select(10):
            buffer: bytearray = key.data
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            buffer += connection.recv(65536)
            head, separator, body = buffer.partition(b"\r\n\r\n")
            if not separator:
                continue
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(body) < length:
                continue
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(buffer.decode(errors="replace"))
            buffer.clear()
            done += 1
            connection.sendall(request)
    took = time.perf_counter() - began
    selector.close()
    for one in sockets:
        one.close()
    return done / took


@contextlib.contextmanager
def bare_pair() -> Iterator[tuple[str, int]]:
    """The address of the bare pair."""
    with tempfile.TemporaryDirectory(prefix="simyard-bench-") as folder, socket.socket() as listener:
        path = str(Path(folder) / "b.sock")
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        listener.set_inheritable(True)
        address = listener.getsockname()
        here = Path(__file__).parent
        gunicorn = [
            sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "--bind", f"fd://{listener.fileno()}", "--keep-alive", "75",
            "--chdir", str(here), "--log-level", "warning", "bare_web:app",
        ]  # fmt: skip
        behind = subprocess.Popen([sys.executable, str(here / "bare_behind.py"), path])
        web = subprocess.Popen(gunicorn, env={"BARE_SOCKET": path, "PATH": ""}, pass_fds=(listener.fileno(),))
        try:
            limit = time.monotonic() + 30
            while not Path(path).exists() and time.monotonic() < limit:
                time.sleep(0.02)
            yield address
        finally:
            for process in (web, behind):
                process.terminate()
                process.wait(10)


def status(yard: Yard, times: int, requests: int) -> Row:
    """Both in turn, several times; the medians are compared."""
    run = yard.run(yard.warm(), "true")
    host, _, port = yard.url.removeprefix("http://").rpartition(":")
    ours, bare = [], []
    with bare_pair() as address:
        rate(address, "/status", "", 200)
        for _ in range(times):
            bare.append(rate(address, "/status", "", requests))
            ours.append(rate((host, int(port)), f"/api/v1/runs/{run.id}", yard.token, requests))
    ratio = median(ours) / median(bare)
    return Row(
        what="status requests a second through web and supervisor",
        measured=f"{median(ours):.0f}/s (median of {times} rounds of {requests})",
        beside=f"a bare Flask → Tornado pair: {median(bare):.0f}/s",
        ratio=f"{ratio:.0%}",
        budget="≥ 70 %",
        meets=ratio >= 0.7,
    )
