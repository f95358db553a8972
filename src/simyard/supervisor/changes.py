"""The stream of changes: first what the store has after the listener's last one, then what becomes durable, as it does.

What waits for a listener is bounded: one that falls behind is served from the store again, each run as it is by then,
and one that takes nothing for a while is disconnected; it comes back with the number of the last change that it has.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tornado.iostream import StreamClosedError

from simyard.errors import InvalidRequest
from simyard.supervisor.web_door import Ask

#: What may wait for one listener (bytes).
MAX_WAITING = 4 << 20
#: A line that says nothing goes out this often (seconds).
KEEP_ALIVE = 10.0
#: A listener that takes nothing for so long is disconnected (seconds).
PATIENCE = 60.0
_PAGE = 200


class ChangesStream(Ask):
    """`GET /changes?after=N` (and `POST /changes`, a question like the others)."""

    def prepare(self) -> None:
        super().prepare()
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._sent = 0
        self._is_live = False
        self._moved = asyncio.Event()

    async def get(self) -> None:
        self.check_secret()
        after = self.get_query_argument("after", "0")
        if not after.isdecimal() or len(after) > 18:
            raise InvalidRequest("invalid-after", "`after` is the number of a change.")
        # a listener of another (restored, newer) database would wait for ever: it gets everything instead
        self._sent = int(after) if int(after) <= self.shell.known.last else 0
        self.set_header("Content-Type", "application/x-ndjson")
        self.shell.known.listeners.add(self)
        try:
            await self.pass_on(b"\n", PATIENCE)
            while not self.shell.stopping:
                await self._go_on()
        except StreamClosedError:
            return
        finally:
            self.shell.known.listeners.discard(self)

    def tell(self, change: int, line: bytes) -> None:
        """A change has become durable."""
        if self._is_live and change > self._sent:
            self._sent = change
            self._lines.append(line)
            self._waiting += len(line)
            if self._waiting > MAX_WAITING:
                # from here on from the store, from the last one that was passed on
                self._is_live = False
        self._moved.set()

    def notice(self, line: bytes) -> None:
        """Something that is told once, and kept nowhere. A listener that is too slow for it is disconnected, and knows by that
        that it may have missed something."""
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting > 2 * MAX_WAITING:
            self.abort()
        self._moved.set()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._moved.set()

    async def _go_on(self) -> None:
        if self.is_gone:
            raise StreamClosedError
        self._moved.clear()
        if self._lines:
            data = b"".join(self._lines)
            self._lines.clear()
            self._waiting = 0
            await self.pass_on(data, PATIENCE)
        elif not self._is_live:
            await self._catch_up()
        else:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    await self._moved.wait()
            except TimeoutError:
                await self.pass_on(b"\n", PATIENCE)

    async def _catch_up(self) -> None:
        shell, last = self.shell, self.shell.known.last
        happened = await shell.read(shell.store.happened_after, None, self._sent, _PAGE)
        if not happened:
            self._sent = max(self._sent, last)  # what there was until then could not be read, and is not told
        else:
            self._sent = happened[-1].change
            await self.pass_on(b"".join(map(shell.known.line, happened)), PATIENCE)
        # no await between the question and its consequence: nothing can become durable unheard in between
        if self._sent >= shell.known.last:
            self._is_live = True
