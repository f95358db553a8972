"""The home folder as the supervisor needs it: private folders, the lock that keeps a second one out, the door's secret, sockets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from simyard.errors import Conflict, SimyardError


class Unusable(SimyardError):
    """Something in the home folder is not as it must be."""

    def __init__(self, detail: str) -> None:
        super().__init__("home-unusable", detail)


def private_folder(path: Path) -> None:
    """Make the folder, for its owner alone. One that is there must be ours (a link, or somebody else's, is refused); it
    is closed to others."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise Unusable(f"{path} is not a folder of yours. Move it away, or choose another home folder.")
        if stat.S_IMODE(found.st_mode) != 0o700:
            path.chmod(0o700)
    except OSError as error:
        raise Unusable(f"The folder {path} cannot be made: {error.strerror}.") from None


def shown_folder(path: Path, owner: tuple[int, int]) -> None:
    """Make the folder for `owner`'s eyes: what lies in it is shown inside containers, which run as that numeric user and group.
    Other users of this machine are kept out by the folder around it."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.getuid(), owner[0]}:
            raise Unusable(f"{path} is not a folder of yours. Move it away, or choose another home folder.")
        path.chmod(0o700)
        if os.getuid() == 0:
            os.chown(path, *owner)
    except OSError as error:
        raise Unusable(f"The folder {path} cannot be made: {error.strerror}.") from None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file, which names its holder; raises Conflict where another process holds it. It ends with the process."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(fd, 20).decode("ascii", "replace").strip()
            detail = f"A supervisor (process {pid or 'unknown'}) is already running in {path.parent}. Stop that one first, or choose another home folder."
            raise Conflict("already-running", detail) from None
        os.ftruncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(fd)


def secret_in(path: Path) -> str:
    """The secret in that file, which is made (0600) where it is missing, whole or not at all."""
    try:
        if not path.exists():
            fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
            fresh.rename(path)
        path.chmod(0o600)
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"The secret in {path} cannot be used: {error}. Remove the file, and a new one is made.") from None
    if len(secret) < 32:
        raise Unusable(f"{path} holds no secret. Remove the file, and a new one is made.")
    return secret


def listen_at(path: Path) -> None:
    """Make room for a socket: one that nobody answers at is removed. Raises Conflict where somebody does."""
    if not path.exists() and not path.is_symlink():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise Unusable(f"{path} is in the way: it is not a socket. Move it away.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass  # busy, or slow: somebody is there
    raise Conflict("already-running", f"Somebody answers at {path} already. Stop that supervisor first.")
