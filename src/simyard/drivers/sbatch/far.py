"""Runs on the login node, by the Python that was found there, and comes over standard input: `python -I - VERB WORDS…`.

    doors SITE            a private folder for sockets on the node's own disk; sockets that nobody listens at are removed from it
    point FOLDER DOOR NAME   the stable name DOOR in FOLDER leads to the socket NAME
    root FOLDER FILE…     FOLDER is there, private, and can be written to; what the FILES are
    sweep FOLDER COUNT    of the agents' files in FOLDER the COUNT newest stay

Prints a line that begins with MARK: {"error": …} or what was found, as JSON. Python 3.9 and its standard library only.
"""

import errno
import hashlib
import json
import os
import socket
import stat
import sys
from typing import Any

MARK = "simyard: "
#: Where a machine has room of its own. Not $TMPDIR: that may be another one at each login.
PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - the folder in it is checked
_FULL = (errno.ENOSPC, errno.EDQUOT)


def doors(site: str) -> dict[str, Any]:
    why = ""
    for place in PLACES:
        folder = os.path.join(place, f"simyard-{os.getuid()}-{site}")
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass
        except OSError as error:
            why = f"{folder} cannot be made ({error.strerror})"
            continue
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            why = f"{folder} is there, and is not yours"
            continue
        os.chmod(folder, 0o700)
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if stat.S_ISSOCK(os.lstat(path).st_mode) and not _answers(path):
                os.unlink(path)
        return {"folder": folder}
    return {"error": f"There is no place for a socket: {why}."}


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(2.0)
        try:
            one.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def point(folder: str, door: str, name: str) -> dict[str, Any]:
    beside = os.path.join(folder, f".{name}")
    os.symlink(name, beside)
    os.replace(beside, os.path.join(folder, door))
    return {"path": os.path.join(folder, door)}


def root(folder: str, *files: str) -> dict[str, Any]:
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        probe = os.path.join(folder, f".probe-{os.getpid()}")
        try:
            with open(probe, "wb") as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
        finally:
            if os.path.lexists(probe):
                os.unlink(probe)
    except OSError as error:
        if error.errno in _FULL:
            return {"error": f"{folder} cannot be written to: {error.strerror}.", "full": True}
        return {"error": f"{folder} cannot be written to: {error.strerror or error}."}
    had = os.statvfs(folder)
    return {"free": had.f_bavail * had.f_frsize, "files": {name: _sha(os.path.join(folder, name)) for name in files}}


def _sha(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def sweep(folder: str, count: str) -> dict[str, Any]:
    found = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("agent-") and name.endswith(".pyz")]
    old = sorted(found, key=os.path.getmtime, reverse=True)[int(count) :]
    for path in old:
        os.unlink(path)
    return {"removed": len(old)}


VERBS: dict[str, Any] = {"doors": doors, "point": point, "root": root, "sweep": sweep}


def main(words: list[str]) -> None:
    os.umask(0o077)
    try:
        said = VERBS[words[0]](*words[1:])
    except OSError as error:
        said = {"error": f"{error.filename or 'a file'}: {error.strerror or error}."}
    sys.stdout.write(f"\n{MARK}{json.dumps(said)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
