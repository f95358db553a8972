"""Many connections over one stream of bytes: what the relay on a Docker host and the supervisor's end of it say to each other.

A frame is a kind (1 byte), the number of a connection (4), a length (4), and so many bytes. Each end reads all the time, and sends no
more of a connection than the other end has room for: a connection that nobody reads holds up no other, and nothing piles up.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, Awaitable, Callable, Dict, Iterator, Optional, Set, Tuple

from simyard.errors import ProtocolError

#: A connection begins (the relay says so); bytes of it; room for more bytes of it; it is over; a sign of life.
OPEN, DATA, ROOM, END, BEAT = 1, 2, 3, 4, 5
_HEADER, _COUNT = struct.Struct(">BII"), struct.Struct(">I")
#: A frame has no more than this, and a connection no more than that under way in each direction (bytes).
MAX_PAYLOAD, WINDOW = 64 << 10, 256 << 10
#: So many connections at once; the end that dials allows for as many again that are about to go.
MAX_LINES = 1024
#: A sign of life comes this often; the other end is gone when nothing came for so long (seconds).
HEARTBEAT, SILENCE = 10.0, 35.0

Streams = Tuple[asyncio.StreamReader, asyncio.StreamWriter]
Frame = Tuple[int, int, bytes]


def frame(kind: int, number: int = 0, payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    return _HEADER.pack(kind, number, len(payload)) + payload


class Frames:
    """Bytes in, whole frames out."""

    def __init__(self) -> None:
        self._got = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole by now. Raises ProtocolError."""
        self._got += data
        while len(self._got) >= _HEADER.size:
            kind, number, length = _HEADER.unpack_from(self._got)
            if not OPEN <= kind <= BEAT or length > MAX_PAYLOAD:
                raise ProtocolError("malformed", "What came through the relay is none of its frames.")
            end = _HEADER.size + length
            if len(self._got) < end:
                return
            payload = bytes(self._got[_HEADER.size : end])
            del self._got[:end]
            yield kind, number, payload


class _Line:
    """One connection: how much may still be sent of it, how much may still come, and what has come."""

    def __init__(self) -> None:
        self.room = self.allowed = WINDOW
        self.has_room = asyncio.Event()
        self.came: asyncio.Queue[bytes] = asyncio.Queue()  # b"" is its end
        self.eaten = 0
        self.is_over = False  # the other end knows
        self.may_go = True  # it has not been welcomed


class Tunnel:
    """One end. `send` puts bytes on the stream, and waits while that is full; `dial`, at the end that does so, makes a connection for
    each that begins at the other. A connection is welcome once what is answered on it begins with `welcome`: where there are too many,
    the oldest of the others makes room, so that nobody keeps the welcome ones out by many that are not."""

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[None]],
        dial: Optional[Callable[[], Awaitable[Streams]]] = None,
        welcome: bytes = b"",
    ) -> None:
        self._send, self._dial, self._welcome = send, dial, welcome
        self._turn = asyncio.Lock()
        self._frames = Frames()
        self._lines: Dict[int, _Line] = {}
        self._tasks: Set[asyncio.Future[None]] = set()
        self._numbers = 0
        self._heard = time.monotonic()

    def feed(self, data: bytes) -> None:
        """These bytes have come. Raises ProtocolError; the tunnel is of no use then."""
        self._heard = time.monotonic()
        for kind, number, payload in self._frames.feed(data):
            line = self._lines.get(number)
            if kind == OPEN:
                self._opened(number, line)
            elif line is None:
                continue  # a sign of life, or late: that connection is over here
            elif kind == DATA:
                line.allowed -= len(payload)
                if line.allowed < 0 or not payload:
                    raise ProtocolError("malformed", "More came through the relay than there was room for.")
                line.came.put_nowait(payload)
            elif kind == ROOM and len(payload) == _COUNT.size:
                line.room += _COUNT.unpack(payload)[0]
                line.has_room.set()
            elif kind == END:
                line.is_over = True
                line.came.put_nowait(b"")

    def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection has begun at this end."""
        if len(self._lines) >= MAX_LINES and not self._made_room():
            writer.close()
            return
        self._numbers += 1
        line = self._lines[self._numbers] = _Line()
        self._spawn(self._begin(self._numbers, line, (reader, writer)))

    async def watch(self) -> None:
        """Say now and then that this end lives; returns once the other has not for too long."""
        while time.monotonic() - self._heard < SILENCE:
            try:
                await asyncio.wait_for(self._say(BEAT), HEARTBEAT)
            except (asyncio.TimeoutError, OSError):
                return
            await asyncio.sleep(HEARTBEAT)

    async def close(self) -> None:
        """End all connections here."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _made_room(self) -> bool:
        oldest = next((line for line in self._lines.values() if line.may_go), None)
        if oldest is None or len(self._lines) >= 2 * MAX_LINES:
            return False
        oldest.may_go = False
        oldest.came.put_nowait(b"")
        return True

    def _opened(self, number: int, line: Optional[_Line]) -> None:
        if self._dial is None or line is not None or len(self._lines) >= 2 * MAX_LINES:
            raise ProtocolError("malformed", "A connection through the relay begins where none can.")
        line = self._lines[number] = _Line()
        self._spawn(self._answer(number, line, self._dial))

    async def _begin(self, number: int, line: _Line, streams: Streams) -> None:
        try:
            await self._say(OPEN, number)
        except OSError:
            streams[1].close()
            del self._lines[number]
            return
        await self._pump(number, line, streams)

    async def _answer(self, number: int, line: _Line, dial: Callable[[], Awaitable[Streams]]) -> None:
        try:
            streams = await dial()
        except OSError:
            del self._lines[number]
            await self._end(number, line)
            return
        await self._pump(number, line, streams)

    async def _pump(self, number: int, line: _Line, streams: Streams) -> None:
        """Until one of both sides is done: what had come by then has been written."""
        reader, writer = streams
        both = [
            asyncio.ensure_future(self._outward(number, line, reader)),
            asyncio.ensure_future(self._inward(number, line, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            writer.close()
            del self._lines[number]
            # a connection that breaks is over, and no more than that
            for result in await asyncio.gather(*both, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, OSError):
                    raise result
        await self._end(number, line)

    async def _outward(self, number: int, line: _Line, reader: asyncio.StreamReader) -> None:
        while True:
            while line.room <= 0:
                line.has_room.clear()
                await line.has_room.wait()
            data = await reader.read(min(MAX_PAYLOAD, line.room))
            if not data:
                return
            line.room -= len(data)
            await self._say(DATA, number, data)

    async def _inward(self, number: int, line: _Line, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await line.came.get()
            if not data:
                return
            line.may_go = line.may_go and not data.startswith(self._welcome)
            writer.write(data)
            await writer.drain()
            line.eaten += len(data)
            if line.eaten >= WINDOW // 4:  # not for every small message
                eaten, line.eaten = line.eaten, 0
                line.allowed += eaten
                await self._say(ROOM, number, _COUNT.pack(eaten))

    async def _end(self, number: int, line: _Line) -> None:
        if not line.is_over:
            try:
                await self._say(END, number)
            except OSError:
                pass  # the tunnel itself is over, as whoever holds it notices

    async def _say(self, kind: int, number: int = 0, payload: bytes = b"") -> None:
        async with self._turn:
            await self._send(frame(kind, number, payload))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
