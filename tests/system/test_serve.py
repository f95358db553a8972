"""Web and supervisor as services of their own, as systemd or a container keeps them: ready, asked how they are, reloaded, stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.client import Client
from tests.system.page_kit import wait_until
from tests.system.targets import SIMYARD, simyard

pytestmark = pytest.mark.timeout(300)
#: For a service to be ready on a machine that does other work as well (seconds).
PATIENCE = 60


class Services:
    """Web and supervisor of one home folder, each started as a unit starts it; the test plays systemd."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home.parent / "web.sock"
        self.settings = f'[web]\nport = 0\nsocket = "{self.socket}"\nurl = "https://yard.example.org"\n'
        self.file = home / "simyard.toml"
        self.file.write_text(self.settings)
        self.told: dict[str, socket.socket] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        told = self.told[name] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.settimeout(PATIENCE)
        told.bind(str(self.home.parent / f"{name}.notify"))
        environment = {**os.environ, "SIMYARD_HOME": str(self.home), "NOTIFY_SOCKET": told.getsockname()}
        with (self.home.parent / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([SIMYARD, "serve", name], env=environment, stdout=log, stderr=log)

    def await_word(self, name: str, word: bytes) -> None:
        """Until systemd has been told so."""
        while self.told[name].recv(100) != word:
            pass

    def reload(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGHUP)

    def log(self, name: str) -> str:
        return (self.home.parent / f"{name}.log").read_text()

    def end(self) -> None:
        for name, process in self.processes.items():
            process.terminate()
            assert process.wait(PATIENCE) == 0, self.log(name)
        for told in self.told.values():
            told.close()


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with tempfile.TemporaryDirectory(prefix="srv-") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        made = Services(home)
        made.start("supervisor")
        made.start("web")
        try:
            made.await_word("supervisor", b"READY=1")
            made.await_word("web", b"READY=1")
            yield made
        finally:
            made.end()
            simyard(home, "down", "--stop-runs")


def by_socket(services: Services, path: str, **headers: str) -> int:
    """With which status the proxy is answered."""
    connection = http.client.HTTPConnection("yard.example.org", timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(str(services.socket))
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def test_both_are_well_and_found_by_the_commands(services: Services) -> None:
    assert "supervisor: well" in simyard(services.home, "health", "supervisor")
    with Client(home=services.home) as client:
        run = client.run("grayscott", "evolve", example="tiny")
        assert run.wait().state == "completed"
        assert client.login_address().startswith("https://yard.example.org/login?once=")
    said = simyard(services.home, "status")
    assert f"web: process {services.processes['web'].pid}" in said
    assert f"supervisor: process {services.processes['supervisor'].pid}" in said
    assert "are services of their own" in simyard(services.home, "down", status=4)


def test_the_proxy_comes_by_a_socket_that_only_its_group_may_use(services: Services) -> None:
    assert services.socket.stat().st_mode & 0o777 == 0o660
    assert by_socket(services, "/readyz") == 200
    assert by_socket(services, "/readyz", Host="evil.example") == 421


def test_systemd_is_told_again_and_again_that_they_live(services: Services) -> None:
    for name in ("web", "supervisor"):
        services.await_word(name, b"WATCHDOG=1")
        services.await_word(name, b"WATCHDOG=1")


def test_settings_are_read_anew_by_the_same_process_and_nobody_is_refused_meanwhile(services: Services) -> None:
    services.file.write_text(services.settings + "upload_limit = 1000\n[targets.later]\n")
    for name in ("supervisor", "web"):
        services.reload(name)
    # asked before it is back: it waits in the queue of the socket that stays
    assert by_socket(services, "/healthz") == 200
    for name in ("supervisor", "web"):
        services.await_word(name, b"RELOADING=1")
        services.await_word(name, b"READY=1")
        assert services.processes[name].poll() is None
    wait_until(lambda: by_socket(services, "/readyz") == 200, PATIENCE)
    with Client(home=services.home) as client:
        assert "later" in {target["name"] for target in client.targets()}


def test_settings_that_cannot_be_used_change_nothing(services: Services) -> None:
    good = services.file.read_text()
    services.file.write_text("nonsense = 1\n")
    try:
        assert "nonsense" in simyard(services.home, "config", "check", status=4)
        for name in ("supervisor", "web"):
            services.reload(name)
            wait_until(lambda name=name: "the new settings are wrong" in services.log(name), PATIENCE)
        assert by_socket(services, "/readyz") == 200
    finally:
        services.file.write_text(good)


def test_a_second_web_or_supervisor_of_the_same_home_is_refused_in_words(services: Services) -> None:
    assert "already" in simyard(services.home, "serve", "supervisor", status=1)
    assert "is in the way" in simyard(services.home, "serve", "web", status=1)


def test_a_run_goes_on_while_the_supervisor_is_stopped_and_started(services: Services) -> None:
    with Client(home=services.home) as client:
        simulation = client.create_simulation("grayscott", inputs={"steps": 60_000, "size": 128, "frames": 20})
        run = client.start(simulation["id"], "evolve")
        wait_until(lambda: client.get_run(run.id).state == "running", PATIENCE)
        services.processes["supervisor"].terminate()
        assert services.processes["supervisor"].wait(PATIENCE) == 0
        assert "supervisor: not well" in simyard(services.home, "health", "supervisor", status=1)
        services.told.pop("supervisor").close()
        (services.home.parent / "supervisor.notify").unlink()
        services.start("supervisor")
        services.await_word("supervisor", b"READY=1")
        wait_until(lambda: client.get_run(run.id).state == "completed", 2 * PATIENCE)
