"""Attempts at the agent, which runs as the same user in the same container: its memory, its files, its name, its life."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import time
from typing import Any

from prober_kernel import call
from prober_reach import word


def agents(verb: str = "") -> list[int]:
    """Pids of the agents here, or of the processes that were started with `verb`."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except (OSError, ValueError):
            continue
        if name.isdigit() and any(one.endswith(b"agent.pyz") for one in words):
            at = next(at for at, one in enumerate(words) if one.endswith(b"agent.pyz"))
            if words[at + 1 : at + 2] == [verb.encode()]:
                found.append(int(name))
    return found


def peek(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Look into the agent in each way that the kernel has."""
    (pid,) = agents()
    base, buffer = f"/proc/{pid}/", ctypes.create_string_buffer(64)
    said = {
        name: word(lambda name=name: os.close(os.open(base + name, os.O_RDONLY)))
        for name in ("mem", "environ", "maps", "auxv", "pagemap", "syscall", "stack")
    }
    said["fds"] = word(lambda: os.listdir(base + "fd"))
    said["standard input"] = word(lambda: os.close(os.open(base + "fd/0", os.O_RDONLY)))
    said["cwd"] = word(lambda: os.readlink(base + "cwd"))
    said["executable"] = word(lambda: os.close(os.open(base + "exe", os.O_RDONLY)))
    said["ptrace attach"] = call("ptrace", 16, pid, 0, 0)
    said["ptrace seize"] = call("ptrace", 0x4206, pid, 0, 0)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
    said["process_vm_readv"] = call("process_vm_readv", pid, vector, 1, vector, 1, 0)
    said["pidfd_getfd"] = call("pidfd_getfd", os.pidfd_open(pid), 0, 0)
    said["read of its interpreter"] = word(lambda: os.close(os.open("/opt/simyard/python", os.O_RDONLY)))
    return said


def papers(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Read every file of the agent's, and look for what could be a secret; and into every process for one in its environment."""
    secret = re.compile(rb"[0-9a-f]{64}")
    read, found = [], []
    for folder, _, names in os.walk(given["agents"]):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                data = file.read()
            read.append(os.path.relpath(path, given["agents"]))
            found += [path] if secret.search(data) else []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found += [f"environment of {pid}"] if secret.search(file.read()) else []
        except OSError:
            continue
    return {"read": sorted(read), "found": found}


def lurk(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Wait for a new agent to be started, and try to be faster than it: open its standard input and its memory in its first moments."""
    known = set(agents()) | set(agents("rest"))
    seen: set[int] = set()
    taken: list[str] = []
    with open("lurking", "w", encoding="ascii"):
        pass
    until = time.monotonic() + given["seconds"]
    while time.monotonic() < until and not (len(seen) >= 2 and agents()):
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) in known:
                continue
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if b"agent.pyz" not in file.read():
                        continue
            except OSError:
                continue
            seen.add(int(name))
            taken += [what for what in ("fd/0", "mem", "environ", "maps") if _opens(f"/proc/{name}/{what}")]
    return {"seen": len(seen), "taken": sorted(set(taken))}


def _opens(path: str) -> bool:
    """Whether it can be opened, and leads to something: of a process that is ending `mem` and the like can be, and hold nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return path.endswith("/fd/0") or os.read(descriptor, 1) != b""
    except OSError:
        return True  # nothing stands at the address 0 of a memory that is there
    finally:
        os.close(descriptor)


def send(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Send a signal to the agent, to init, or to whatever else is named by `pids`."""
    number = getattr(signal, given["signal"])
    pids = agents() if given["to"] == "agent" else [1] if given["to"] == "init" else agents("rest")
    said = {str(pid): word(lambda pid=pid: os.kill(pid, number)) for pid in pids}
    time.sleep(given.get("seconds", 0))
    return said


def freeze(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Stop every process by which an agent is to be started or asked about, as soon as it is there."""
    known = set(agents()) | set(agents("rest"))
    stopped: set[int] = set()
    with open("freezing", "w", encoding="ascii"):
        pass
    until = time.monotonic() + given["seconds"]
    while time.monotonic() < until and not os.path.exists("enough"):
        for pid in {*agents(), *agents("launch"), *agents("life"), *agents("stop")} - known - stopped:
            if word(lambda pid=pid: os.kill(pid, signal.SIGSTOP)) == "allowed":
                stopped.add(pid)
                with open("frozen", "w", encoding="ascii"):
                    pass
    return {"stopped": len(stopped)}
