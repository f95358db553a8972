"""A container as users get one, started once to see what it really has: what an engine says that it can and what it does are two things."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import aiodocker
from aiodocker.containers import DockerContainer

from simyard.drivers.docker.container import Room
from simyard.drivers.docker.host import Host
from simyard.drivers.docker.layout import PYTHON

#: Making, running and removing it may take so long (seconds).
LIMIT = 40.0
_PAGE = 4096
#: What it looks at, under either version of control groups.
_LOOK = """
import json, os, resource
def text(*paths):
    for path in paths:
        try:
            with open("/sys/fs/cgroup/" + path) as file:
                return file.read().strip()
        except OSError:
            pass
    return ""
with open("/proc/self/status") as file:
    status = {line.split(":")[0]: line.split(":")[1].strip() for line in file}
with open("/proc/1/comm") as file:
    first = file.read().strip()
networks = []
for name in sorted(os.listdir("/sys/class/net")):
    with open("/sys/class/net/" + name + "/flags") as file:
        networks += [name] if int(file.read(), 16) & 1 and name != "lo" else []
print(json.dumps({
    "user": [os.getuid(), os.getgid()], "capabilities": status.get("CapEff", "?"), "no_new_privileges": status.get("NoNewPrivs", "0"),
    "seccomp": status.get("Seccomp", "0"), "network": networks,
    "read_only": bool(os.statvfs("/").f_flag & os.ST_RDONLY), "first": first,
    "memory": text("memory.max", "memory/memory.limit_in_bytes"),
    "swap": text("memory.swap.max"), "memory_and_swap": text("memory/memory.memsw.limit_in_bytes"),
    "processes": text("pids.max", "pids/pids.max"),
    "cores": text("cpu.max") or text("cpu/cpu.cfs_quota_us", "cpu,cpuacct/cpu.cfs_quota_us") + " "
        + text("cpu/cpu.cfs_period_us", "cpu,cpuacct/cpu.cfs_period_us"),
    "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1], "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
}))
"""


async def try_out(host: Host, room: Room) -> dict[str, Any]:
    """What a container like `room` has on that host, read from inside; {} where it said nothing that can be read. Raises Silent,
    and what the daemon refuses with."""
    wanted = room.as_docker_says()
    wanted["Cmd"] = [PYTHON, "-I", "-c", _LOOK]
    wanted["Labels"] = {"simyard.trial": room.site}
    # nobody's folders are shown to it
    wanted["HostConfig"] = {**wanted["HostConfig"], "Mounts": []}
    async with host.asked(LIMIT) as docker:
        container = await docker.containers.create(wanted, name=f"simyard-trial-{secrets.token_hex(6)}")
        try:
            await container.start()
            await container.wait()
            said = "".join(await container.log(stdout=True))
        finally:
            await _gone(container)
    with contextlib.suppress(ValueError):
        found = json.loads(said)
        if isinstance(found, dict):
            return found
    return {}


def lacking(found: Mapping[str, Any], room: Room) -> Iterator[tuple[str, str]]:
    """(what, in words) of everything that a container should have had, and had not."""
    limits = room.limits
    if not found:
        yield "trial", "a container was started, and said nothing"
        return
    for what, key, wanted in (
        ("user", "user", list(room.owner)),
        ("capabilities", "capabilities", "0" * 16),
        ("new privileges", "no_new_privileges", "1"),
        ("seccomp", "seccomp", "2"),
        ("network", "network", []),
        ("read-only root", "read_only", True),
        ("processes", "processes", str(limits.processes)),
        ("open files", "open_files", limits.open_files),
        ("core dumps", "core", 0),
    ):
        if found.get(key) != wanted:
            yield what, f"a container was to have {wanted}, and had {found.get(key)!r}"
    if _pages(found.get("memory")) != limits.memory // _PAGE:
        yield "memory", f"a container was to have {limits.memory} bytes, and had {found.get('memory')!r}"
    elif found.get("swap") != "0" and _pages(found.get("memory_and_swap")) != limits.memory // _PAGE:
        yield "swap", "a container could use swap beyond its memory"
    if abs(_cores(found.get("cores")) - limits.cores) > 0.01:
        yield "cores", f"a container was to have {limits.cores:g}, and had {found.get('cores')!r} (microseconds of each period)"
    if "init" not in str(found.get("first")):
        yield "init", f"the first process of a container was {found.get('first')!r}"


def _pages(text: Any) -> int:
    return int(text) // _PAGE if isinstance(text, str) and text.isdigit() else -1


def _cores(text: Any) -> float:
    words = str(text).split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and all(word.isdigit() and int(word) for word in words) else -1.0


async def _gone(container: DockerContainer) -> None:
    with contextlib.suppress(aiodocker.DockerError):
        await container.delete(force=True)
