"""Attempts at what lies outside: other users' files, the supervisor's, the Docker socket, the network, other processes."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any


def word(call: Callable[[], Any]) -> str:
    """What became of it: "allowed", or the name of the error."""
    try:
        call()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "OSError")
    return "allowed"


def look(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Open each of `paths` for reading, list it where it is a folder, and try to write there."""
    return {
        path: [
            word(lambda path=path: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)),
            word(lambda path=path: _write(path)),
        ]
        for path in given["paths"]
    }


def _write(path: str) -> None:
    if os.path.isdir(path):
        name = os.path.join(path, "prober")
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600))
        os.unlink(name)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND))


def see(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What of the machine can be seen: users' folders, processes, network interfaces, mounts, sockets."""
    commands = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    commands.append(file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip())
            except OSError:
                continue
    with open("/proc/net/unix", encoding="ascii") as file:
        sockets = [line.split()[7] for line in file.read().splitlines()[1:] if len(line.split()) > 7]
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split()[:4] for line in file]
    return {
        "users": os.listdir(given["users"]),
        "home": os.listdir(given["home"]),
        "commands": commands,
        "interfaces": [name for _, name in socket.if_nameindex()],
        "sockets": sockets,
        "mounts": mounts,
        "host": socket.gethostname(),
        "environment": dict(os.environ),
    }


def connect(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Reach ports of this machine and others, the host's abstract sockets, and the world."""
    said = {}
    for host, port in given["addresses"]:
        said[f"{host}:{port}"] = word(lambda host=host, port=port: socket.create_connection((host, port), 2.0).close())
    for name in given["abstract"]:
        with socket.socket(socket.AF_UNIX) as one:
            said[name] = word(lambda name=name, one=one: one.connect("\0" + name))
    return said


def door(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Put something else in the place of the agents' door, which all containers share."""
    path = given["door"]
    folder = os.path.dirname(path)
    fake = socket.socket(socket.AF_UNIX)
    said = {
        "unlink": word(lambda: os.unlink(path)),
        "rename": word(lambda: os.rename(path, path + ".old")),
        "chmod": word(lambda: os.chmod(path, 0)),
        "bind": word(lambda: fake.bind(os.path.join(folder, "fake.sock"))),
        "link": word(lambda: os.link(path, os.path.join(run.dir, "door"))),
        "symlink": word(lambda: os.symlink("/tmp/x", os.path.join(folder, "x"))),
        "replace": word(lambda: os.rename(_socket_at(os.path.join(run.dir, "mine.sock")), path)),
        "chmod of the folder": word(lambda: os.chmod(folder, 0o777)),
        "rename of the folder": word(lambda: os.rename(folder, folder + ".old")),
    }
    fake.close()
    said["listed"] = ",".join(sorted(os.listdir(folder)))
    return said


def _socket_at(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
    return path


def speak(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Ask to be let in at the agents' door, by each of `words`; the statuses of the answers."""
    said = {}
    for words in given["words"]:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(10.0)
            one.connect(given["door"])
            one.sendall(
                b"GET /agent HTTP/1.1\r\nHost: supervisor\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: " + words.encode() + b"\r\n\r\n"
            )
            said[words or "nothing"] = one.recv(4096).split(b" ")[1].decode()
    return said


def crowd(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Connect to the agents' door as often as can be, say nothing, and hold on."""
    import time

    held: list[socket.socket] = []
    why = "allowed"
    for _ in range(given["connections"]):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(5.0)
        why = word(lambda one=one: one.connect(given["door"]))
        if why != "allowed":
            break
        held.append(one)
    with open("crowd", "w", encoding="ascii") as file:
        file.write(str(len(held)))
    time.sleep(given["seconds"])
    ended = 0
    for one in held:
        one.setblocking(False)
        try:
            ended += one.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            ended += 1
    return {"held": len(held), "why": why, "ended": ended}
