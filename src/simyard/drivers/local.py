"""The local driver: an agent is a Unix process of this machine, in a session of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from simyard.drivers.base import Driver, DriverError, Handle, Life
from simyard.protocol import launch
from simyard.protocol.launch import AgentSpec

#: An agent that is told to leave has this long (seconds), then it is killed; and this long to be gone after that.
POLITE, LIMIT = 2.0, 10.0
#: A log that is longer (bytes) is put aside when the next agent starts; one such is kept.
MAX_LOG = 4 << 20
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
        status = process_status(child.pid)
        if status is None or status[0] == "Z":
            raise DriverError(f"The agent ended at once. Its log, {self._log(spec)}, may say why.")
        return {"pid": child.pid, "start_time": status[1], "boot": boot_id()}

    async def poll(self, handle: Handle) -> Life:
        self._reap()
        return life(handle)

    async def stop(self, handle: Handle) -> None:
        """A successful return guarantees that the process has ended; it is reaped where it was started from here."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        told: signal.Signals | None = None
        pause = 0.005
        while await self.poll(handle) is not Life.GONE:
            if life(handle) is Life.UNKNOWN:
                raise DriverError("It is not known which process is meant, so none was stopped.")
            waited = loop.time() - begun
            if waited > LIMIT:
                raise DriverError(f"Process {handle['pid']} does not end, though it was killed.")
            wanted = signal.SIGTERM if waited < POLITE else signal.SIGKILL
            if told is not wanted:
                told = wanted
                _send(handle, wanted)
            await asyncio.sleep(pause)
            pause = min(0.1, pause * 1.5)

    async def cleanup(self) -> None:
        self._reap()
        for child in self._children.values():
            # it lives on; Python need not warn that nobody waits for it
            child.returncode = 0
        self._children.clear()

    def _start(self, spec: AgentSpec) -> subprocess.Popen[bytes]:
        path = self._log(spec)
        try:
            self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.makedirs(spec.root, mode=0o700, exist_ok=True)
            if path.exists() and path.stat().st_size > MAX_LOG:
                path.replace(path.with_suffix(".log.1"))
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
                child = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=spec.root,
                    env=dict(spec.environment), start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise DriverError(f"The agent could not be started: {error}.") from None
        try:
            assert child.stdin is not None
            with child.stdin as pipe:
                pipe.write(launch.to_line(spec).encode())
        except OSError as error:
            child.kill()
            child.wait()
            raise DriverError(f"The agent ended at once ({error.strerror}). Its log, {path}, may say why.") from None
        return child

    def _log(self, spec: AgentSpec) -> Path:
        return self._logs / f"{spec.user}-{spec.target}.log"

    def _reap(self) -> None:
        """Without blocking, and only children of this driver."""
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[pid]


def life(handle: Handle) -> Life:
    """What /proc says of the process in a handle. Its start time tells it from a later one with the same pid."""
    pid, start_time, boot = handle.get("pid"), handle.get("start_time"), handle.get("boot")
    if type(pid) is not int or type(start_time) is not int or pid <= 1:
        return Life.UNKNOWN
    if boot != boot_id():
        return Life.GONE
    try:
        status = process_status(pid)
    except OSError:
        return Life.UNKNOWN
    return Life.ALIVE if status is not None and status[1] == start_time and status[0] not in {"Z", "X"} else Life.GONE


def process_status(pid: int) -> tuple[str, int] | None:
    """A process's state letter and start time (clock ticks since boot), from /proc/PID/stat; None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # the name before it may hold anything, brackets included
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _send(handle: Handle, number: signal.Signals) -> None:
    """Signal the process of a handle, and never another one: the handle is checked while the process is held."""
    try:
        held = os.pidfd_open(cast("Any", handle["pid"]))
    except ProcessLookupError:
        return
    try:
        if life(handle) is Life.ALIVE:
            signal.pidfd_send_signal(held, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(held)
