"""A Docker engine with a network for the tests of a site, and a base for its images that needs nothing of anybody else.

The engine lives in a network namespace of its own: its bridge, its addresses and its iptables rules are there, go with it, and
nothing of the machine's own is touched. Who wants to reach a published port goes into it (`inside`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from simyard.agent import pyz
from simyard.codes import registry
from simyard.config import Config
from simyard.drivers.docker import image
from tests.docker_engine import KEPT, READY, Engine, an_empty_engine, root_file_system

ROOT = Path(__file__).parent.parent
BASE = "site-base"
LOCKS = ("build", "runtime", "postgresql")
#: Of the way in which the base is made: another one is made again.
EDITION = b"2"
PACKAGES = ("python3-venv", "postgresql", "nginx-light", "systemd", "openssl")
#: Making the base takes minutes, once.
MADE_WITHIN = 900


class SiteEngine(Engine):
    """A daemon with a bridge, in a network namespace of its own."""

    def start(self, *options: str) -> None:
        command: list[str | Path] = [
            "unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
            "dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "docker.pid",
            "-H", self.url, *options,
        ]  # fmt: skip
        with (self.folder / "dockerd.log").open("ab") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY
        while subprocess.run(self._docker("version"), capture_output=True, check=False).returncode != 0:
            assert self._daemon.poll() is None, f"dockerd ended: {self.log()}"
            assert time.monotonic() < deadline, f"dockerd is not ready: {self.log()}"
            time.sleep(0.1)

    def inside(self, *command: str | Path) -> list[str | Path]:
        """The command that does this where the engine publishes its ports."""
        return ["nsenter", "--net", "--target", str(self.pid), "--", *command]


def base_file() -> Path:
    """A tar file of a Debian that has what a site's images are built from: made once, and again when a lock has changed."""
    wanted = (
        EDITION + b"".join((ROOT / "requirements" / f"{lock}.lock").read_bytes() for lock in LOCKS) + " ".join(PACKAGES).encode()
    )
    tar = KEPT / f"site-{hashlib.sha256(wanted).hexdigest()[:12]}.tar"
    if not tar.exists():
        for old in KEPT.glob("site-*"):
            old.unlink()
        with tempfile.TemporaryDirectory() as folder, an_empty_engine(Engine) as engine:
            _make_base(engine, Path(folder), tar)
    return tar


def _make_base(engine: Engine, folder: Path, tar: Path) -> None:
    engine.docker("import", root_file_system(), "debian")
    uv = ["uv", "pip"] if shutil.which("uv") else ["pip"]
    locks = [word for lock in LOCKS for word in ("-r", str(ROOT / "requirements" / f"{lock}.lock"))]
    chosen = ["--only-binary", ":all:", "--python-version", image.PYTHON, "--require-hashes", *locks]
    fetch: list[str | Path] = [*uv, "install", "--quiet", "--target", folder / "packages", *chosen]
    subprocess.run(fetch, check=True, timeout=MADE_WITHIN)
    install = f"apt-get -qy install --no-install-recommends {' '.join(PACKAGES)}"
    lines = [
        "FROM debian",
        f"RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive {install} && apt-get clean && rm -rf /var/lib/apt/lists/*",
        "RUN python3 -m venv /opt/simyard",
        f"COPY packages /opt/simyard/lib/python{image.PYTHON}/site-packages",
        # as pip does it: what is compiled at each start takes seconds
        "RUN python3 -m compileall -q -j 0 /opt/simyard/lib",
    ]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    command: list[str | Path] = ["docker", "-H", engine.url, "build", "--network", "host", "-q", "-t", BASE, folder]
    subprocess.run(command, check=True, timeout=MADE_WITHIN, capture_output=True, env={**os.environ, "DOCKER_BUILDKIT": "0"})
    container = engine.docker("create", BASE, "true")
    beside = tar.with_suffix(".new")
    engine.docker("export", "-o", beside, container)
    beside.replace(tar)


def make_users_image(engine: Engine, name: str) -> None:
    """What users' containers are made of, with one code, on the same base."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        agent = pyz.build(Path(beside) / "agent.pyz")
        image.write_context(Path(folder), BASE, agent, [registry.load(Config(home=KEPT)).code("grayscott")], print)
        engine.docker("build", "-q", "-t", name, folder)
