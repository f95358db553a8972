"""What systemd is told, and what it is not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from simyard import notify


@pytest.fixture
def manager(tmp_path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(20)
    made.bind(str(tmp_path / "notify"))
    return made


def test_who_has_asked_is_told(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        notify.tell(notify.READY)
        assert manager.recv(100) == b"READY=1"


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(20)
        made.bind(f"\0{tmp_path}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{tmp_path}")
        notify.tell(notify.ALIVE)
        assert made.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nonexistent/notify"])
def test_without_a_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.tell(notify.READY)
