"""The doorbell: a FIFO into which job cmds write the id of the run that has something new. Hearing nothing loses nothing."""

from __future__ import annotations

import asyncio
import os
from typing import Callable

_PIECE = 64 << 10
_MAX_LINE = 64


class Bell:
    """Calls `ring(run)` for every line; what is no run's id is for `ring` to ignore."""

    def __init__(self, path: str, ring: Callable[[str], None]) -> None:
        # open for both ways, so that there is always a writer and never an end of file
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._ring = ring
        self._rest = b""

    def hang(self) -> None:
        """Begin to listen, on the running loop."""
        asyncio.get_running_loop().add_reader(self._descriptor, self._heard)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _heard(self) -> None:
        try:
            data = self._rest + os.read(self._descriptor, _PIECE)
        except BlockingIOError:
            return
        *lines, rest = data.split(b"\n")
        self._rest = rest if len(rest) <= _MAX_LINE else b""
        # several lines of one run are one reason to look
        for line in set(lines):
            if len(line) <= _MAX_LINE:
                self._ring(line.decode("ascii", "replace"))
