"""Web's store of library files: names in the database, contents as files that are named by their SHA-256.

A content is written beside and renamed, is never changed (mode 0444), and may have several names; each user has a folder
of their own, so that a content that exists is a content that is theirs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from simyard.errors import InvalidRequest, NotFound, OutOfSpace, TooLarge, is_out_of_space
from simyard.store.engine import reading, writing
from simyard.store.simulations import FileRef
from simyard.store.web_tables import file, taken, used

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK = 256 << 10
#: A content that nothing names is kept for so long (seconds): an upload is renamed before its name is stored.
_SWEEP_AFTER = 3600.0
#: What an upload is written to before it is renamed begins with this.
#: An agent in a container may be another numeric user: it finds a content by its name. The home folder is closed to others.
_FOLDER = 0o711
_PART = ".part-"


@dataclass(frozen=True, kw_only=True)
class LibraryFile:
    """A user's file: its content, and when its name was first and last stored (seconds since the epoch)."""

    name: str
    sha256: str
    size: int
    created: float
    updated: float


def check_name(name: str) -> str:
    """`name`, if a file may be called so, in a library, a simulation, and a run's folder. Raises InvalidRequest."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > 200 or not name.isprintable() or name != name.strip():
        raise InvalidRequest(
            "invalid-name", "A file's name must be 1 to 200 bytes of printable characters, without spaces around it."
        )
    if "/" in name or "\\" in name or name.startswith((".", "-", "~")):
        raise InvalidRequest(
            "invalid-name", f"A file cannot be called {name[:60]!r}: no slashes, and none of . - ~ at its beginning."
        )
    return name


class Blobs:
    """The contents of one user's files, in one folder."""

    def __init__(self, folder: Path, sync: Callable[[int], None] = os.fsync) -> None:
        """`sync` makes what was written to a file descriptor durable; web's does so without stopping everything else."""
        self._folder = folder
        self._sync = sync

    def path(self, sha256: str) -> Path:
        """Where this content is, or would be; raises InvalidRequest for what is no SHA-256."""
        if not _SHA256.match(sha256):
            raise InvalidRequest("invalid-sha256", "A content is named by 64 hexadecimal digits in lower case.")
        return self._folder / sha256[:2] / sha256

    def find(self, sha256: str) -> FileRef:
        """The content, kept from the next sweeps; raises NotFound."""
        path = self.path(sha256)
        try:
            os.utime(path)
            return FileRef(sha256=sha256, size=path.stat().st_size)
        except FileNotFoundError:
            raise NotFound("unknown-content", f"You have no file with the content {sha256}; upload it first.") from None

    def write(self, stream: BinaryIO, limit: int, randomness: Callable[[int], bytes]) -> FileRef:
        """The content of the stream, durable. Raises TooLarge beyond `limit` bytes, OutOfSpace; either leaves nothing behind."""
        part = self._folder / f"{_PART}{randomness(8).hex()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
            try:
                ref = _copy(stream, part, limit, self._sync)
                self._place(part, ref)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            if is_out_of_space(error):
                raise OutOfSpace(
                    "disk-full", "The disk of the server is full: nothing of this file was kept. Free some space and try again."
                ) from error
            raise
        return ref

    def _place(self, part: Path, ref: FileRef) -> None:
        path = self.path(ref.sha256)
        if path.exists():
            os.utime(path)
            return
        path.parent.mkdir(exist_ok=True, mode=_FOLDER)
        part.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._sync(folder)
        finally:
            os.close(folder)

    def sweep(self, sha256: str, now: float) -> None:
        """Remove this content, if nothing has touched it for a while."""
        path = self.path(sha256)
        try:
            if path.stat().st_mtime < now - _SWEEP_AFTER:
                path.unlink()
        except FileNotFoundError:
            pass  # somebody else was faster

    def sweep_parts(self, now: float) -> None:
        """Remove what uploads left behind when their process was killed."""
        for path in self._folder.glob(f"{_PART}*"):
            try:
                if path.stat().st_mtime < now - 24 * _SWEEP_AFTER:
                    path.unlink()
            except FileNotFoundError:
                pass  # as above


def _copy(stream: BinaryIO, part: Path, limit: int, sync: Callable[[int], None]) -> FileRef:
    digest, size = hashlib.sha256(), 0
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444), "wb", buffering=0) as out:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise TooLarge(
                    "too-large", f"The file is larger than the limit of {limit} bytes; nothing of it was kept.", {"limit": limit}
                )
            digest.update(chunk)
            view = memoryview(chunk)
            while view:  # an unbuffered write may take a part only
                view = view[out.write(view) :]
        sync(out.fileno())
    return FileRef(sha256=digest.hexdigest(), size=size)


class LibraryStore:
    """Library files by their owner: another user's is not found. Every method raises StoreError when the database cannot."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def put(self, user: str, name: str, ref: FileRef, now: float) -> tuple[LibraryFile, bool]:
        """The file of that name has this content; True where the name is new."""
        try:
            return self._put(user, name, ref, now)
        except sa.exc.IntegrityError:
            return self._put(user, name, ref, now)  # somebody else has made the same name in between, on PostgreSQL

    def _put(self, user: str, name: str, ref: FileRef, now: float) -> tuple[LibraryFile, bool]:
        mine = (file.c.user == user) & (file.c.name == name)
        with writing(self._engine) as connection:
            changes = {"sha256": ref.sha256, "size": ref.size, "updated": now}
            if connection.execute(file.update().where(mine).values(changes)).rowcount == 0:
                row = {"user": user, "name": name, "created": now, **changes}
                connection.execute(file.insert(), row)
                return LibraryFile(name=name, sha256=ref.sha256, size=ref.size, created=now, updated=now), True
            created = connection.execute(sa.select(file.c.created).where(mine)).scalar_one()
        return LibraryFile(name=name, sha256=ref.sha256, size=ref.size, created=created, updated=now), False

    def get(self, user: str, name: str) -> LibraryFile:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(file).where(file.c.user == user, file.c.name == name)).first()
        if row is None:
            raise NotFound("unknown-file", f"There is no file called {name[:60]!r} in your library.")
        return _read(row)

    def page(self, user: str, limit: int, cursor: str = "") -> list[LibraryFile]:
        """The user's files in the order of their names, from the one after `cursor`."""
        query = sa.select(file).where(file.c.user == user, file.c.name > cursor).order_by(file.c.name).limit(limit)
        with reading(self._engine) as connection:
            return [_read(row) for row in connection.execute(query)]

    def delete(self, user: str, name: str) -> LibraryFile:
        """The name is gone; raises NotFound."""
        gone = self.get(user, name)
        with writing(self._engine) as connection:
            connection.execute(file.delete().where(file.c.user == user, file.c.name == name))
        return gone

    def named(self, user: str, sha256: str) -> bool:
        """Whether any file, any revision of any simulation, or any run that took it from another, of the user has this content."""
        with reading(self._engine) as connection:
            for table in (file, used, taken):
                query = sa.select(table.c.sha256).where(table.c.user == user, table.c.sha256 == sha256).limit(1)
                if connection.execute(query).first() is not None:
                    return True
        return False


def _read(row: sa.Row[tuple[object, ...]]) -> LibraryFile:
    return LibraryFile(name=row.name, sha256=row.sha256, size=row.size, created=row.created, updated=row.updated)
