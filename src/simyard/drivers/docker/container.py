"""What a user's container is: its name, its labels, and all that it may and may not do, as Docker's API wants to hear it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simyard.drivers.docker.layout import RUN_AGENT

#: By these a supervisor that was started again finds its containers.
SITE, USER = "simyard.site", "simyard.user"
#: What it was made as (`Room.made`).
MADE = "simyard.made"
#: So many files fit below /tmp.
_TMP_FILES = 65536
#: What every container of ours has to do without; seccomp is the engine's own.
CONFINED: Mapping[str, Any] = {
    "Init": True,
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges"],
    "NetworkMode": "none",
    "IpcMode": "private",
    "RestartPolicy": {"Name": "no"},
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What all of a user's runs and agents together may use on one host: bytes, cores, numbers of processes and open files.
    `tmp` (bytes) is the room below /tmp, which is memory."""

    memory: int
    cores: float
    processes: int
    open_files: int
    tmp: int


@dataclass(frozen=True, kw_only=True)
class Room:
    """A user's container. `site` tells the containers of one Simyard from another's; `root` is the user's folder, `doors`
    the folder of the agents' socket, both at the same path inside; `owner` the numeric user and group of everything inside;
    `volume` what is to be there instead of `doors`, on another machine (see relay)."""

    site: str
    user: str
    image: str
    root: Path
    doors: Path
    owner: tuple[int, int]
    limits: Limits
    idle: float
    volume: str = ""

    @property
    def name(self) -> str:
        """Fixed, so that there can only be one."""
        return f"simyard-{self.site}-{self.user}"

    @property
    def made(self) -> str:
        """Another one whenever anything is wanted otherwise: by it a container is known that was made for other settings."""
        return hashlib.sha256(json.dumps(self._as_wanted(), sort_keys=True).encode()).hexdigest()[:12]

    def as_docker_says(self) -> dict[str, Any]:
        """The body of `POST /containers/create`."""
        wanted = self._as_wanted()
        return {**wanted, "Labels": {**wanted["Labels"], MADE: self.made}}

    def _as_wanted(self) -> dict[str, Any]:
        limits = self.limits
        uid, gid = self.owner
        return {
            "Image": self.image,
            "User": f"{uid}:{gid}",
            "Labels": {SITE: self.site, USER: self.user},
            # it ends by itself once nobody has needed it for so long; what it holds is in the user's folder
            "Cmd": [*RUN_AGENT, "rest", f"{self.idle:g}", str(self.root)],
            "Entrypoint": [],
            "Env": [],
            "NetworkDisabled": True,
            "HostConfig": {
                **CONFINED,
                "Memory": limits.memory,
                # as much as memory: no swap on top
                "MemorySwap": limits.memory,
                "NanoCpus": int(limits.cores * 1e9),
                "PidsLimit": limits.processes,
                "Ulimits": [
                    {"Name": "nofile", "Soft": limits.open_files, "Hard": limits.open_files},
                    {"Name": "core", "Soft": 0, "Hard": 0},
                ],
                # files in memory cost the kernel's own as well: so many, and no more
                "Tmpfs": {"/tmp": f"size={limits.tmp},nr_inodes={_TMP_FILES},mode=1777,nosuid,nodev"},  # noqa: S108 - inside the container
                "ShmSize": limits.tmp,
                "Mounts": self._mounts(),
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
            },
        }

    def _mounts(self) -> list[dict[str, Any]]:
        """The user's folder is theirs to write in. Two folders are only looked at: the one with their uploaded files, which web writes
        and reads outside with rights of its own (a link that a code left there would lead it anywhere), and the one with the agents'
        door, which all users' containers share (who could put another socket there would be told everybody's secrets)."""
        door = _bind(self.doors, read_only=True)
        if self.volume:
            door = {"Type": "volume", "Source": self.volume, "Target": str(self.doors), "ReadOnly": True}
        return [_bind(self.root), _bind(self.root / "files", read_only=True), door]


def agent_in(found: Mapping[str, Any]) -> list[str]:
    """How agents are run in a container that is there (`found` is what the daemon says of it): as was so when it was made."""
    command = list(found["Config"]["Cmd"] or ())
    return command[: command.index("rest")] if "rest" in command else list(RUN_AGENT)


def _bind(path: Path, *, read_only: bool = False) -> dict[str, Any]:
    # a folder, not a socket in it: a supervisor that is started again makes a new socket there. Whoever may only read it can connect.
    return {
        "Type": "bind",
        "Source": str(path),
        "Target": str(path),
        "ReadOnly": read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }
