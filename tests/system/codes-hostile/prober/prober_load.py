"""Attempts at using up what all share: processes, memory, disk, open files."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from prober_reach import word


def forks(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """A fork bomb: every process makes more, each in a session of its own, none heeds a TERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("bombing", "w", encoding="ascii"):
        pass
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            time.sleep(0.01)


def memory(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)) * 16)


def fill(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Fill /tmp and /dev/shm with bytes, and /tmp with names."""
    said: dict[str, Any] = {}
    for folder in ("/tmp", "/dev/shm"):
        path, size = os.path.join(folder, f"{run.id}.fill"), 0
        piece = bytes(1 << 20)
        with open(path, "wb", buffering=0) as file:
            try:
                while size < given["most"]:
                    size += file.write(piece)
                said[folder] = "allowed"
            except OSError as error:
                said[folder] = os.strerror(error.errno or 0)
        os.unlink(path)
        said[f"{folder} took"] = size
    folder, count = f"/tmp/{run.id}", 0
    os.mkdir(folder)
    while (
        count < given["names"]
        and word(lambda path=f"{folder}/{count}": os.close(os.open(path, os.O_CREAT | os.O_WRONLY))) == "allowed"
    ):
        count += 1
    said["names"] = count
    for number in range(count):
        os.unlink(f"{folder}/{number}")
    os.rmdir(folder)
    return said


def descriptors(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    held: list[int] = []
    while len(held) < given["most"] and word(lambda: held.append(os.open("/dev/null", os.O_RDONLY))) == "allowed":
        pass
    count = len(held)
    for one in held:
        os.close(one)
    return {"open": count}


def sleep(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """A run that harms nobody, for the others to be tried on."""
    until = time.monotonic() + given["seconds"]
    while time.monotonic() < until and not os.path.exists("enough"):
        run.progress(message="sleeping")
        time.sleep(0.05)
    return {"slept": 1}


def flood(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Write events into the run's own record, as fast as a disk takes them."""
    path = os.path.join(run.run_dir, "events.jsonl")
    with open(path, "rb") as file:
        number = file.read().count(b"\n")
    with open("flooding", "w", encoding="ascii"):
        pass
    until = time.monotonic() + given["seconds"]
    with open(path, "ab", buffering=0) as file:
        while time.monotonic() < until:
            piece = bytearray()
            for _ in range(2000):
                number += 1
                piece += b'{"n": %d, "at": 1.0, "event": "progress", "data": {"fraction": 0.%d}}\n' % (number, number % 10)
            file.write(piece)
    return {}


def hammer(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Connect to the agents' door again and again, and leave at once."""
    import socket

    with open("hammering", "w", encoding="ascii"):
        pass
    until, count = time.monotonic() + given["seconds"], 0
    while time.monotonic() < until and not os.path.exists("enough"):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(5.0)
            count += word(lambda one=one: one.connect(given["door"])) == "allowed"
    return {"times": count}
