"""The folder of a code from its archive: whole or not at all. Blocking."""

from __future__ import annotations

import os
import shutil
import tarfile

from simyard.agent.preparing import confined
from simyard.errors import ProtocolError


def unpack(archive: str, folder: str, mark: str) -> None:
    """Make `folder` of what is in the archive; `mark` tells apart those who might do so at the same time. One that is there already
    stays. Raises OSError, or ProtocolError for an archive that holds anything but plain files within the folder."""
    parent, name = os.path.split(folder)
    making = os.path.join(parent, f".{name}.{mark}.making")
    os.makedirs(parent, mode=0o700, exist_ok=True)
    shutil.rmtree(making, ignore_errors=True)
    os.mkdir(making, 0o700)
    try:
        try:
            _fill(archive, making)
        except (tarfile.TarError, EOFError) as error:
            raise ProtocolError("malformed", f"The code's archive cannot be read: {error}") from None
        try:
            os.rename(making, folder)
        except OSError:
            if not os.path.isdir(folder):
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _fill(archive: str, making: str) -> None:
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = os.path.join(making, confined(member.name))
            inside = tar.extractfile(member) if member.isreg() else None
            if inside is None:
                raise ProtocolError("malformed", f"{member.name[:100]!r} in the code's archive is not a plain file.")
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            mode = 0o700 if member.mode & 0o100 else 0o600
            with inside, open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
                shutil.copyfileobj(inside, file, 1 << 20)
