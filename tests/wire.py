"""A TCP connection's way, which tests cut: whoever talks through it hears nothing any more, as of a network that is gone."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Wire:
    """Hands bytes on between a free port of loopback and `port`. `cut` drops them, in both directions and without a word, until `mend`;
    connections of before are broken then, as they mostly are after minutes."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self._other: dict[socket.socket, socket.socket] = {}
        self._silent = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="wire", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        self._silent.set()

    def mend(self) -> None:
        self._silent.clear()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(10)
        for end in (self._door, *self._other):
            end.close()

    def _carry(self) -> None:
        lost = False
        with selectors.DefaultSelector() as ready:
            ready.register(self._door, selectors.EVENT_READ)
            while not self._ended.is_set():
                if self._silent.is_set():
                    lost = True
                    self._ended.wait(0.05)
                    continue
                if lost:
                    for end in list(self._other):
                        self._drop(ready, end)
                    lost = False
                for key, _ in ready.select(0.05):
                    if key.fileobj is self._door:
                        self._accept(ready)
                    elif key.fileobj in self._other:
                        self._hand_on(ready, key.fileobj)

    def _accept(self, ready: selectors.BaseSelector) -> None:
        here, _ = self._door.accept()
        try:
            there = socket.create_connection(("127.0.0.1", self._there), 5.0)
        except OSError:
            here.close()
            return
        there.settimeout(None)
        self._other |= {here: there, there: here}
        for end in (here, there):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(end, selectors.EVENT_READ)

    def _hand_on(self, ready: selectors.BaseSelector, end: socket.socket) -> None:
        try:
            piece = end.recv(1 << 16)
            if piece:
                self._other[end].sendall(piece)
                return
        except OSError:
            pass
        self._drop(ready, end)

    def _drop(self, ready: selectors.BaseSelector, end: socket.socket) -> None:
        for one in (end, self._other.get(end)):
            if one is not None and self._other.pop(one, None) is not None:
                with contextlib.suppress(KeyError):
                    ready.unregister(one)
                one.close()
