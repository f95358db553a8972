"""Who is alive in a home folder, and how each of them is ended. Standard library only, and little of that (see `up`).

HOME/up.lock    a POSIX record lock on it is held for as long as the keeper lives (`owner` says by whom)
HOME/up.state   who runs and where, one `name value …` a line: url, ready, and the pid and start time of each process
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import time

STATE = "up.state"
LOCK = "up.lock"
#: Where web is a service of its own (`simyard serve web`): it holds the lock on this, and its address is in it.
WEB_LOCK = "web.lock"
SUPERVISOR_LOCK = "supervisor.lock"
#: Seconds to end by itself after SIGTERM: more than each needs on a busy machine. The keeper ends the others.
PATIENCE = {"keeper": 75.0, "web": 10.0, "supervisor": 30.0, "agent": 10.0}

_FLOCK = "hhqqih"  # struct flock of Linux: type, whence, start, length, pid, padding


def state(home: str) -> dict[str, list[str]]:
    """What the keeper has written down: name → values; empty where nothing was."""
    try:
        with open(os.path.join(home, STATE), encoding="utf-8") as file:
            return {words[0]: words[1:] for line in file if (words := line.split())}
    except OSError:
        return {}


def write_state(home: str, lines: list[str]) -> None:
    """Write down who runs and where; whole, or not at all."""
    path = os.path.join(home, STATE)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(path + ".new", path)


def forget_state(home: str) -> None:
    """Nobody runs here any more."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(home, STATE))


def lock(home: str) -> int:
    """Take the home folder; the descriptor that holds it, or -1 where another keeper has it."""
    return hold(os.path.join(home, LOCK))


def hold(path: str) -> int:
    """Take the record lock on a file, which is made where it is missing; the descriptor that holds it, or -1 where another process does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return -1
    return fd


def owner(path: str) -> int:
    """The pid of the process that holds the record lock on `path`; 0 where nobody does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0, 0)
        kind, _, _, _, pid, _ = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    finally:
        os.close(fd)
    return 0 if kind == fcntl.F_UNLCK else int(pid)


def keeper(home: str) -> int:
    """The pid of the keeper of this home folder; 0 where Simyard is not up."""
    return owner(os.path.join(home, LOCK))


def up(home: str) -> dict[str, list[str]]:
    """What the keeper that is there has written down; empty where there is none, or it has written nothing yet."""
    known, pid = state(home), keeper(home)
    # what a keeper that was killed has left says nothing of the one that has just begun
    return known if pid and known.get("keeper", [""])[0] == str(pid) else {}


def services(home: str) -> dict[str, int]:
    """Where web is a service of its own: it and the supervisor, each with its pid."""
    if not served(home):
        return {}
    pids = {name: owner(os.path.join(home, lock)) for name, lock in (("web", WEB_LOCK), ("supervisor", SUPERVISOR_LOCK))}
    return {name: pid for name, pid in pids.items() if pid}


def serve(home: str, url: str) -> int:
    """Say that web is a service of this home folder, at that address; the descriptor that says so for as long as it is open, or
    -1 where another process is."""
    fd = hold(os.path.join(home, WEB_LOCK))
    if fd >= 0:
        os.ftruncate(fd, 0)
        os.pwrite(fd, url.encode() + b"\n", 0)
    return fd


def served(home: str) -> str:
    """The address of the web that is a service of this home folder; "" where there is none."""
    if not owner(os.path.join(home, WEB_LOCK)):
        return ""
    with open(os.path.join(home, WEB_LOCK), encoding="utf-8") as file:
        return file.read().strip()


def start_time(pid: int) -> str:
    """When a process started, in the kernel's ticks: with the pid it names one process for ever. "" where there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if fields[0] not in {"Z", "X"} else ""


def kill(pid: int, number: int) -> bool:
    """Send a signal; whether there was anybody to take it."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(pid: int, patience: float) -> None:
    """SIGTERM to one process, and SIGKILL to its group when it has not ended in time; returns when it is gone."""
    began = start_time(pid)
    kill(pid, signal.SIGTERM)
    limit = time.monotonic() + patience
    while began and start_time(pid) == began:
        if time.monotonic() > limit:
            kill(-pid, signal.SIGKILL)
            kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    kill(-pid, signal.SIGKILL)


def agents(home: str) -> dict[str, int]:
    """The agent folders of all users and targets, each with the number of runs that are under way there."""
    found = {}
    users = os.path.join(home, "users")
    for user in _listing(users):
        for target in _listing(os.path.join(users, user, "agents")):
            folder = os.path.join(users, user, "agents", target)
            found[folder] = len(_listing(os.path.join(folder, "active")))
    return found


def stop_idle_agents(home: str) -> int:
    """End the agents that follow no run; answers with the number of runs that go on."""
    going = 0
    for folder, runs in agents(home).items():
        pid = owner(os.path.join(folder, "lock"))
        if runs == 0 and pid:
            end(pid, PATIENCE["agent"])
        going += runs
    return going


def await_idle_agents(home: str, patience: float) -> bool:
    """Return when none of the agents that live follows a run any more: one that is over is so for its agent a moment after it is for
    everybody else. False where that takes longer than `patience` (seconds)."""
    limit = time.monotonic() + patience
    while any(runs and owner(os.path.join(folder, "lock")) for folder, runs in agents(home).items()):
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def dismiss_far_agents(home: str) -> None:
    """Have the supervisor, when it ends, tell the idle agents on clusters to leave: nobody here can end them."""
    pid, began = (*state(home).get("supervisor", ()), "", "")[:2]
    if pid.isdigit() and began and start_time(int(pid)) == began:
        kill(int(pid), signal.SIGUSR2)


def stop_left_over(home: str) -> None:
    """End the web and the supervisor of a keeper that was killed: two of either would be one too many."""
    for name, values in state(home).items():
        if name in {"web", "supervisor"} and len(values) == 2 and start_time(int(values[0])) == values[1]:
            end(int(values[0]), PATIENCE[name])


def tail(path: str, lines: int = 15) -> str:
    """The last lines of a log."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 8192))
            return b"\n".join(file.read().splitlines()[-lines:]).decode("utf-8", "replace")
    except OSError:
        return "(there is no log)"


def _listing(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
