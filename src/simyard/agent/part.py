"""What has come so far of a content, on the disk, with its digest. Blocking, and for threads that may end late."""

from __future__ import annotations

import hashlib
import os
import threading

_PIECE = 1 << 20


class Part:
    """The file at `path`; `digest` is of all that was written to it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor = -1
        self.digest = hashlib.sha256()

    def begin(self) -> int:
        """How much is there."""
        with self._lock:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            offset = 0
            while True:
                piece = os.pread(self._descriptor, _PIECE, offset)
                if not piece:
                    return offset
                self.digest.update(piece)
                offset += len(piece)

    def write(self, data: bytes, offset: int) -> None:
        # at its place: the write of a try that was broken off, and ends late, writes the same there
        with self._lock:
            view = memoryview(data)
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                view, offset = view[written:], offset + written
            self.digest.update(data)

    def sync(self) -> None:
        """Raises OSError for what a file system only says now."""
        with self._lock:
            os.fsync(self._descriptor)

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
