"""Fixtures for tests on a real Slurm: a controller and two nodes on this machine, in a private folder, with a key of their own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simyard import processes
from tests.ports import free_ports

READY = 120.0
CONF = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={munge}/socket
CredType=cred/munge
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
SlurmctldPort={ports[0]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
DefMemPerNode=1000
ReturnToService=2
KillWait=5
SlurmctldTimeout=20
SlurmdTimeout=20
MinJobAge={age}
FirstJobId={first}
SchedulerParameters=sched_interval=1,batch_sched_delay=1
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=n1 Default=YES MaxTime=00:10:00 State=UP
PartitionName=regular Nodes=n[1-2] MaxTime=1-0 State=UP
"""


class Cluster:
    """A Slurm of two nodes with two cores each. `age` is how long its controller remembers a job that is over (seconds)."""

    def __init__(self, folder: Path, name: str = "tests", age: int = 300) -> None:
        self.folder, self.name = folder, name
        self.conf = folder / "slurm.conf"
        self._munge = folder / "munge"
        for made in (self._munge, folder / "state", folder / "log", folder / "spool.n1", folder / "spool.n2"):
            made.mkdir()
        self.conf.write_text(
            CONF.format(
                # numbers that no other test's cluster has: MPICH names what its tasks share after them, and a killed one leaves that behind
                first=1000 + secrets.randbelow(60_000_000),
                name=name,
                host=socket.gethostname().split(".")[0],
                folder=folder,
                munge=self._munge,
                # one for the controller, and two that follow each other for the nodes
                ports=free_ports(3),
                age=age,
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's programs need to know of it."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def start(self) -> None:
        self._start_munge()
        self.start_controller()
        for node in ("n1", "n2"):
            self.start_node(node)
        self.until(lambda: self.ask("sinfo", "--noheader", "--format=%T", "--partition=regular").split() == ["idle"])

    def stop(self) -> None:
        for name in ("slurmd.n1", "slurmd.n2", "slurmctld"):
            self.end(name)
        _end(self._munge / "pid", signal.SIGTERM)

    def start_controller(self) -> None:
        subprocess.run(["slurmctld", "-f", self.conf], check=True, env=self.environment, capture_output=True)
        self.until(lambda: "UP" in self.ask("scontrol", "ping"))

    def start_node(self, node: str) -> None:
        subprocess.run(["slurmd", "-N", node, "-f", self.conf], check=True, env=self.environment, capture_output=True)

    def end(self, daemon: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End `slurmctld`, `slurmd.n1` or `slurmd.n2`."""
        _end(self.folder / f"{daemon}.pid", number)

    def pid(self, daemon: str) -> int:
        return int((self.folder / f"{daemon}.pid").read_text())

    def ask(self, *command: str) -> str:
        """What one of Slurm's programs prints; "" where it fails."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout if done.returncode == 0 else ""

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + READY
        while not condition():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted((self.folder / "log").iterdir()))

    def _start_munge(self) -> None:
        who = pwd.getpwnam("munge")
        key = self._munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        for path in (self._munge, key):
            os.chown(path, who.pw_uid, who.pw_gid)
        self._munge.chmod(0o755)
        words = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        command = ["munged", *(f"--{name}={self._munge / file}" for name, file in words.items())]
        subprocess.run(command, check=True, user=who.pw_uid, group=who.pw_gid, extra_groups=[], capture_output=True)


def _end(pid_file: Path, number: signal.Signals) -> None:
    """End a daemon and wait until it is gone."""
    try:
        handle = processes.handle_of(int(pid_file.read_text()))
    except (OSError, ValueError):
        return
    if handle is None:
        return
    os.kill(handle["pid"], number)
    deadline = time.monotonic() + 30
    while processes.handle_of(handle["pid"]) == handle:
        if time.monotonic() > deadline:
            os.kill(handle["pid"], signal.SIGKILL)
        time.sleep(0.05)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    """A cluster that is ready."""
    if os.getuid() != 0 or not shutil.which("slurmctld") or not shutil.which("munged"):
        pytest.skip("These tests start a Slurm: they need root, and the packages of tools/debian.")
    folder = Path(tempfile.mkdtemp(prefix="sl-"))
    # a user who is not root reads its settings and reaches munge's socket
    folder.chmod(0o755)
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
