"""Where the runs of the system tests go: the same tests are for each target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from simyard import alive, processes
from simyard.drivers.site import site_of
from tests.docker_engine import IMAGE, Engine
from tests.slurm_site import Site

SIMYARD = Path(sys.executable).parent / "simyard"

_DOCKER = pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(600)])
_SLURM = pytest.param("slurm", marks=[pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)])

#: Marks a file's tests (or one) as being for each target; their Simyard runs there what nobody sends anywhere else.
on_each_target = pytest.mark.parametrize("target", ["local", _DOCKER, _SLURM], indirect=True, scope="module")
#: The same, for what is about the disk on which Simyard's own home folder is: a cluster's files are elsewhere.
on_each_target_of_this_disk = pytest.mark.parametrize("target", ["local", _DOCKER], indirect=True, scope="module")


@dataclass(frozen=True)
class Target:
    """The only target that is switched on in a Simyard with these `settings` (sections of its simyard.toml). Runs are below `directory`
    where they are not in Simyard's home folder. What happens there is known `notice` seconds later, however busy
    the machine is."""

    name: str
    settings: str = ""
    directory: Path | None = None
    notice: float = 10.0

    def root(self, home: Path) -> Path:
        """The one user's folder there."""
        return self.directory / f"{site_of(home)}-me" if self.directory else home / "users" / "me"

    def agent_lock(self, home: Path) -> Path:
        """Held by the one user's agent there."""
        return self.root(home) / "agents" / self.name / "lock"

    def agent(self, home: Path) -> int:
        """The pid of the one user's agent there, as this machine numbers it; 0 for none. On a cluster it has a lease and no lock."""
        if not self.directory:
            return alive.owner(str(self.agent_lock(home)))
        try:
            process = json.loads(self.agent_lock(home).with_name("lease").read_text()).get("process")
        except (OSError, ValueError):
            return 0
        return int(process["pid"]) if process and processes.life(process) == "alive" else 0


LOCAL = Target("local")


def box(engine: Engine) -> Target:
    """Containers of that engine."""
    return Target(
        "box",
        "[targets.local]\nenabled = false\n"
        '[targets.box]\nkind = "docker"\nmemory = "1 GiB"\n'
        f'[docker]\nhosts = ["{engine.url}"]\nimage = "{IMAGE}"\n',
    )


def batch(site: Site) -> Target:
    """That cluster. Slurm is asked every second, and tells of an end when its node has told it."""
    return Target(site.name, "[targets.local]\nenabled = false\n" + site.section(), site.directory, 40.0)


def kill(pid: int) -> int:
    """Kill -9 a process, and answer with its pid. To the system 0 is not nobody but this test's own group."""
    assert pid > 0, "there is nobody to kill"
    os.kill(pid, signal.SIGKILL)
    return pid


def simyard(home: Path, *words: str | Path, status: int = 0) -> str:
    """Run a command that ends with this status; answers with all that it said."""
    done = subprocess.run(
        [SIMYARD, "--home", home, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=240
    )
    said = done.stdout + done.stderr
    assert done.returncode == status, f"simyard {' '.join(map(str, words))} ended with {done.returncode}: {said}"
    return said
