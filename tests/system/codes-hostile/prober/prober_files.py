"""Attempts at who reads or removes a run's files: links, FIFOs, sockets, holes, depths and crowds where plain files are expected."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from prober_reach import word


def _replace(path: str, make: Any) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    make(path)


def _socket(path: str) -> None:
    # a socket's path has 107 bytes: by a short way
    here = os.open(os.path.dirname(path), os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{here}/{os.path.basename(path)}")
    os.close(here)


KINDS: dict[str, Any] = {"fifo": os.mkfifo, "socket": _socket, "folder": os.mkdir}


def foul(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Leave every kind of thing that is no plain file among the results."""
    secret, top = given["secret"], given["users"]
    os.symlink(secret, "link.txt")
    os.symlink(top, "users")
    os.symlink("..", "up")
    os.symlink("/proc/self/environ", "environ.txt")
    os.symlink("/", "root")
    os.symlink("loop", "loop")
    os.mkdir("real")
    os.symlink("../../../../../../secret", "real/relative.txt")
    os.mkfifo("pipe.csv")
    _socket(os.path.join(run.dir, "socket.csv"))
    os.makedirs("deep/" * 40)
    with open("hole.bin", "wb") as file:
        file.truncate(1 << 42)
    with open("real/plain.txt", "w", encoding="ascii") as file:
        file.write("plain")
    os.link("real/plain.txt", "hard.txt")
    os.open(b"\xff\xfe bad name \n.txt", os.O_CREAT | os.O_WRONLY)
    with open("closed.txt", "w", encoding="ascii") as file:
        file.write("closed")
    os.chmod("closed.txt", 0)
    os.mkdir("closed", 0o700)
    os.chmod("closed", 0)
    return {"hard link to a file outside": word(lambda: os.link("/etc/passwd", "passwd"))}


def own(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Replace one of the files of the run directory itself (`name`) by a link to `secret`, a FIFO, a socket or a folder (`kind`); then
    end, or be killed with the job cmd (`die`)."""
    path = os.path.join(run.run_dir, given["name"])
    if given["kind"] == "hole":
        _replace(path, _hole)
    elif given["kind"] == "link":
        _replace(path, lambda path: os.symlink(given["secret"], path))
    else:
        _replace(path, KINDS[given["kind"]])
    if given.get("die"):
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    return {}


def _hole(path: str) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 42)


def burrow(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Folders within folders, deeper than any path may be long; each closed to its owner."""
    for _ in range(given["deep"]):
        os.mkdir("d", 0o700)
        os.chdir("d")
    with open("bottom.txt", "w", encoding="ascii") as file:
        file.write("bottom")
    os.chdir(run.dir)
    os.chmod("d", 0)
    return {}


def crowded(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """More names than anybody wants to list: empty folders, which no limit of files counts."""
    for number in range(given["folders"]):
        os.mkdir(f"{number:06d}")
    return {}


def forge(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Write into the record of another run, `run`, of the same user: that it has ended well."""
    import json
    import time

    directory = os.path.join(os.path.dirname(run.run_dir), given["run"])
    path = os.path.join(directory, "events.jsonl")
    with open(path, "rb") as file:
        count = file.read().count(b"\n")
    event = {
        "n": count + 1,
        "at": time.time(),
        "event": "final",
        "data": {"state": "completed", "reason": "forged", "results": {"forged": 1}},
    }
    with open(path, "ab") as file:
        file.write(json.dumps(event).encode() + b"\n")
    return {"lines": count}


def litter(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Put what misleads into the agent's own folder: links, and markers of runs that are not."""
    folder, said = given["agents"], {}
    said["listed"] = sorted(os.listdir(folder))
    said["library"] = word(lambda: os.symlink("/etc", os.path.join(given["files"], "ab")))
    said["library's folder"] = word(lambda: os.rename(given["files"], given["files"] + ".old"))
    said["library's mode"] = word(lambda: os.chmod(given["files"], 0o777))
    with open(os.path.join(folder, "active", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), "w", encoding="ascii") as file:
        file.write('{"run": "01ARZ3NDEKTSV4RRFFQ69G5FAV"')
    return said
