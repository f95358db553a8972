"""A world whose one place is a cluster: its login stands as the test says, and its agents tell what Slurm does."""

from __future__ import annotations

from typing import Any

from simyard.drivers.base import Login
from simyard.protocol import agents as talk
from simyard.protocol.jobs import Remote, Run
from simyard.supervisor import clusters
from simyard.supervisor.core import CLUSTER_START_LIMIT, ENDLESS, Core
from tests.unit.supervisor.reactor_world import Process, World


class ClusterWorld(World):
    """`login` is how every user's login stands; None: not needed."""

    def __init__(self, login: Login | None = None, **limits: Any) -> None:
        self.login = login
        super().__init__(kind="sbatch", **limits)

    def new_core(self) -> Core:
        core = super().new_core()
        place = core.places["local"]
        place.cores = place.memory = ENDLESS
        place.start_limit = CLUSTER_START_LIMIT
        place.login = lambda _user: self.login
        return core

    def note(self, process: Process, run: Run, **remote: Any) -> None:
        """The agent tells what Slurm says of a run."""
        message = talk.RunNote(run=run.id, epoch=remote.pop("epoch", self.stored[run.id].epoch), remote=Remote(**remote))
        clusters.on_run_note(self.core, self.out, process.id, message, self.now)
        self.perform()

    def log_in(self, user: str = "ann") -> None:
        """The user has taken a step of the login, after which it stands as `login` says."""
        clusters.on_login(self.core, self.out, (user, "local"), arrives=True, now=self.now)
        self.perform()
