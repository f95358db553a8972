"""What systemd is told, and what it is not."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from simyard import notify


@pytest.fixture
def manager(tmp_path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(60)
    made.bind(str(tmp_path / "notify"))
    return made


def test_who_has_asked_is_told(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        notify.tell(notify.READY)
        assert manager.recv(100) == b"READY=1"


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(60)
        made.bind(f"\0{tmp_path}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{tmp_path}")
        notify.tell(notify.ALIVE)
        assert made.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nonexistent/notify"])
def test_without_a_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.tell(notify.READY)


def fill(manager: socket.socket) -> int:
    """Leave no room for another word; how many wait now."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        for count in range(100_000):
            try:
                other.sendto(b"full", manager.getsockname())
            except BlockingIOError:
                return count
    raise AssertionError("the queue has no end")


def test_a_manager_that_has_no_room_hears_later_that_we_are_ready(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        waiting = fill(manager)
        notify.tell(notify.READY)
        notify.tell(notify.ALIVE)
        assert {manager.recv(100) for _ in range(waiting)} == {b"full"}
        notify.tell(notify.ALIVE)
        notify.tell(notify.ALIVE)
        assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_what_is_no_longer_so_is_not_told_later(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        waiting = fill(manager)
        notify.tell(notify.READY)
        for _ in range(waiting):
            manager.recv(100)
        notify.tell(notify.STOPPING)
        notify.tell(notify.ALIVE)
        assert [manager.recv(100) for _ in range(2)] == [b"STOPPING=1", b"WATCHDOG=1"]


def test_that_we_begin_again_is_told_as_soon_as_there_is_room(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notify._PATIENCE, notify.RELOADING, 60.0)
    with manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        waiting = fill(manager)
        telling = threading.Thread(target=notify.tell, args=(notify.RELOADING,))
        telling.start()
        heard = [manager.recv(100) for _ in range(waiting + 1)]
        telling.join(60)
        assert heard[-1] == b"RELOADING=1"
