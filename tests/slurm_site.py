"""Slurm clusters as people meet them: an ssh server before each, an account without root, and an environment for its codes. Their programs
can be made slow, silent or wrong, and every call of them is written down."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncssh
import pytest

from simyard import processes
from tests.mpi_environment import LAUNCHER
from tests.slurm_cluster import Cluster
from tests.ssh_server import SSHD, Account, Sshd, account
from tests.wire import Wire

PROGRAMS = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo", "srun")
#: What stands in an account's PATH before Slurm's own programs. A file of a program's name in ~/faults is read by the shell before it,
#: one that ends in `-after` once it has answered.
WRAPPER = """\
#!/bin/sh
name=$(basename "$0")
echo "$(date +%s.%N) $name $*" >> "$HOME/calls"
[ ! -e "$HOME/faults/$name" ] || . "$HOME/faults/$name"
"/usr/bin/$name" "$@"
status=$?
[ ! -e "$HOME/faults/$name-after" ] || . "$HOME/faults/$name-after"
exit $status
"""
#: For a fault: the program waits there, and says that it does, until the fault is over.
WAITS = """\
touch "$HOME/faults/reached"
while [ -e "$HOME/faults/reached" ] && { [ -e "$HOME/faults/$name" ] || [ -e "$HOME/faults/$name-after" ]; }; do sleep 0.05; done
"""
#: What the codes of the tests need there. Debian's Python, since an account cannot read what is in root's home folder.
PACKAGES = ("cpymad>=1.20", "numpy", "mpi4py>=4", "mpich>=4.3")
PYTHON = "/usr/bin/python3"


class Site:
    """A cluster that is called `name` in the configuration of a Simyard, which logs in with a key. `ssh_config` has three hosts: `name`,
    `name-by-wire`, whose way can be cut, and `name-by-password`."""

    def __init__(self, name: str, cluster: Cluster, someone: Account, folder: Path, python: Path) -> None:
        self.name, self.cluster, self.account, self.folder, self.python = name, cluster, someone, folder, python
        self.home = someone.home
        self.ssh_config = folder / "ssh_config"
        self.sshd = Sshd(folder, f"SetEnv SLURM_CONF={cluster.conf}", "UsePAM no", "KbdInteractiveAuthentication no")
        self.wire = Wire(self.sshd.port)
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._furnish()

    @property
    def directory(self) -> Path:
        """The folder below which everything of Simyard's is there."""
        return self.home / ".simyard"

    def section(self, name: str = "", host: str = "", more: str = "interval = 1.0\n") -> str:
        """Its part of a simyard.toml, with `more` lines."""
        called = name or self.name
        # Slurm's own MpiDefault is none here, and the MPI of PACKAGES knows its PMI 2
        more = f"launcher = {list(LAUNCHER)}\n{more}"
        return f'[clusters.{called}]\nhost = "{host or self.name}"\nssh_config = "{self.ssh_config}"\n{more}' + "".join(
            f'[clusters.{called}.codes.{code}]\npython = "{self.python}"\n' for code in ("madx", "grayscott", "heat")
        )

    # ── what a test does to it ──────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def fault(self, program: str, shell: str) -> Iterator[None]:
        """Until then the program begins (or ends, with `-after`) with these lines."""
        path = self.home / "faults" / program
        self.go_on()  # what came to the last one as that was over may have said that it waits
        path.with_suffix(".new").write_text(shell + "\n")
        path.with_suffix(".new").rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            self.go_on()

    @property
    def reached(self) -> bool:
        """Whether a program waits (WAITS)."""
        return (self.home / "faults" / "reached").exists()

    def go_on(self) -> None:
        (self.home / "faults" / "reached").unlink(missing_ok=True)

    def calls(self, *programs: str) -> list[str]:
        """The calls of these programs so far: arguments and all."""
        try:
            lines = (self.home / "calls").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if line.split(" ", 2)[1] in programs]

    def jobs(self, state: str = "") -> list[str]:
        """The numbers of its account's jobs, pending and running."""
        said = self.cluster.ask(
            "squeue", "--noheader", "--format=%A", "--user", self.account.name, *(["--states", state] if state else [])
        )
        return said.split()

    def submitted(self, run: str) -> list[str]:
        """The numbers of all jobs of a run that Slurm remembers."""
        said = self.cluster.ask("squeue", "--noheader", "--states=all", "--format=%A %k", "--user", self.account.name)
        return [line.split()[0] for line in said.splitlines() if run in line]

    def login_processes(self) -> list[int]:
        """What runs as its account on the login node; what runs in a job is below a slurmstepd."""
        return [pid for pid in processes_of(self.home.stat().st_uid) if not in_a_job(pid)]

    def kill_login(self) -> None:
        """Kill -9 all that."""
        for pid in self.login_processes():
            _kill(pid)

    def clear(self) -> None:
        """Nothing of anybody's stays: for a next test."""
        self.cluster.ask("scancel", "--user", self.account.name)
        self.kill_login()
        self.cluster.until(lambda: not self.jobs())
        for path in (self.directory, self.home / "faults"):
            shutil.rmtree(path, ignore_errors=True)
        (self.home / "faults").mkdir()
        shutil.chown(self.home / "faults", self.account.name, self.account.name)
        (self.home / "calls").unlink(missing_ok=True)

    def stop(self) -> None:
        self.wire.stop()
        self.sshd.stop()

    def write_known_hosts(self) -> None:
        """What whoever logs in knows of it."""
        known = [f"[127.0.0.1]:{port} {self.sshd.key}\n" for port in (self.sshd.port, self.wire.port)]
        (self.folder / "known_hosts").write_text("".join(known))

    def _furnish(self) -> None:
        # mode 0600: a key that others may read is not used
        key = self.folder / "id_ed25519"
        key.touch(0o600)
        key.write_bytes(self._key.export_private_key())
        ssh = self.home / ".ssh"
        for made in (ssh, self.home / "bin", self.home / "faults"):
            made.mkdir(mode=0o700)
            shutil.chown(made, self.account.name, self.account.name)
        (ssh / "authorized_keys").write_bytes(self._key.export_public_key())
        for program in PROGRAMS:
            path = self.home / "bin" / program
            path.write_text(WRAPPER)
            path.chmod(0o755)
        (self.home / ".bash_profile").write_text('export PATH="$HOME/bin:/usr/local/bin:/usr/bin:/bin"\n')
        self.write_known_hosts()
        hosts = {self.name: self.sshd.port, f"{self.name}-by-wire": self.wire.port, f"{self.name}-by-password": self.sshd.port}
        self.ssh_config.write_text(
            "".join(
                f"Host {host}\n  HostName 127.0.0.1\n  Port {port}\n  User {self.account.name}\n"
                f"  UserKnownHostsFile {self.folder}/known_hosts\n"
                + ("" if host.endswith("password") else f"  IdentityFile {key}\n  IdentitiesOnly yes\n")
                for host, port in hosts.items()
            )
        )


