"""A real sshd for tests, on a free port of loopback, and users who can log in to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.ports import free_port

SSHD = "/usr/sbin/sshd"
READY = 60.0


@dataclass(frozen=True)
class Account:
    """A user of this machine who is not root, made for a test."""

    name: str
    password: str
    home: Path


class Sshd:
    """`options` are further lines of its configuration. `key` is its public key, as a line of a known_hosts file ends."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        #: What its command is an argument of, so that it is as on another machine.
        self.inside: tuple[str, ...] = ()
        self.port = free_port()
        self.key = self.make_key()
        self._process: subprocess.Popen[bytes] | None = None

    def make_key(self) -> str:
        """A new host key, which it has from its next start."""
        made = asyncssh.generate_private_key("ssh-ed25519")
        path = self.folder / "host-key"
        path.write_bytes(made.export_private_key())
        path.chmod(0o600)
        return made.export_public_key().decode().strip()

    def start(self) -> None:
        config = self.folder / "sshd_config"
        # of what is said twice, the first word holds
        config.write_text(
            "\n".join(self.options)
            + f"\nPort {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host-key\nPidFile none\nStrictModes no\nUseDNS no\n"
            "Subsystem sftp internal-sftp\nAllowStreamLocalForwarding yes\nAllowTcpForwarding yes\n"
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._process = subprocess.Popen([*self.inside, SSHD, "-D", "-f", config, "-E", self.folder / "sshd.log"])
        deadline = time.monotonic() + READY
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """It ends, and with it those who are logged in."""
        if self._process is None:
            return
        sessions = list(self._sessions())
        if self.inside:
            self._process.kill()  # the whole machine
        else:
            self._process.terminate()
        self._process.wait(READY)
        self._process = None
        _kill(sessions)

    def break_connections(self) -> None:
        """As if the network had: who is connected finds out by itself."""
        _kill(list(self._sessions()))

    def _sessions(self) -> Iterator[int]:
        """Its processes for those who are logged in: one of root's, and one of theirs that would go on without that."""
        assert self._process is not None
        left = _children(self._process.pid)
        while left:
            pid = left.pop()
            with suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                    left += _children(pid)
                    yield pid

    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(errors="replace")[-3000:]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # its client had closed it
            os.kill(pid, signal.SIGKILL)


@contextmanager
def account() -> Iterator[Account]:
    """A user of a name that nobody has, gone afterwards with all that runs as them."""
    home = Path(tempfile.mkdtemp(prefix="sh-"))
    made, number = Account(f"sy{uuid.uuid4().hex[:10]}", uuid.uuid4().hex, home), -1
    home.chmod(0o700)
    subprocess.run(["useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/bash", made.name], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{made.name}:{made.password}", text=True, check=True)
        shutil.chown(home, made.name, made.name)
        number = home.stat().st_uid
        yield made
    finally:
        subprocess.run(["pkill", "-KILL", "-u", made.name], check=False)
        subprocess.run(["userdel", "--force", made.name], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
        for place in ("/tmp", "/var/tmp"):
            for left in Path(place).glob(f"simyard-{number}-*"):
                shutil.rmtree(left, ignore_errors=True)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Starts as many as are wanted, each with its own lines of configuration."""
    if os.getuid() != 0 or not os.path.exists(SSHD):
        pytest.skip("These tests start an ssh server: they need root, and the packages of tools/debian.")
    with ExitStack() as stack:
        count = 0

        def make(*options: str) -> Sshd:
            nonlocal count
            count += 1
            folder = tmp_path / f"sshd{count}"
            folder.mkdir()
            made = Sshd(folder, *options)
            made.start()
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture(scope="module")
def someone() -> Iterator[Account]:
    """An account for the tests of a file."""
    if os.getuid() != 0:
        pytest.skip("These tests make a user: they need root.")
    with account() as made:
        yield made
