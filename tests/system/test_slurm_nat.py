"""A laptop behind a router drives a cluster that cannot reach it by any address: everything comes back by the ssh connection."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.drivers.sbatch.agent_file import Builder
from tests.behind_nat import Home, behind_nat
from tests.slurm_site import Site
from tests.ssh_server import Sshd
from tests.system.cluster_kit import CODES, NO_LOCAL
from tests.system.targets import SIMYARD

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]


class Laptop:
    """A Simyard that runs in there, used from the terminal."""

    def __init__(self, place: Home, home: Path) -> None:
        self.place, self.home = place, home

    def simyard(self, *words: str) -> str:
        done = subprocess.run(
            self.place.command(str(SIMYARD), "--home", str(self.home), *words),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def laptop(pool: Site, tmp_path: Path) -> Iterator[Laptop]:
    with behind_nat() as place:
        folder, home = tmp_path / "sshd", tmp_path / "h"
        folder.mkdir()
        home.mkdir(mode=0o700)
        server = Sshd(folder, f"ListenAddress {place.outside}", *pool.sshd.options)
        server.start()
        (folder / "known_hosts").write_text(f"[{place.outside}]:{server.port} {server.key}\n")
        config = pool.ssh_config.read_text().replace("HostName 127.0.0.1", f"HostName {place.outside}")
        config = config.replace(f"Port {pool.sshd.port}", f"Port {server.port}").replace(
            str(pool.folder / "known"), str(folder / "known")
        )
        (folder / "ssh_config").write_text(config)
        section = pool.section().replace(str(pool.ssh_config), str(folder / "ssh_config"))
        (home / "simyard.toml").write_text(f"codes_path = [{json.dumps(str(CODES))}]\n{NO_LOCAL}{section}")
        # there is no package index behind this router
        asyncio.run(Builder(home / "agent").file())
        made = Laptop(place, home)
        try:
            made.simyard("up", "--detach", "--port", "0")
            yield made
        finally:
            try:
                made.simyard("down", "--stop-runs")
            finally:
                server.stop()
                pool.clear()


def test_everything_works_through_the_forwarded_socket(laptop: Laptop, pool: Site, tmp_path: Path) -> None:
    for port in (22, 80):
        with pytest.raises(OSError, match="No route to host"):
            socket.create_connection((laptop.place.address, port), 5)
    out = tmp_path / "out"
    said = laptop.simyard("run", "grayscott", "-m", "preview", "-e", "tiny", "--wait", "--out", str(out))
    assert "mean_v = " in said
    assert (out / "mass.csv").exists()
    assert json.loads(laptop.simyard("run", "report", "last"))["data"]
    run = json.loads(
        laptop.simyard("run", "trouble", "-m", "later", "--set", "how=talk", "--set", "seconds=1", "--wait", "--json")
    )
    assert run["state"] == "completed"
    assert len(pool.submitted(run["id"])) == 1
    assert "step 19 line 499 of the talk" in laptop.simyard("run", "logs", "last")
    going = json.loads(laptop.simyard("run", "trouble", "-m", "later", "--set", "how=slow", "--set", "seconds=50", "--json"))
    laptop.simyard("run", "cancel", going["id"])
    assert json.loads(laptop.simyard("run", "show", going["id"], "--json"))["state"] in {"canceling", "canceled"}