def processes_of(uid: int) -> list[int]:
    """What runs as that user."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                found.append(int(entry.name))
        except OSError:
            continue  # it has just ended
    return found


def in_a_job(pid: int) -> bool:
    """Whether Slurm has started it, or what has."""
    while pid > 1:
        try:
            said = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        if "(slurmstepd" in said:
            return True
        pid = int(said.rpartition(")")[2].split()[1])
    return False


def _kill(pid: int) -> None:
    handle = processes.handle_of(pid)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + 60
    while handle is not None and processes.handle_of(pid) == handle and time.monotonic() < deadline:
        time.sleep(0.01)


def _environment(folder: Path) -> Path:
    """The Python of the codes there."""
    made = folder / "env"
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--python", PYTHON, made], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", made / "bin" / "python", *PACKAGES], check=True)
    else:
        subprocess.run([PYTHON, "-m", "venv", made], check=True)
        subprocess.run([made / "bin" / "python", "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return made / "bin" / "python"


@contextmanager
def site(name: str, cluster: Cluster, python: Path) -> Iterator[Site]:
    """An ssh server and an account before that cluster."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-")))
        made = Site(name, cluster, stack.enter_context(account()), folder, python)
        stack.callback(made.stop)
        made.sshd.start()
        stack.callback(made.clear)
        yield made


@pytest.fixture(scope="session")
def cluster_python() -> Iterator[Path]:
    """A Python with what codes need, where everybody can read it."""
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        Path(folder).chmod(0o755)
        yield _environment(Path(folder))


@pytest.fixture(scope="session")
def pool(slurm: Cluster, cluster_python: Path) -> Iterator[Site]:
    """The cluster of most tests."""
    if not os.path.exists(SSHD):
        pytest.skip("These tests start an ssh server: they need the packages of tools/debian.")
    with site("pool", slurm, cluster_python) as made:
        yield made


@pytest.fixture(scope="session")
def annex(pool: Site, cluster_python: Path) -> Iterator[Site]:
    """A second cluster, with a Slurm of its own."""
    with tempfile.TemporaryDirectory(prefix="sl-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder), "annex")
        try:
            cluster.start()
            with site("annex", cluster, cluster_python) as made:
                yield made
        finally:
            cluster.stop()
