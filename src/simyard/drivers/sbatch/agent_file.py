"""The one file that is the agent: built once for each version, kept in the home folder, put on login nodes where they have another."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from simyard import contents
from simyard.drivers.base import DriverError
from simyard.drivers.sbatch.node import Node, Unfit, ask_far

#: Building it may take so long (seconds).
BUILD_LIMIT = 300.0
#: Copying it may take so long over a slow line (seconds).
COPY_LIMIT = 600.0
#: Older ones stay beside it: an agent that still runs reads its file now and then.
KEPT = "3"


@dataclass(frozen=True)
class AgentFile:
    """Where it is here, the SHA-256 of its bytes, and what it is called there."""

    path: Path
    sha: str

    @property
    def name(self) -> str:
        return f"agent-{self.sha[:12]}.pyz"


class Builder:
    """Builds it in `folder` when it is first wanted. One build for all who wait, which goes on when they give up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._building: asyncio.Task[AgentFile] | None = None

    async def file(self) -> AgentFile:
        """Raises DriverError where it cannot be built."""
        task = self._building
        if task is None or (
            task.done() and (task.cancelled() or task.exception() is not None or not task.result().path.exists())
        ):
            task = self._building = asyncio.create_task(asyncio.to_thread(self._make), name="build the agent for clusters")
        return await asyncio.shield(task)

    def _make(self) -> AgentFile:
        path = self._folder / f"agent-{contents.on_disk()}.pyz"
        if not path.exists():
            command = (sys.executable, "-P", "-m", "simyard.agent.pyz", str(path))
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=BUILD_LIMIT)
                words = done.stderr.decode("utf-8", "replace").strip()[-500:] if done.returncode else ""
            except (OSError, subprocess.TimeoutExpired) as error:
                words = str(error)
            if words or not path.exists():
                raise DriverError(
                    f"The agent for clusters could not be made. It needs tornado from the package index; "
                    f"`{' '.join(command)}` shows what is wrong: {words}"
                )
        return AgentFile(path, hashlib.sha256(path.read_bytes()).hexdigest())


async def put(connection: asyncssh.SSHClientConnection, node: Node, root: str, file: AgentFile) -> str:
    """The file is in the folder `root` there, which is made, and is the right one by its hash; its path. Raises DriverError."""
    said = await ask_far(connection, node, "root", root, file.name)
    path = f"{root}/{file.name}"
    if said.get("files", {}).get(file.name) == file.sha:
        return path
    beside = f"{path}.{os.urandom(4).hex()}"
    try:
        async with asyncio.timeout(COPY_LIMIT), connection.start_sftp_client() as sftp:
            try:
                await sftp.put(str(file.path), beside)
                await sftp.chmod(beside, 0o700)
                await sftp.posix_rename(beside, path)
            except asyncssh.SFTPError:
                await _remove(sftp, beside)
                raise
    except TimeoutError:
        raise DriverError(f"The agent could not be copied to {node.name} within {COPY_LIMIT:.0f} s.") from None
    except asyncssh.SFTPError as error:
        raise Unfit(
            f"The agent could not be copied to {path} on {node.name}: {error.reason}. "
            "Is there room, and is the quota not used up? Make room there, and try again."
        ) from None
    except (asyncssh.Error, OSError) as error:
        raise DriverError(f"The agent could not be copied to {node.name} by sftp: {error}.") from None
    said = await ask_far(connection, node, "root", root, file.name)
    if said.get("files", {}).get(file.name) != file.sha:
        raise Unfit(f"The agent did not arrive as it was at {path} on {node.name}. Is the disk full, or the quota used up?")
    await ask_far(connection, node, "sweep", root, KEPT)
    return path


async def _remove(sftp: asyncssh.SFTPClient, path: str) -> None:
    try:
        await sftp.remove(path)
    except asyncssh.SFTPError:
        pass  # it was never made
