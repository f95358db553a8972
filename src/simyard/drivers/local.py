"""The local driver: an agent is a Unix process of this machine, in a session of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from simyard import contents, processes
from simyard.drivers.base import Driver, DriverError, Handle, Life
from simyard.protocol import launch
from simyard.protocol.launch import AgentSpec

#: -P: the working folder, which codes can write to, is no place to import from.
COMMAND = (sys.executable, "-P", "-m", "simyard.agent")


class LocalDriver(Driver):
    """`logs` is the folder of the agents' logs: USER-TARGET.log, and .1 for what was before it; `command` is the agent's."""

    def __init__(self, logs: Path, command: Sequence[str] = COMMAND) -> None:
        self._logs = logs
        self._command = tuple(command)
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    async def start(self, spec: AgentSpec) -> Handle:
        child = await asyncio.to_thread(self._start, spec)
        self._reap()
        self._children[child.pid] = child
        handle = processes.handle_of(child.pid)
        if handle is None:
            raise DriverError(f"The agent ended at once. Its log, {self._log(spec)}, may say why.")
        return handle

    async def poll(self, handle: Handle) -> Life:
        self._reap()
        return Life(processes.life(handle))

    async def outdated(self, handle: Handle, version: str) -> bool:
        """One of an earlier Simyard that went on when that was replaced. What has been installed since this one was started is
        not its business: it is to be started again itself first."""
        if version == contents.VERSION:
            return False
        return await asyncio.to_thread(contents.on_disk) == contents.VERSION

    async def stop(self, handle: Handle) -> None:
        """A successful return guarantees that the process has ended; it is reaped where it was started from here."""
        try:
            await asyncio.to_thread(processes.stop, handle)
        except processes.NotStopped as error:
            raise DriverError(str(error)) from None
        finally:
            self._reap()

    async def cleanup(self) -> None:
        self._reap()
        for child in self._children.values():
            # it lives on; Python need not warn that nobody waits for it
            child.returncode = 0
        self._children.clear()

    def _start(self, spec: AgentSpec) -> subprocess.Popen[bytes]:
        try:
            return processes.spawn(self._command, launch.to_line(spec).encode(), self._log(spec), spec.root, spec.environment)
        except processes.NotStarted as error:
            raise DriverError(str(error)) from None

    def _log(self, spec: AgentSpec) -> Path:
        return self._logs / f"{spec.user}-{spec.target}.log"

    def _reap(self) -> None:
        """Without blocking, and only children of this driver."""
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[pid]
