"""What the process keeper asks web."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from simyard.up import Probe


def test_an_address_for_the_browser_that_comes_in_pieces_is_heard(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    asked: list[bytes] = []

    def web() -> None:
        one, _ = door.accept()
        with one:
            while b"\r\n\r\n" not in b"".join(asked):
                asked.append(one.recv(65536))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in (b"HTTP/1.1 201 CREATED\r\n", b"Loca", b"tion: http://127.0.0.1:1/login?once=x\r\n", b"\r\n{}"):
                one.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(60)
        answering = threading.Thread(target=web)
        answering.start()
        address = Probe(door.getsockname()).one_time_address(str(tmp_path / "token"))
        answering.join(60)
    assert address == "http://127.0.0.1:1/login?once=x"
    assert b"Authorization: Bearer secret\r\n" in b"".join(asked)
