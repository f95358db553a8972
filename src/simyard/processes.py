"""A process that outlives who started it, as a handle of plain data: started, told from a later one with the same number, signalled."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: {"pid", "start_time" in clock ticks since boot, "boot"}: names one process of one machine for ever.
Handle = dict[str, Any]
ALIVE, GONE, UNKNOWN = "alive", "gone", "unknown"
#: A log that is longer (bytes) is put aside when the next process starts that writes it; one such is kept.
MAX_LOG = 4 << 20
#: A process that is told to leave has this long (seconds), then it is killed; and this long to be gone after that.
POLITE, LIMIT = 2.0, 10.0


class NotStopped(RuntimeError):
    """The process still runs, or it is not known which one is meant. The words are for the user."""


class NotStarted(RuntimeError):
    """The process could not be started, or ended at once: nothing is left that runs. The words are for the user."""


def spawn(command: Sequence[str], line: bytes, log: Path, cwd: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log`, and hand it `line` on its standard input.
    Raises NotStarted."""
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.makedirs(cwd, mode=0o700, exist_ok=True)
        if os.path.lexists(log) and not (stat.S_ISREG(log.lstat().st_mode) and log.lstat().st_size <= MAX_LOG):
            # too long, or what a code has put in its place: a FIFO must not be waited for
            log.replace(log.with_suffix(".log.1"))
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600), "wb") as out:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=cwd, env=dict(environment), start_new_session=True
            )
    except OSError as error:
        raise NotStarted(f"The agent could not be started: {error}.") from None
    try:
        assert child.stdin is not None
        with child.stdin as pipe:
            pipe.write(line)
    except OSError as error:
        child.kill()
        child.wait()
        raise NotStarted(f"The agent ended at once ({error.strerror}). Its log, {log}, may say why.") from None
    return child


def handle_of(pid: int) -> Handle | None:
    """The handle of a process that lives; None where there is none, or it has ended and was not reaped yet."""
    status = status_of(pid)
    if status is None or status[0] in {"Z", "X"}:
        return None
    return {"pid": pid, "start_time": status[1], "boot": boot_id()}


def life(handle: Handle) -> str:
    """ALIVE or GONE, as /proc has it; UNKNOWN for what is no handle, or where /proc cannot be read."""
    pid, start_time, boot = handle.get("pid"), handle.get("start_time"), handle.get("boot")
    if type(pid) is not int or type(start_time) is not int or pid <= 1:
        return UNKNOWN
    if boot != boot_id():
        return GONE
    try:
        status = status_of(pid)
    except OSError:
        return UNKNOWN
    return ALIVE if status is not None and status[1] == start_time and status[0] not in {"Z", "X"} else GONE


def status_of(pid: int) -> tuple[str, int] | None:
    """A process's state letter and start time (clock ticks since boot), from /proc/PID/stat; None where there is none. A zombie has
    ended: not one of its threads is left."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # the name before it may hold anything, brackets included
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # of a process that is ending, the first thread may be dead before the others: it cannot be reaped yet, and still holds its files
    ended = fields[0] != "Z" or int(fields[17]) <= 1
    return fields[0] if ended else "R", int(fields[19])


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def send(handle: Handle, number: signal.Signals) -> None:
    """Signal the process of a handle, and never another one: the handle is checked while the process is held."""
    try:
        held = os.pidfd_open(handle["pid"])
    except ProcessLookupError:
        return
    try:
        if life(handle) == ALIVE:
            signal.pidfd_send_signal(held, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(held)


def stop(handle: Handle) -> None:
    """Once this returns the process of the handle has ended, by force if it did not leave. Blocking, for LIMIT at most.
    Raises NotStopped."""
    begun, pause = time.monotonic(), 0.005
    told = None
    while True:
        found = life(handle)
        if found == GONE:
            return
        if found == UNKNOWN:
            raise NotStopped("It is not known which process is meant, so none was stopped.")
        waited = time.monotonic() - begun
        if waited > LIMIT:
            raise NotStopped(f"Process {handle['pid']} does not end, though it was killed.")
        wanted = signal.SIGTERM if waited < POLITE else signal.SIGKILL
        if told is not wanted:
            told = wanted
            send(handle, wanted)
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)
