"""The docker driver as the configuration wants it."""

from __future__ import annotations

import os
from pathlib import Path

from simyard.clock import Clock
from simyard.config import Config
from simyard.drivers.docker.announcing import Announcing
from simyard.drivers.docker.container import Limits, Room
from simyard.drivers.docker.driver import DockerDriver
from simyard.drivers.docker.host import Host
from simyard.drivers.docker.pool import Pool
from simyard.drivers.docker.relay import Relay
from simyard.drivers.site import site_of

#: A container has this much beside what its runs are allowed: the agent, and warm codes (bytes).
BESIDE_RUNS = 512 << 20


def driver(config: Config, clock: Clock) -> DockerDriver:
    """The driver of all targets of kind `docker`: they share the containers of `[docker]`."""
    settings, site, limits = config.docker, site_of(config.home), limits_of(config)

    hosts = hosts_of(config, clock)
    relays = {
        host.url: Relay(host, site, settings.image, config.container_owner, config.agent_door) for host in hosts if host.remote
    }
    pool = Pool(hosts, settings.drained, config.home / "docker.json", site)
    return DockerDriver(pool, lambda user: room_of(config, user), relays, Announcing(hosts, limits, settings.image))


def room_of(config: Config, user: str) -> Room:
    """A user's container, on a host with room for it."""
    return Room(
        site=site_of(config.home),
        user=user,
        image=config.docker.image,
        root=config.user_dir(user),
        doors=config.agent_door.parent,
        owner=config.container_owner,
        limits=limits_of(config),
        idle=config.docker.idle,
    )


def hosts_of(config: Config, clock: Clock) -> list[Host]:
    """The hosts of `[docker]`. Raises ConfigError where an address is none."""
    return [host_at(config, url, clock) for url in config.docker.hosts]


def host_at(config: Config, url: str, clock: Clock) -> Host:
    """One host, with the certificates of `[docker]`. Raises ConfigError."""
    certificates = config.docker.certificates
    return Host(url, clock, Path(certificates).expanduser() if certificates else None)


def limits_of(config: Config) -> Limits:
    """What one container may use: as `[docker]` says, or as much as the largest target of this kind."""
    settings = config.docker
    targets = [target for target in config.targets.values() if target.kind == "docker"]
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Limits(
        memory=settings.memory or max(target.memory or machine for target in targets) + BESIDE_RUNS,
        cores=settings.cores or max(target.cores or len(os.sched_getaffinity(0)) for target in targets),
        processes=settings.processes,
        open_files=settings.open_files,
        tmp=settings.tmp,
    )
