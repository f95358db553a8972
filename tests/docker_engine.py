"""Fixtures for tests on a real Docker engine: a daemon of their own in a private folder, and an image made without a registry."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from simyard.agent import pyz
from simyard.codes import registry
from simyard.config import Config
from simyard.drivers.docker import image, rootfs
from tests.docker_hosts import make_certificates
from tests.ports import free_port

#: Stays between test sessions: a Debian with Python takes a minute to make.
KEPT = Path(__file__).parent.parent / ".docker-test"
IMAGE = "simyard-test"
#: The codes in it.
CODES = ("flood", "grayscott", "greedy", "madx", "prober", "relay", "trouble")
SYSTEM_CODES = Path(__file__).parent / "system" / "codes"
#: What tries to get out of its container; only for those tests, not for pages.
HOSTILE_CODES = Path(__file__).parent / "system" / "codes-hostile"
READY = 60.0

AnEngine = TypeVar("AnEngine", bound="Engine")


class Engine:
    """A Docker daemon; `url` is where it listens, and where it was started with `secured()`, `tcp_url` with `certificates`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder / 'docker.sock'}"
        self.certificates = folder / "certificates"
        self.tcp_url = ""
        self._daemon: subprocess.Popen[bytes] | None = None

    def secured(self) -> list[str]:
        """Options with which it listens for those with a client certificate too."""
        make_certificates(self.certificates)
        self.tcp_url = f"tcp://127.0.0.1:{free_port()}"
        return [
            f"--host={self.tcp_url}", "--tlsverify", f"--tlscacert={self.certificates}/ca.pem",
            f"--tlscert={self.certificates}/server.pem", f"--tlskey={self.certificates}/server-key.pem",
        ]  # fmt: skip

    def start(self, *options: str) -> None:
        log = (self.folder / "dockerd.log").open("ab")
        # no network is ever asked for, so that nothing of the machine's own is touched
        command: list[str | Path] = [
            "dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "docker.pid",
            "-H", self.url, "--bridge=none", "--iptables=false", "--ip6tables=false", *options,
        ]  # fmt: skip
        self._daemon = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + READY
        while subprocess.run(self._docker("version"), capture_output=True, check=False).returncode != 0:
            assert self._daemon.poll() is None, f"dockerd ended: {self.log()}"
            assert time.monotonic() < deadline, f"dockerd is not ready: {self.log()}"
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon; its containers end with it unless it was started with --live-restore."""
        if self._daemon is not None:
            self._daemon.send_signal(number)
            self._daemon.wait(2 * READY)
            self._daemon = None

    def freeze(self) -> None:
        """It takes connections and questions from now on, and answers none; what runs in containers goes on."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.is_running:
            os.kill(self.pid, signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is None

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def log(self) -> str:
        return (self.folder / "dockerd.log").read_text(errors="replace")[-2000:]

    def docker(self, *words: str | Path, stdin: bytes = b"") -> str:
        """Run docker's own command; its output."""
        # the newer builder wants a plugin and a network
        environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
        done = subprocess.run(self._docker(*words), input=stdin, env=environment, capture_output=True, check=False, timeout=300)
        assert done.returncode == 0, f"docker {words}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def inspect(self, container: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", container))
        return found[0]

    def remove_everything(self) -> None:
        for container in self.docker("ps", "-aq").split():
            # a relay's container may be gone by itself
            subprocess.run(self._docker("rm", "-f", container), capture_output=True, check=False, timeout=2 * READY)

    def _docker(self, *words: str | Path) -> list[str | Path]:
        return ["docker", "-H", self.url, *words]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A daemon with the image `simyard-test` in it. It goes on all the time: who wants to stop one takes one of their own."""
    with an_engine() as made:
        yield made


@contextmanager
def an_engine() -> Iterator[Engine]:
    """A daemon with the image `simyard-test` in it. Whatever was done to it, nothing of it is left in the end."""
    with an_empty_engine(Engine) as made:
        make_image(made)
        yield made


@contextmanager
def an_empty_engine(kind: type[AnEngine]) -> Iterator[AnEngine]:
    """A daemon without an image. Whatever was done to it, nothing of it is left in the end."""
    if os.getuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("These tests start a Docker daemon: they need root, and the packages of tools/debian.")
    folder = Path(tempfile.mkdtemp(prefix="dk-"))
    made = kind(folder)
    try:
        made.start(*made.secured())
        yield made
    finally:
        made.thaw()
        if not made.is_running:
            made.start()  # containers of one that was killed are still there
        made.remove_everything()
        made.stop()
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(f"{folder}/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def make_image(engine: Engine) -> None:
    """A Debian with Python, the agent as it is now, and the codes that the tests run: built once, and loaded from then on."""
    codes = registry.load(Config(home=KEPT, codes_path=(SYSTEM_CODES, HOSTILE_CODES)))
    base = root_file_system()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside, one_at_a_time():
        agent = pyz.build(Path(beside) / "agent.pyz")
        image.write_context(Path(folder), base, agent, [codes.code(name) for name in CODES], print)
        built = KEPT / f"image-{image.digest(Path(folder), '')}.tar"
        if built.exists():
            engine.docker("load", "-i", built)
            return
        engine.docker("build", "-q", "-t", IMAGE, folder)
        for old in KEPT.glob("image-*"):
            old.unlink()
        engine.docker("save", "-o", built.with_suffix(".new"), IMAGE)
        built.with_suffix(".new").rename(built)


def root_file_system() -> Path:
    """A tar file of Debian's smallest system with Python."""
    tar = KEPT / "bookworm.tar"
    with one_at_a_time():
        if not tar.exists():
            rootfs.make(tar, print)
    return tar


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Several workers may want what is kept at the same moment: the first makes it."""
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
