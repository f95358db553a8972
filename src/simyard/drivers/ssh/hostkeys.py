"""Host keys: those that OpenSSH's own files know, and those that somebody accepted here; a changed one is never taken."""

from __future__ import annotations

import enum
import os
from collections.abc import Sequence
from pathlib import Path

import asyncssh

#: Where OpenSSH keeps what it knows.
OPENSSH = (Path("/etc/ssh/ssh_known_hosts"), Path("~/.ssh/known_hosts"), Path("~/.ssh/known_hosts2"))
_SSH_PORT = 22


class Word(enum.Enum):
    """What is known of a key that a host has shown."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"


class HostKeys:
    """`own` is the file of keys that were accepted here; `others` are read, and never written."""

    def __init__(self, own: Path, others: Sequence[Path] = OPENSSH) -> None:
        self.own, self._others = own, tuple(path.expanduser() for path in others)

    def beside(self, others: Sequence[Path]) -> HostKeys:
        """The same, with these files read as well."""
        return HostKeys(self.own, (*self._others, *others))

    def known(self) -> asyncssh.SSHKnownHosts:
        """All of them, as asyncssh wants to have them. Lines that cannot be read are left out."""
        lines = []
        for path in (*self._others, self.own):
            try:
                lines += path.read_text("utf-8", "replace").splitlines()
            except OSError:
                continue
        return asyncssh.import_known_hosts("\n".join(line for line in lines if _is_sound(line)))

    def word(self, host: str, address: str, port: int, key: asyncssh.SSHKey) -> Word:
        """KNOWN, or UNKNOWN where nothing is known of this host; else CHANGED: somebody may be in between. A revoked key is CHANGED."""
        trusted, authorities, revoked, *_ = self.known().match(host, address, port)
        if key in revoked:
            return Word.CHANGED
        if key in trusted:
            return Word.KNOWN
        return Word.CHANGED if trusted or authorities else Word.UNKNOWN

    def accept(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """From now on this is the host's key."""
        name = host if port == _SSH_PORT else f"[{host}]:{port}"
        self.own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(self.own, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(f"{name} ".encode() + key.export_public_key().strip() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _is_sound(line: str) -> bool:
    try:
        asyncssh.import_known_hosts(line)
    except ValueError:
        return False
    return True
