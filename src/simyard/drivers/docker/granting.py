"""What a Docker host can grant of all that containers are asked to have and not to have; what it cannot is said, never left out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiodocker

from simyard.contents import VERSION
from simyard.drivers.base import DriverError
from simyard.drivers.docker import image as images
from simyard.drivers.docker import trial
from simyard.drivers.docker.container import Limits, Room
from simyard.drivers.docker.host import NOT_FOUND, Host

#: A host is asked for so long (seconds).
LIMIT = 10.0
GOOD, MISSING, BAD = "good", "missing", "bad"


@dataclass(frozen=True)
class Grant:
    """One thing that was asked for: `state` is good, missing (it works without, but not as asked), or bad (it does not work, or
    is not safe)."""

    what: str
    state: str
    detail: str


async def ask(host: Host, limits: Limits, image: str, room: Room | None = None) -> list[Grant]:
    """All that a host grants and does not; with `room`, a container like it is tried out where the image is there. Raises nothing: a
    host that does not answer is one bad finding."""
    try:
        async with host.asked(LIMIT, anew=True) as docker:
            info = await docker.system.info()
            labels = await _labels(docker, image)
    except DriverError as error:
        return [Grant("daemon", BAD, error.detail)]
    except aiodocker.DockerError as error:
        return [Grant("daemon", BAD, f"it refuses: {error.message}")]
    grants = [*of_engine(info, limits), of_image(labels, image)]
    if room is not None and labels is not None:
        grants += await _tried(host, room)
    return grants


async def _tried(host: Host, room: Room) -> list[Grant]:
    try:
        cores = min(room.limits.cores, await host.cores())
        room = replace(room, limits=replace(room.limits, cores=cores))
        lacking = list(trial.lacking(await trial.try_out(host, room), room))
    except DriverError as error:
        return [Grant("trial", BAD, error.detail)]
    except aiodocker.DockerError as error:
        return [Grant("trial", BAD, f"it refuses a container like users': {error.message}")]
    if lacking:
        return [Grant(f"{what}, tried out", BAD, words) for what, words in lacking]
    return [Grant("trial", GOOD, "a container there had all that was asked for")]


async def ask_all(hosts: Iterable[Host], limits: Limits, image: str, room: Room | None = None) -> dict[str, list[Grant]]:
    """The same of several, by their urls, at once; they are closed afterwards."""
    asked = list(hosts)
    try:
        answers = await asyncio.gather(*(ask(host, limits, image, room) for host in asked))
    finally:
        for host in asked:
            await host.close()
    return {host.url: answer for host, answer in zip(asked, answers, strict=True)}


def of_engine(info: Mapping[str, Any], limits: Limits) -> Iterator[Grant]:
    """Read from the answer to `GET /info`. What that does not say is taken for not granted."""
    daemon = f"version {_text(info, 'ServerVersion')}, cgroup v{_text(info, 'CgroupVersion', '1')}, {_text(info, 'Driver')}"
    if info.get("OSType") == "linux":
        yield Grant("daemon", GOOD, f"{daemon}; read-only root, no capabilities, no new privileges, numeric user")
    else:
        yield Grant("daemon", BAD, f"{daemon}: its containers are {_text(info, 'OSType')}, not Linux")
    yield _kernel(info, "memory", ["MemoryLimit"], "one user's runs could take all memory; boot with cgroup_enable=memory")
    if info.get("SwapLimit") is True:
        yield Grant("swap", GOOD, "none beyond the memory")
    else:
        yield Grant(
            "swap", MISSING, "cannot be limited: runs may swap beyond their memory; boot with swapaccount=1, or without swap"
        )
    yield _kernel(info, "cores", ["CpuCfsPeriod", "CpuCfsQuota"], "one user's runs could take all cores")
    yield _kernel(info, "processes", ["PidsLimit"], "a run could start processes until the host has no more")
    yield from _room(info, limits)
    yield _seccomp(info)
    yield _users(info)
    if info.get("InitBinary"):
        yield Grant("init", GOOD, str(info["InitBinary"]))
    else:
        yield Grant("init", BAD, "the daemon has no docker-init: install it (Debian: tini), or set init-path")
    if "null" in _in(info, "Plugins", "Network"):
        yield Grant("network", GOOD, "none")
    else:
        yield Grant("network", BAD, "the daemon cannot start a container without one")
    yield Grant(
        "disk quota", MISSING, "no engine limits a folder that is mounted: agents watch what users take (disk in [targets.NAME])"
    )
    for words in _in(info, "Warnings")[:10]:
        yield Grant("warning", MISSING, str(words)[:300])


def of_image(labels: Mapping[str, str] | None, name: str) -> Grant:
    """`labels` of the image, None where there is none of that name."""
    if labels is None:
        return Grant("image", BAD, f"{name} is not there; `simyard image build` makes it on every host")
    if images.VERSION not in labels:
        return Grant("image", BAD, f"{name} was not made by `simyard image build`")
    agent = labels.get(images.AGENT, "")
    if agent != VERSION:
        return Grant("image", MISSING, f"{name} has another version's agent ({labels[images.VERSION]}); build it again")
    return Grant("image", GOOD, f"{name}, version {labels[images.VERSION]}")


def _kernel(info: Mapping[str, Any], what: str, keys: list[str], otherwise: str) -> Grant:
    if all(info.get(key) is True for key in keys):
        return Grant(what, GOOD, "limited")
    return Grant(what, BAD, f"cannot be limited here: {otherwise}")


def _room(info: Mapping[str, Any], limits: Limits) -> Iterator[Grant]:
    cores, memory = info.get("NCPU"), info.get("MemTotal")
    if isinstance(cores, int) and limits.cores > cores:
        yield Grant(
            "cores", MISSING, f"a container is to have {limits.cores:g}, and gets the {cores} that the host has; set docker.cores"
        )
    if isinstance(memory, int) and limits.memory > memory:
        yield Grant(
            "memory",
            MISSING,
            f"a container may have {limits.memory >> 20} MiB, and the host has {memory >> 20} MiB; set docker.memory",
        )


def _seccomp(info: Mapping[str, Any]) -> Grant:
    found = [str(one) for one in _in(info, "SecurityOptions") if str(one).startswith("name=seccomp")]
    if not found:
        return Grant("seccomp", BAD, "the engine or its kernel has none: codes could use every system call")
    if "unconfined" in found[0]:
        return Grant("seccomp", BAD, "the daemon was started with seccomp-profile unconfined: codes could use every system call")
    return Grant("seccomp", GOOD, "the engine's profile")


def _users(info: Mapping[str, Any]) -> Grant:
    options = [str(one) for one in _in(info, "SecurityOptions")]
    for word in ("rootless", "userns"):
        if any(one.startswith(f"name={word}") for one in options):
            return Grant(
                "user", BAD, f"the daemon renumbers users ({word}): in its containers the users' folders belong to somebody else"
            )
    return Grant("user", GOOD, "numbers of users are the same inside and outside")


def _text(info: Mapping[str, Any], key: str, otherwise: str = "?") -> str:
    return str(info.get(key) or otherwise)[:60]


def _in(info: Mapping[str, Any], *keys: str) -> list[Any]:
    found: Any = info
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, list) else []


async def _labels(docker: aiodocker.Docker, image: str) -> Mapping[str, str] | None:
    try:
        found = await docker.images.inspect(image)
    except aiodocker.DockerError as error:
        if error.status == NOT_FOUND:
            return None
        raise
    return dict((found.get("Config") or {}).get("Labels") or {})
