"""The sbatch drivers as the configuration wants them: one for each cluster."""

from __future__ import annotations

import logging

from simyard.clock import Clock
from simyard.config import Config
from simyard.drivers.sbatch.agent_file import Builder
from simyard.drivers.sbatch.driver import SbatchDriver
from simyard.drivers.site import site_of
from simyard.drivers.ssh.hostkeys import HostKeys


def drivers(config: Config, clock: Clock) -> dict[str, SbatchDriver]:
    """By Config.driver of their targets."""
    # it tells each connection and channel otherwise
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    keys, builder = HostKeys(config.known_hosts), Builder(config.home / "agent")
    return {
        config.driver(name): SbatchDriver(
            name, cluster, site=site_of(config.home), door=config.agent_door, keys=keys, builder=builder, clock=clock
        )
        for name, cluster in config.clusters.items()
    }
